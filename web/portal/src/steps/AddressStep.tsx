import { useEffect, useRef, useState } from "preact/hooks";
import { faultOf, kindOf } from "../address.ts";
import { zonedMoment } from "../dates.ts";
import { ask, Problem } from "../http.ts";
import type { Notice } from "../journey.ts";
import { Button } from "../parts/Button.tsx";
import { useCall, useTitle } from "../parts/hooks.ts";
import { Icon } from "../parts/Icon.tsx";
import { Fault, Note, Trouble, useRetryAt } from "../parts/Say.tsx";
import { Tick } from "../parts/Tick.tsx";
import type { Accounts, Channel, Portal } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech, type Texts } from "../texts/index.ts";

interface CodeSent {
  flow: string;
  channel: Channel;
  resendIn: number;
}

/** Asks for a code; used by this step and by sending again. */
export async function sendCode(stage: Stage, locale: string): Promise<void> {
  const { portal, typed } = stage;
  const sent = await ask<CodeSent>("POST", `/v1/portals/${encodeURIComponent(portal.id)}/codes`, {
    address: typed.address.trim(),
    purpose: "sign-in",
    link: portal.link,
    locale,
  });
  stage.go({ at: "code", flow: sent.flow, channel: sent.channel, resendAt: Date.now() + sent.resendIn * 1000 });
}

/** The first question: one field that knows a phone from an email (F11). */
export function AddressStep({ stage, notice }: { stage: Stage; notice: Notice | undefined }) {
  const { portal, typed, type, moved } = stage;
  const { locale, texts } = useSpeech();
  const said = texts.address;
  const sort = sortOf(portal.accounts);
  const input = useRef<HTMLInputElement>(null);
  const [fault, setFault] = useState<keyof Texts["address"]["faults"] | null>(null);
  const { busy, problem, setProblem, run } = useCall((met) => met.kind !== "method-off" && stage.leave(met));
  const retryAt = useRetryAt(problem);
  useTitle(said.heading, portal.design.title);

  // On phones the keyboard would cover the page before it was seen; there the first touch is the person's.
  useEffect(() => {
    if (moved || matchMedia("(pointer: fine)").matches) input.current?.focus();
  }, []);

  const submit = async () => {
    const found = faultOf(typed.address, portal.accounts);
    setFault(found);
    setProblem(null);
    if (found) return input.current?.focus();
    const met = await run(() => sendCode(stage, locale));
    if (met) {
      const pointed = met.body.errors?.find(({ pointer }) => pointer === "/address");
      if (pointed) setFault(pointed.code === "country-not-allowed" ? "country-not-allowed" : "invalid");
      input.current?.focus();
    }
  };

  const words = fault && said.faults[fault];
  const shown = problem && !fault ? problem : null;
  return (
    <form
      class="step"
      noValidate
      aria-labelledby="heading"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <h1 id="heading">{said.heading}</h1>
      <p class="lead">{said.lead[sort]}</p>
      {notice && <Note live>{noticeOf(notice, texts)}</Note>}
      <Admission portal={portal} />
      <div class="row">
        <label for="address">{said.label[sort]}</label>
        <div class="with-icon">
          <input
            ref={input}
            id="address"
            name="address"
            {...keyboardOf(sort)}
            autoCapitalize="none"
            autoCorrect="off"
            spellcheck={false}
            maxLength={254}
            value={typed.address}
            aria-invalid={fault ? "true" : undefined}
            aria-describedby={fault ? "address-fault" : undefined}
            onInput={({ currentTarget }) => {
              type({ address: currentTarget.value });
              setFault(null);
            }}
          />
          <Icon name={kindOf(typed.address) ?? (sort === "both" ? "person" : sort)} />
        </div>
        {words && <Fault id="address-fault">{typeof words === "string" ? words : words[sort]}</Fault>}
      </div>
      {portal.sevenDays && <Tick id="remember" checked={typed.remember} label={said.sevenDays} onTick={(remember) => type({ remember })} />}
      {shown && <Trouble problem={shown} retryAt={retryAt} />}
      <Button busy={busy}>{said.submit}</Button>
    </form>
  );
}

/** Who may come in at all just now, said before anybody spends a code on it (F20, F31). */
function Admission({ portal }: { portal: Portal }) {
  const { locale, texts } = useSpeech();
  const { state, opensAt, closesAt, zone } = portal.registration;
  const said = texts.address;
  if (state === "notYet") return <Note>{opensAt ? said.opens(zonedMoment(opensAt, zone, locale)) : said.opensLater}</Note>;
  if (state === "closed") return <Note>{closesAt ? said.closedAt(zonedMoment(closesAt, zone, locale)) : said.closed}</Note>;
  if (portal.access === "invited") return <Note>{said.invited}</Note>;
  return null;
}

type Sort = "both" | "phone" | "email";

function sortOf({ phone, email }: Accounts): Sort {
  return phone && email ? "both" : phone ? "phone" : "email";
}

/** `type="text"` throughout: the browser's own email field would rewrite or refuse full-width characters. */
function keyboardOf(sort: Sort) {
  if (sort === "phone") return { type: "text", inputMode: "tel", autocomplete: "tel" } as const;
  if (sort === "email") return { type: "text", inputMode: "email", autocomplete: "email" } as const;
  return { type: "text", inputMode: "email", autocomplete: "username" } as const;
}

function noticeOf(notice: Notice, texts: Texts): string {
  return notice === "signedOut" || notice === "ended" ? texts.home[notice] : texts.trouble[notice];
}

/** For callers that only need to know whether a problem is about being too quick. */
export const tooSoon = (problem: Problem | null): number | null =>
  problem?.status === 429 ? Date.now() + (problem.retryAfter ?? 60) * 1000 : null;
