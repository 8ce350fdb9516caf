import { useEffect, useRef, useState } from "preact/hooks";
import { faultOf } from "../address.ts";
import { agreed, consentOf } from "../agreement.ts";
import { pathOf, requestCode } from "../codes.ts";
import { zonedMoment } from "../dates.ts";
import { ask } from "../http.ts";
import type { Notice } from "../journey.ts";
import { AddressInput, sortOf, type AddressTrouble } from "../parts/AddressInput.tsx";
import { AgreementTick } from "../parts/AgreementTick.tsx";
import { addressTrouble } from "../parts/AskAddress.tsx";
import { Button } from "../parts/Button.tsx";
import { useCall, useSecondsUntil, useTitle, useWide } from "../parts/hooks.ts";
import { PasswordInput } from "../parts/PasswordInput.tsx";
import { Note, Trouble, useRetryAt } from "../parts/Say.tsx";
import { Tick } from "../parts/Tick.tsx";
import { WeChatScan } from "../parts/WeChatScan.tsx";
import { WeChatWay } from "../parts/WeChatWay.tsx";
import type { Outcome, Portal } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";
import { rememberedWay, rememberWay } from "../storage.ts";
import { useSpeech, type Texts } from "../texts/index.ts";
import { placeOf, WIDE } from "../wechat.ts";

interface Faults {
  address?: AddressTrouble | null;
  password?: "empty" | "wrong";
  agree?: boolean;
}

/** The first question: who is there, by code (F11) or by password (F14). */
export function AddressStep({ stage, notice }: { stage: Stage; notice: Notice | undefined }) {
  const { portal, typed, type, moved } = stage;
  const { locale, texts } = useSpeech();
  const said = texts.address;
  const sort = sortOf(portal.accounts);
  const way = portal.password ? (typed.way ?? rememberedWay(portal.id)) : "code";
  const byPassword = way === "password";
  const input = useRef<HTMLInputElement>(null);
  const secret = useRef<HTMLInputElement>(null);
  const [password, setPassword] = useState("");
  const [faults, setFaults] = useState<Faults>({});
  const { busy, problem, setProblem, run } = useCall((met) => met.kind !== "method-off" && stage.leave(met));
  const retryAt = useRetryAt(problem);
  const wait = useSecondsUntil(retryAt);
  const heading = byPassword ? said.byPassword.heading : said.heading;
  useTitle(heading, portal.design.title);

  // On phones the keyboard would cover the page before it was seen; there the first touch is the person's.
  useEffect(() => {
    if (moved || matchMedia("(pointer: fine)").matches) (byPassword && typed.address ? secret : input).current?.focus();
  }, []);

  const show = (found: Faults) => {
    setFaults(found);
    if (found.address) input.current?.focus();
    else if (found.password) secret.current?.focus();
    else if (found.agree) document.getElementById("agree")?.focus();
    return Boolean(found.address || found.password || found.agree);
  };

  const submit = async () => {
    setProblem(null);
    const found: Faults = {
      address: faultOf(typed.address, portal.accounts),
      ...(byPassword && !password ? { password: "empty" } : {}),
      ...(stage.agreement !== null && !agreed(stage) ? { agree: true } : {}),
    };
    if (show(found)) return;
    const met = await run(byPassword ? enter : send);
    if (met) {
      const wrong = met.kind === "password-wrong";
      if (!show({ address: addressTrouble(met) as AddressTrouble | null, ...(wrong ? { password: "wrong" } : {}) })) (byPassword ? secret : input).current?.focus();
      // The next letter typed replaces the wrong password.
      if (wrong) secret.current?.select();
    }
  };
  const send = async () => {
    consentOf(stage);
    stage.go({ at: "code", ...(await requestCode(portal, locale, { purpose: "sign-in", address: typed.address })) });
  };
  const enter = async () => {
    const body = { address: typed.address.trim(), password, remember: portal.sevenDays && typed.remember, link: portal.link, ...consentOf(stage) };
    const outcome = await ask<Outcome>("POST", pathOf(portal, "password-sessions"), body);
    rememberWay(portal.id, "password");
    await stage.follow(outcome);
  };
  const turn = () => {
    type({ way: byPassword ? "code" : "password" });
    setFaults({});
    setProblem(null);
    // The field that comes with the other way is drawn first.
    requestAnimationFrame(() => (typed.address && !byPassword ? secret : input).current?.focus());
  };

  const shown = problem && !faults.address && !faults.password ? problem : null;
  const place = placeOf(navigator.userAgent, useWide(WIDE));
  const form = (
    <form
      class="step"
      noValidate
      aria-labelledby="heading"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <h1 id="heading">{heading}</h1>
      <p class="lead">{byPassword ? said.byPassword.lead : said.lead[sort]}</p>
      {notice && <Note live>{noticeOf(notice, texts)}</Note>}
      <Admission portal={portal} />
      <AddressInput
        accounts={portal.accounts}
        value={typed.address}
        fault={faults.address ?? null}
        input={input}
        username={byPassword}
        onType={(address) => {
          type({ address });
          setFaults(({ address: _, ...others }) => others);
        }}
      />
      {byPassword && (
        <>
          <PasswordInput
            id="password"
            label={texts.password.label}
            value={password}
            fault={faults.password ? texts.password[faults.password] : null}
            input={secret}
            onType={(value) => {
              setPassword(value);
              setFaults(({ password: _, ...others }) => others);
            }}
          />
          <p class="aside">
            <button type="button" class="link" onClick={() => stage.go({ at: "forgot" })}>
              {said.forgot}
            </button>
          </p>
        </>
      )}
      {portal.sevenDays && <Tick id="remember" checked={typed.remember} label={said.sevenDays} onTick={(remember) => type({ remember })} />}
      {portal.agreement && (
        <AgreementTick
          stage={stage}
          parts={portal.agreement}
          checked={agreed(stage)}
          faulty={Boolean(faults.agree)}
          onTick={(checked) => {
            type({ agreed: checked ? (stage.agreement ?? 0) : 0 });
            setFaults(({ agree: _, ...others }) => others);
          }}
        />
      )}
      {shown && <Trouble problem={shown} retryAt={retryAt} />}
      <Button busy={busy} blocked={problem?.kind === "locked" && wait > 0}>
        {byPassword ? said.byPassword.submit : said.submit}
      </Button>
      {portal.password && (
        <button type="button" class="link lone" onClick={turn}>
          {byPassword ? said.useCode : said.usePassword}
        </button>
      )}
      {portal.wechat && <WeChatWay stage={stage} place={place} />}
    </form>
  );
  if (!portal.wechat) return form;
  return (
    <div class="beside">
      {form}
      {place === "beside" && <WeChatScan stage={stage} />}
    </div>
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

function noticeOf(notice: Notice, texts: Texts): string {
  return notice === "signedOut" || notice === "ended" || notice === "deleted" ? texts.home[notice] : texts.trouble[notice];
}
