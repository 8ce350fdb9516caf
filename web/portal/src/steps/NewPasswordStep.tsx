import { spaced } from "../address.ts";
import { pathOf, requestCode } from "../codes.ts";
import { ask, Problem } from "../http.ts";
import type { Step } from "../journey.ts";
import { useTitle } from "../parts/hooks.ts";
import { NewPasswordForm } from "../parts/NewPasswordForm.tsx";
import { SentTo } from "../parts/SentCode.tsx";
import type { Stage } from "../SignIn.tsx";
import { rememberWay } from "../storage.ts";
import { useSpeech } from "../texts/index.ts";

/** The code and the new password; afterwards people sign in with it (F14). */
export function NewPasswordStep({ stage, step }: { stage: Stage; step: Extract<Step, { at: "newPassword" }> }) {
  const { portal, typed } = stage;
  const { locale, texts } = useSpeech();
  const said = texts.forgot;
  useTitle(said.fresh, portal.design.title);
  return (
    <NewPasswordForm
      intro={
        <>
          <h1 id="heading">{said.fresh}</h1>
          <SentTo sent={step} to={spaced(typed.address)} change={() => stage.go({ at: "forgot" })} />
        </>
      }
      username={typed.address}
      least={step.least}
      sent={step}
      resend={async () => stage.go({ at: "newPassword", least: step.least, ...(await requestCode(portal, locale, { purpose: "reset-password", address: typed.address })) })}
      submit={said.submit}
      leave={(problem) => {
        if (problem.kind !== "no-account") return stage.leave(problem);
        stage.type({ way: "code" });
        stage.go({ at: "address", notice: "no-account" });
        return true;
      }}
      save={async (proof, password) => {
        if (!("code" in proof)) throw new Problem("unknown", 0);
        await ask("POST", pathOf(portal, "password"), { flow: step.flow, code: proof.code, password });
        rememberWay(portal.id, "password");
        stage.type({ way: "password" });
        stage.go({ at: "address", notice: "password-set" });
      }}
    >
      <button type="button" class="link lone" onClick={() => stage.go({ at: "address" })}>
        {said.back}
      </button>
    </NewPasswordForm>
  );
}
