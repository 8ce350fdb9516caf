import { useState } from "preact/hooks";
import { spaced } from "../address.ts";
import { agreed, consentOf } from "../agreement.ts";
import { pathOf, requestCode } from "../codes.ts";
import { ask, Problem } from "../http.ts";
import type { Step } from "../journey.ts";
import { AgreementTick } from "../parts/AgreementTick.tsx";
import { AskAddress } from "../parts/AskAddress.tsx";
import { useTitle } from "../parts/hooks.ts";
import { SentCode } from "../parts/SentCode.tsx";
import { Tick } from "../parts/Tick.tsx";
import type { Outcome } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";

/** An address that is asked for, then proven: the other one besides the first (F21), or one to bind a WeChat to (F18). */
export function BindStep({ stage, step }: { stage: Stage; step: Extract<Step, { at: "bind" }> }) {
  const { portal, typed } = stage;
  const { locale, texts } = useSpeech();
  const said = texts.bind;
  const { missing, ticket, sent, wechat } = step;
  const address = typed.bound ?? "";
  const [taken, setTaken] = useState<string | null>(null);
  const [unticked, setUnticked] = useState(false);
  const words = wechat ? { heading: said.wechat.heading, lead: said.wechat.lead[missing](portal.name) } : { heading: said.heading[missing], lead: said.lead[missing](portal.name) };
  const heading = <h1 id="heading">{words.heading}</h1>;
  useTitle(words.heading, portal.design.title);

  const send = async () => stage.go({ ...step, sent: await requestCode(portal, locale, { purpose: "bind", address, ticket }) });
  const askAgain = () => {
    const { sent: _, ...before } = step;
    stage.go(before);
  };

  if (!sent) {
    return (
      <AskAddress
        key="address"
        intro={
          <>
            {heading}
            <p class="lead">{words.lead}</p>
          </>
        }
        accounts={missing === "any" ? portal.accounts : { phone: missing === "phone", email: missing === "email" }}
        value={address}
        onType={(bound) => stage.type({ bound })}
        taken={taken}
        wordsOf={(problem) => (problem.kind === "already-bound" ? said.taken[missing] : null)}
        leave={stage.leave}
        ready={() => {
          const wanting = Boolean(wechat) && stage.agreement !== null && !agreed(stage);
          setUnticked(wanting);
          if (wanting) document.getElementById("agree")?.focus();
          return !wanting;
        }}
        send={send}
        ticks={
          wechat && (
            <>
              {portal.sevenDays && <Tick id="remember" checked={typed.remember} label={texts.address.sevenDays} onTick={(remember) => stage.type({ remember })} />}
              {portal.agreement && (
                <AgreementTick
                  stage={stage}
                  parts={portal.agreement}
                  checked={agreed(stage)}
                  faulty={unticked}
                  onTick={(checked) => {
                    stage.type({ agreed: checked ? (stage.agreement ?? 0) : 0 });
                    setUnticked(false);
                  }}
                />
              )}
            </>
          )
        }
      >
        {wechat && (
          <button type="button" class="link lone" onClick={() => stage.go({ at: "address" })}>
            {texts.wechat.going.other}
          </button>
        )}
      </AskAddress>
    );
  }
  return (
    <SentCode
      key="code"
      heading={heading}
      sent={sent}
      to={spaced(address)}
      change={() => {
        setTaken(null);
        askAgain();
      }}
      verify={async (code) => {
        const remember = portal.sevenDays && typed.remember;
        const outcome = await ask<Outcome>("POST", pathOf(portal, "sessions"), { flow: sent.flow, code, ticket, remember, ...(wechat ? consentOf(stage) : {}) });
        stage.type({ bound: "" });
        await stage.follow(outcome);
      }}
      resend={send}
      leave={(problem: Problem) => {
        if (problem.kind !== "already-bound") return stage.leave(problem);
        // Whom WeChat named is used up by a right code: another try begins there.
        if (wechat) stage.go({ at: "address", notice: "wechat-bound" });
        else {
          setTaken(said.taken[missing]);
          askAgain();
        }
        return true;
      }}
    />
  );
}
