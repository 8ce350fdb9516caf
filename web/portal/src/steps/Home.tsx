import { useState } from "preact/hooks";
import { spaced } from "../address.ts";
import { localMoment } from "../dates.ts";
import { ask, Problem } from "../http.ts";
import { Button } from "../parts/Button.tsx";
import { useArrival, useCall, useTitle } from "../parts/hooks.ts";
import { RowLink } from "../parts/RowLink.tsx";
import { Trouble } from "../parts/Say.tsx";
import type { Session } from "../portal.ts";
import { forgetErrands } from "../settings/errand.ts";
import type { Stage } from "../SignIn.tsx";
import { keepingPreferences } from "../storage.ts";
import { useSpeech } from "../texts/index.ts";
import { monogram } from "../theme.ts";
import { holdBack } from "../wechat.ts";

/** Inside: who you are, where, until when, and the ways out. */
export function Home({ stage, session }: { stage: Stage; session: Session }) {
  const { locale, texts } = useSpeech();
  const said = texts.home;
  const { user } = session;
  const heading = useArrival<HTMLHeadingElement>(stage.moved);
  const [asked, setAsked] = useState(false);
  const { busy, problem, run } = useCall(() => false);
  const address = user.phone ?? user.email;
  useTitle(said.heading, stage.portal.design.title);

  const end = (path: string) =>
    run(async () => {
      try {
        await keepingPreferences(() => ask("DELETE", path));
      } catch (failure) {
        // Already ended elsewhere: as signed out as can be.
        if (!(failure instanceof Problem && failure.status === 401)) throw failure;
      }
      forgetErrands();
      holdBack(stage.portal.id);
      stage.go({ at: "address", notice: "signedOut" });
    });

  return (
    <section class="step" aria-labelledby="heading">
      <div class="person">
        <span class="portrait" aria-hidden="true">
          {monogram(user.name ?? stage.portal.name)}
        </span>
        <div>
          <h1 id="heading" ref={heading} tabIndex={-1}>
            {user.name ? said.greeting(user.name) : said.welcome}
          </h1>
          <p class="lead">{said.lead(session.portal.name)}</p>
        </div>
      </div>
      <dl class="details">
        {address && (
          <div>
            <dt>{said.account}</dt>
            <dd>{[user.phone && spaced(user.phone), user.email].filter(Boolean).join(" · ")}</dd>
          </div>
        )}
        <div>
          <dt>{said.portal}</dt>
          <dd>{session.portal.name}</dd>
        </div>
        <div>
          <dt>{said.until}</dt>
          <dd>
            <time dateTime={session.expiresAt}>{localMoment(session.expiresAt, locale)}</time>
          </dd>
        </div>
      </dl>
      <div class="rows lone">
        <RowLink route="settings" icon="gear" title={said.settings} detail={said.settingsHint} />
      </div>
      {problem && <Trouble problem={problem} retryAt={null} />}
      {asked ? (
        <Sure busy={busy} yes={() => void end("/v1/sessions")} no={() => setAsked(false)} />
      ) : (
        <div class="ways-out">
          <Button type="button" busy={busy} onClick={() => void end("/v1/session")}>
            {said.signOut}
          </Button>
          <Button type="button" look="quiet" onClick={() => setAsked(true)}>
            {said.everywhere}
          </Button>
        </div>
      )}
    </section>
  );
}

function Sure({ busy, yes, no }: { busy: boolean; yes: () => void; no: () => void }) {
  const { home: said } = useSpeech().texts;
  const question = useArrival<HTMLParagraphElement>(true);
  return (
    <div class="ways-out sure">
      <p ref={question} tabIndex={-1}>
        {said.sure}
      </p>
      <Button type="button" busy={busy} onClick={yes}>
        {said.sureYes}
      </Button>
      <Button type="button" look="quiet" onClick={no}>
        {said.sureNo}
      </Button>
    </div>
  );
}
