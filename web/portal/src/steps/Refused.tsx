import { zonedMoment } from "../dates.ts";
import type { Refusal, RefusalKind } from "../journey.ts";
import { Button } from "../parts/Button.tsx";
import { useArrival, useTitle } from "../parts/hooks.ts";
import { Icon, type IconName } from "../parts/Icon.tsx";
import type { Locale, Window } from "../portal.ts";
import { useSpeech, type Texts } from "../texts/index.ts";

const EMBLEMS: Record<RefusalKind, IconName> = {
  "registration-closed": "clock",
  "not-invited": "email",
  rejected: "leaf",
  disabled: "lock",
  "no-seats": "chair",
  "portal-off": "door",
  "not-found": "compass",
  "invitation-over": "email",
};

interface Props {
  refusal: Refusal;
  title: string;
  /** Back to the address; without it there is nothing to go back to, only to try again later. */
  back?: () => void;
}

/** An honest and kind end of a try, each in its own words. */
export function Refused({ refusal, title, back }: Props) {
  const { locale, texts } = useSpeech();
  const said = texts.refused;
  const heading = useArrival<HTMLHeadingElement>(Boolean(back));
  const dead = refusal.kind === "portal-off" || refusal.kind === "not-found";
  useTitle(said[refusal.kind].heading, title);
  return (
    <section class="step" aria-labelledby="heading">
      <div class="emblem">
        <Icon name={EMBLEMS[refusal.kind]} />
      </div>
      <h1 id="heading" ref={heading} tabIndex={-1}>
        {said[refusal.kind].heading}
      </h1>
      {paragraphsOf(refusal, texts, locale).map((paragraph) => (
        <p class="lead" key={paragraph}>
          {paragraph}
        </p>
      ))}
      {refusal.kind === "rejected" && refusal.reason && (
        <figure class="reason">
          <figcaption>{said.rejected.reason}</figcaption>
          <blockquote>{refusal.reason}</blockquote>
        </figure>
      )}
      {refusal.kind === "rejected" && <p class="lead">{said.rejected.next}</p>}
      {back && !dead ? (
        <Button type="button" look="quiet" onClick={back}>
          {refusal.kind === "invitation-over" ? said["invitation-over"].back : said.back}
        </Button>
      ) : (
        <Button type="button" look="quiet" onClick={() => location.reload()}>
          {said.again}
        </Button>
      )}
    </section>
  );
}

function paragraphsOf({ kind, window }: Refusal, texts: Texts, locale: Locale): string[] {
  const said = texts.refused;
  switch (kind) {
    case "registration-closed":
      return [windowWords(window ?? {}, said[kind], locale), said[kind].next];
    default:
      return [said[kind].text];
  }
}

function windowWords({ opensAt, closesAt, zone }: Window, said: Texts["refused"]["registration-closed"], locale: Locale): string {
  const now = Date.now();
  if (opensAt && Date.parse(opensAt) > now) return said.opens(zonedMoment(opensAt, zone, locale));
  return closesAt ? said.closed(zonedMoment(closesAt, zone, locale)) : said.plain;
}
