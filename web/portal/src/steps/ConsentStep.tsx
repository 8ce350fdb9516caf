import { useState } from "preact/hooks";
import { consentOf } from "../agreement.ts";
import { pathOf } from "../codes.ts";
import { ask } from "../http.ts";
import type { Step } from "../journey.ts";
import { AgreementTick } from "../parts/AgreementTick.tsx";
import { Button } from "../parts/Button.tsx";
import { useArrival, useCall, useTitle } from "../parts/hooks.ts";
import { Icon } from "../parts/Icon.tsx";
import { Trouble, useRetryAt } from "../parts/Say.tsx";
import type { Outcome } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";

/** A version of the agreement that this person has not agreed to yet (F10). */
export function ConsentStep({ stage, step }: { stage: Stage; step: Extract<Step, { at: "consent" }> }) {
  const { portal } = stage;
  const said = useSpeech().texts.agreement;
  const heading = useArrival<HTMLHeadingElement>(stage.moved);
  // Never ticked beforehand: somebody else may have agreed in this browser.
  const [ticked, setTicked] = useState<number | null>(null);
  const accepted = ticked !== null && ticked === stage.agreement;
  const [missing, setMissing] = useState(false);
  const { busy, problem, run } = useCall(stage.leave);
  const retryAt = useRetryAt(problem);
  useTitle(said.consent.heading, portal.design.title);

  const submit = async () => {
    setMissing(!accepted);
    if (!accepted) return document.getElementById("agree")?.focus();
    await run(async () => stage.follow(await ask<Outcome>("POST", pathOf(portal, "registration"), { ticket: step.ticket, ...consentOf(stage) })));
  };
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
      <div class="emblem">
        <Icon name="paper" />
      </div>
      <h1 id="heading" ref={heading} tabIndex={-1}>
        {said.consent.heading}
      </h1>
      <p class="lead">{said.consent.lead(portal.name)}</p>
      <AgreementTick
        stage={stage}
        parts={portal.agreement ?? { terms: true, privacy: true }}
        checked={accepted}
        faulty={missing}
        onTick={(checked) => {
          setTicked(checked ? stage.agreement : null);
          stage.type({ agreed: checked ? (stage.agreement ?? 0) : 0 });
          setMissing(false);
        }}
      />
      {problem && <Trouble problem={problem} retryAt={retryAt} />}
      <Button busy={busy}>{said.consent.submit}</Button>
    </form>
  );
}
