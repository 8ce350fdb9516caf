import { useState } from "preact/hooks";
import { spaced } from "../address.ts";
import { pathOf, requestCode } from "../codes.ts";
import { ask, Problem } from "../http.ts";
import type { Step } from "../journey.ts";
import { AskAddress } from "../parts/AskAddress.tsx";
import { useTitle } from "../parts/hooks.ts";
import { SentCode } from "../parts/SentCode.tsx";
import type { Outcome } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";

/** The address that the portal wants besides the one that was proven: asked for, then proven too (F21). */
export function BindStep({ stage, step }: { stage: Stage; step: Extract<Step, { at: "bind" }> }) {
  const { portal, typed } = stage;
  const { locale, texts } = useSpeech();
  const said = texts.bind;
  const { missing, ticket, sent } = step;
  const address = typed.bound ?? "";
  const [taken, setTaken] = useState<string | null>(null);
  const heading = <h1 id="heading">{said.heading[missing]}</h1>;
  useTitle(said.heading[missing], portal.design.title);

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
            <p class="lead">{said.lead[missing](portal.name)}</p>
          </>
        }
        accounts={{ phone: missing === "phone", email: missing === "email" }}
        value={address}
        onType={(bound) => stage.type({ bound })}
        taken={taken}
        wordsOf={(problem) => (problem.kind === "already-bound" ? said.taken[missing] : null)}
        leave={stage.leave}
        send={send}
      />
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
        const outcome = await ask<Outcome>("POST", pathOf(portal, "sessions"), { flow: sent.flow, code, ticket, remember: portal.sevenDays && typed.remember });
        stage.type({ bound: "" });
        await stage.follow(outcome);
      }}
      resend={send}
      leave={(problem: Problem) => {
        if (problem.kind !== "already-bound") return stage.leave(problem);
        setTaken(said.taken[missing]);
        askAgain();
        return true;
      }}
    />
  );
}
