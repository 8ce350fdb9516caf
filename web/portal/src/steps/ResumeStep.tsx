import { useEffect } from "preact/hooks";
import { pathOf } from "../codes.ts";
import { ask } from "../http.ts";
import type { Step } from "../journey.ts";
import { Button } from "../parts/Button.tsx";
import { useCall, useTitle } from "../parts/hooks.ts";
import { Trouble, useRetryAt } from "../parts/Say.tsx";
import type { Outcome } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";

/** Back from WeChat with a sign-in that is not over: the server tells its step. */
export function ResumeStep({ stage, step }: { stage: Stage; step: Extract<Step, { at: "resume" }> }) {
  const { portal } = stage;
  const { texts } = useSpeech();
  const said = texts.wechat.resume;
  const { busy, problem, run } = useCall(stage.leave);
  const retryAt = useRetryAt(problem);
  useTitle(said.heading, portal.design.title);
  const load = () => void run(async () => stage.follow(await ask<Outcome>("POST", pathOf(portal, "registration/status"), { ticket: step.ticket })));
  useEffect(load, []);
  return (
    <section class="step" aria-labelledby="heading">
      <h1 id="heading">{said.heading}</h1>
      {problem ? (
        <>
          <Trouble problem={problem} retryAt={retryAt} />
          <Button type="button" busy={busy} onClick={load}>
            {texts.refused.again}
          </Button>
        </>
      ) : (
        <p class="pulse" role="status">
          {texts.busy}
        </p>
      )}
    </section>
  );
}
