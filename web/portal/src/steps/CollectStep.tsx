import { useRef, useState } from "preact/hooks";
import { answerOf, checkAnswers, type Faults } from "../fields/answers.ts";
import { FieldRow } from "../fields/FieldRow.tsx";
import { ask, type Problem } from "../http.ts";
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
  const form = useRef<HTMLFormElement>(null);
  const heading = useArrival<HTMLHeadingElement>(stage.moved);
  const [faults, setFaults] = useState<Faults>({});
  const { busy, problem, run } = useCall(stage.leave);
  const retryAt = useRetryAt(problem);
  const fields = nameFirst(step.fields);
  useTitle(said.heading, portal.design.title);

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
      const path = `/v1/portals/${encodeURIComponent(portal.id)}/registration`;
      await stage.follow(await ask<Outcome>("POST", path, { ticket: step.ticket, fields: values }));
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
        {said.heading}
      </h1>
      <p class="lead">{said.lead}</p>
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
      <Button busy={busy}>{said.submit}</Button>
    </form>
  );
}

/** The name leads whatever order the server tells (F32). */
function nameFirst(fields: Field[]): Field[] {
  return [...fields.filter(({ id }) => id === "name"), ...fields.filter(({ id }) => id !== "name")];
}

/** Faults by field, from the pointers of a refusal (`/fields/<id>`, RFC 6901). */
function pointedFaults(problem: Problem): Faults {
  const faults: Faults = {};
  for (const { pointer, code, detail } of problem.body.errors ?? []) {
    const id = /^\/fields\/([^/]+)/.exec(pointer)?.[1]?.replace(/~1/g, "/").replace(/~0/g, "~");
    if (id && !faults[id]) faults[id] = { code, ...(detail ? { detail } : {}) };
  }
  return faults;
}
