import { useRef, useState } from "preact/hooks";
import { consentOf } from "../agreement.ts";
import { pathOf } from "../codes.ts";
import { answerOf, checkAnswers, pointedFaults, type Faults } from "../fields/answers.ts";
import { FieldRow } from "../fields/FieldRow.tsx";
import { ask } from "../http.ts";
import type { Step } from "../journey.ts";
import { Button } from "../parts/Button.tsx";
import { useArrival, useCall, useTitle } from "../parts/hooks.ts";
import { Fault, Trouble, useRetryAt } from "../parts/Say.tsx";
import type { Field, Outcome, Value } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";

/** The third question: what the portal wants to know at the first sign-in (F32, F33). */
export function CollectStep({ stage, step }: { stage: Stage; step: Extract<Step, { at: "collect" }> }) {
  const { portal, typed, type } = stage;
  const { texts } = useSpeech();
  const said = texts.collect;
  const asked = Boolean(step.reason);
  const head = asked ? said.more : said;
  const form = useRef<HTMLFormElement>(null);
  const heading = useArrival<HTMLHeadingElement>(stage.moved);
  const [faults, setFaults] = useState<Faults>({});
  const { busy, problem, run } = useCall(stage.leave);
  const retryAt = useRetryAt(problem);
  const fields = nameFirst(step.fields);
  useTitle(head.heading, portal.design.title);

  const show = (found: Faults) => {
    setFaults(found);
    const first = fields.find(({ id }) => found[id]);
    if (!first) return;
    // After the faults are drawn, so that the field is read out together with its own.
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>(`[data-field="${CSS.escape(first.id)}"] :is(input, select, textarea)`)?.focus());
  };

  const submit = async () => {
    const found = checkAnswers(fields, typed.answers);
    show(found);
    if (Object.keys(found).length) return;
    const met = await run(async () => {
      const values: Record<string, Value> = {};
      for (const field of fields) {
        const value = answerOf(field, typed.answers[field.id]);
        if (value !== null) values[field.id] = value;
      }
      await stage.follow(await ask<Outcome>("POST", pathOf(portal, "registration"), { ticket: step.ticket, fields: values, ...consentOf(stage) }));
    });
    if (met) show(pointedFaults(met));
  };

  const count = Object.keys(faults).length;
  const mapped = problem ? Object.keys(pointedFaults(problem)).some((id) => fields.some((field) => field.id === id)) : false;
  return (
    <form
      class="step"
      noValidate
      ref={form}
      aria-labelledby="heading"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <h1 id="heading" ref={heading} tabIndex={-1}>
        {head.heading}
      </h1>
      <p class="lead">{head.lead}</p>
      {asked && (
        <figure class="reason asked">
          <figcaption>{said.more.reason}</figcaption>
          <blockquote>{step.reason}</blockquote>
        </figure>
      )}
      {fields.map((field) => (
        <FieldRow
          key={field.id}
          field={field}
          answer={typed.answers[field.id]}
          fault={faults[field.id]}
          onAnswer={(answer) => {
            type({ answers: { ...typed.answers, [field.id]: answer } });
            if (faults[field.id]) setFaults(({ [field.id]: _, ...others }) => others);
          }}
        />
      ))}
      {count > 1 && <Fault>{said.summary(count)}</Fault>}
      {problem && !mapped && <Trouble problem={problem} retryAt={retryAt} />}
      <Button busy={busy}>{head.submit}</Button>
    </form>
  );
}

/** The name leads whatever order the server tells (F32). */
export function nameFirst(fields: Field[]): Field[] {
  return [...fields.filter(({ id }) => id === "name"), ...fields.filter(({ id }) => id !== "name")];
}
