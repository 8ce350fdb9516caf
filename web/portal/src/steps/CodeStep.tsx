import { spaced } from "../address.ts";
import { consentOf } from "../agreement.ts";
import { pathOf, requestCode } from "../codes.ts";
import { ask } from "../http.ts";
import type { Step } from "../journey.ts";
import { useTitle } from "../parts/hooks.ts";
import { SentCode } from "../parts/SentCode.tsx";
import type { Outcome } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";
import { rememberWay } from "../storage.ts";
import { useSpeech } from "../texts/index.ts";
import { leave } from "./InvitationStep.tsx";

/** The second question: the code. */
export function CodeStep({ stage, step }: { stage: Stage; step: Extract<Step, { at: "code" }> }) {
  const { portal, typed } = stage;
  const { locale, texts } = useSpeech();
  const { invitation } = step;
  const wanted = invitation ? ({ purpose: "sign-in", invitation: invitation.token } as const) : ({ purpose: "sign-in", address: typed.address } as const);
  useTitle(texts.code.heading, portal.design.title);
  return (
    <SentCode
      heading={<h1 id="heading">{texts.code.heading}</h1>}
      sent={step}
      to={invitation?.invited.hint ?? spaced(typed.address)}
      change={() => stage.go(invitation ? { at: "invitation", ...invitation } : { at: "address" })}
      leave={(problem) => (invitation ? leave(stage, problem) : stage.leave(problem))}
      verify={async (code) => {
        const remember = portal.sevenDays && typed.remember;
        const outcome = await ask<Outcome>("POST", pathOf(portal, "sessions"), { flow: step.flow, code, remember, ...consentOf(stage) });
        rememberWay(portal.id, "code");
        await stage.follow(outcome);
      }}
      resend={async () => stage.go({ ...step, ...(await requestCode(portal, locale, wanted)) })}
    />
  );
}
