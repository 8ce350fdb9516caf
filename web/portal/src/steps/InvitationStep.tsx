import { useEffect, useState } from "preact/hooks";
import { agreed, consentOf } from "../agreement.ts";
import { pathOf, requestCode } from "../codes.ts";
import { ask, type Problem } from "../http.ts";
import type { Step } from "../journey.ts";
import { AgreementTick } from "../parts/AgreementTick.tsx";
import { Button } from "../parts/Button.tsx";
import { useArrival, useCall, useTitle } from "../parts/hooks.ts";
import { Icon } from "../parts/Icon.tsx";
import { Trouble, useRetryAt } from "../parts/Say.tsx";
import { Tick } from "../parts/Tick.tsx";
import type { Invited } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";

/** By the link of an invitation: who invites whom, and a code to the address that was invited (S48). */
export function InvitationStep({ stage, step }: { stage: Stage; step: Extract<Step, { at: "invitation" }> }) {
  const { portal } = stage;
  const { locale, texts } = useSpeech();
  const said = texts.invitation;
  const { token, invited } = step;
  const [missing, setMissing] = useState(false);
  const { busy, problem, run } = useCall((met) => leave(stage, met));
  const retryAt = useRetryAt(problem);
  const heading = useArrival<HTMLHeadingElement>(stage.moved);
  useTitle(said.heading(portal.name), portal.design.title);

  const load = () => run(async () => stage.go({ ...step, invited: await ask<Invited>("POST", pathOf(portal, "invitation"), { token }) }));
  useEffect(() => {
    if (!invited) void load();
  }, []);

  const submit = async (person: Invited) => {
    const wanting = stage.agreement !== null && !agreed(stage);
    setMissing(wanting);
    if (wanting) return document.getElementById("agree")?.focus();
    await run(async () => {
      consentOf(stage);
      stage.go({ at: "code", invitation: { token, invited: person }, ...(await requestCode(portal, locale, { purpose: "sign-in", invitation: token })) });
    });
  };

  return (
    <form
      class="step"
      noValidate
      aria-labelledby="heading"
      onSubmit={(event) => {
        event.preventDefault();
        if (invited) void submit(invited);
        else void load();
      }}
    >
      <div class="emblem">
        <Icon name="email" />
      </div>
      <h1 id="heading" ref={heading} tabIndex={-1}>
        {said.heading(portal.name)}
      </h1>
      {invited ? (
        <>
          <p class="lead">
            {invited.name && said.greeting(invited.name)}
            {said.lead[invited.kind]}
          </p>
          <p class="invited">
            <Icon name={invited.kind} />
            <strong class="address">{invited.hint}</strong>
          </p>
          {portal.sevenDays && <Tick id="remember" checked={stage.typed.remember} label={texts.address.sevenDays} onTick={(remember) => stage.type({ remember })} />}
          {portal.agreement && (
            <AgreementTick
              stage={stage}
              parts={portal.agreement}
              checked={agreed(stage)}
              faulty={missing}
              onTick={(checked) => {
                stage.type({ agreed: checked ? (stage.agreement ?? 0) : 0 });
                setMissing(false);
              }}
            />
          )}
        </>
      ) : (
        <p class="lead" role="status">
          {busy && texts.busy}
        </p>
      )}
      {problem && <Trouble problem={problem} retryAt={retryAt} />}
      {(invited || problem) && <Button busy={busy}>{invited ? texts.address.submit : texts.refused.again}</Button>}
      <Other stage={stage} invited={invited} />
    </form>
  );
}

/** Who is in already, by another account perhaps, may stay; everybody else may sign in by what they like. */
function Other({ stage, invited }: { stage: Stage; invited: Invited | undefined }) {
  const { invitation: said } = useSpeech().texts;
  const { session } = stage.portal;
  if (!invited && !session) return null;
  return (
    <button type="button" class="link lone" onClick={() => stage.go(session ? { at: "home", session } : { at: "address" })}>
      {session ? said.stay : said.other}
    </button>
  );
}

/** A link that leads nowhere any more: used, withdrawn, replaced or too old. Who used it themselves is in already. */
export function leave(stage: Stage, problem: Problem): boolean {
  if (problem.status !== 404) return stage.leave(problem);
  const { session } = stage.portal;
  stage.go(session ? { at: "home", session } : { at: "refused", refusal: { kind: "invitation-over" } });
  return true;
}
