import { useRef, useState } from "preact/hooks";
import { answerOf, checkAnswers, pointedFaults, typedAnswers, type Answer, type Faults } from "../fields/answers.ts";
import { FieldRow } from "../fields/FieldRow.tsx";
import { ask } from "../http.ts";
import type { Me } from "../me.ts";
import { Button } from "../parts/Button.tsx";
import { useCall } from "../parts/hooks.ts";
import { Fault, Trouble, useRetryAt } from "../parts/Say.tsx";
import type { Field, Locale, Value } from "../portal.ts";
import { nameFirst } from "../steps/CollectStep.tsx";
import { useSpeech, type Texts } from "../texts/index.ts";
import { useErrand } from "./errand.ts";
import { Picture } from "./Picture.tsx";
import { Page, type Room } from "./Settings.tsx";

const NOTHING: { answers: Record<string, Answer> } = { answers: {} };

/** Name and collected fields (F80), as far as the portal leaves them to its users (F81). */
export function ProfilePage({ room }: { room: Room }) {
  const { me, stage } = room;
  const { locale, texts } = useSpeech();
  const said = texts.settings.profile;
  const form = useRef<HTMLFormElement>(null);
  const [typed, type, forget] = useErrand(stage.portal, "profile", NOTHING);
  const [faults, setFaults] = useState<Faults>({});
  const { busy, problem, run } = useCall(room.leave);
  const retryAt = useRetryAt(problem);
  const all = nameFirst(withName(me, texts));
  const mine = all.filter((field) => mayChange(me, field));
  const locked = all.filter((field) => !mayChange(me, field));
  const known = typedAnswers({ ...me.answers, ...(me.user.name ? { name: me.user.name } : {}) });
  const answers = { ...known, ...typed.answers };

  const show = (found: Faults) => {
    setFaults(found);
    const first = mine.find(({ id }) => found[id]);
    if (!first) return;
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>(`[data-field="${CSS.escape(first.id)}"] :is(input, select, textarea)`)?.focus());
  };
  const save = async () => {
    const found = checkAnswers(mine, answers);
    show(found);
    if (Object.keys(found).length) return;
    const fields: Record<string, Value | null> = {};
    for (const field of mine) {
      const value = answerOf(field, answers[field.id]);
      if (JSON.stringify(value) !== JSON.stringify(answerOf(field, known[field.id]))) fields[field.id] = value;
    }
    if (!Object.keys(fields).length) return room.tell(said.unchanged);
    const met = await run(async () => {
      room.learn(await ask<Me>("PATCH", "/v1/me", { fields }));
      forget();
      room.done(said.saved);
    });
    if (met) show(pointedFaults(met));
  };

  const count = Object.keys(faults).length;
  const mapped = problem ? Object.keys(pointedFaults(problem)).some((id) => mine.some((field) => field.id === id)) : false;
  return (
    <Page stage={stage} heading={said.heading} above="settings">
      <Picture room={room} />
      {mine.length > 0 && (
        <form
          noValidate
          ref={form}
          aria-labelledby="heading"
          onSubmit={(event) => {
            event.preventDefault();
            void save();
          }}
        >
          {mine.map((field) => (
            <FieldRow
              key={field.id}
              field={field}
              answer={answers[field.id]}
              fault={faults[field.id]}
              onAnswer={(answer) => {
                type({ answers: { ...typed.answers, [field.id]: answer } });
                room.tell(null);
                if (faults[field.id]) setFaults(({ [field.id]: _, ...others }) => others);
              }}
            />
          ))}
          {count > 1 && <Fault>{texts.collect.summary(count)}</Fault>}
          {problem && !mapped && <Trouble problem={problem} retryAt={retryAt} />}
          <Button busy={busy}>{texts.settings.save}</Button>
        </form>
      )}
      {locked.length > 0 && (
        <>
          <dl class="details">
            {locked.map((field) => (
              <div key={field.id}>
                <dt>{field.label[locale] || field.label.zh}</dt>
                <dd>{told(field, known[field.id], locale, texts)}</dd>
              </div>
            ))}
          </dl>
          <p class="hint">{said.locked}</p>
        </>
      )}
    </Page>
  );
}

const mayChange = (me: Me, field: Field) => (field.id === "name" ? me.mayChange.name : me.mayChange.fields);

/** The name is a field of its own where the portal does not ask for it. */
function withName(me: Me, { settings }: Texts): Field[] {
  if (me.fields.some(({ id }) => id === "name")) return me.fields;
  return [{ id: "name", type: "text", label: { zh: settings.name, en: settings.name }, required: false }, ...me.fields];
}

/** An answer for reading. */
function told(field: Field, answer: Answer | undefined, locale: Locale, texts: Texts): string {
  const label = (id: string) => {
    const option = field.options?.find((known) => known.id === id);
    return option ? option.label[locale] || option.label.zh : id;
  };
  if (field.type === "switch") return answer === true ? texts.settings.yes : texts.settings.no;
  if (Array.isArray(answer)) return answer.map(label).join(locale === "zh" ? "、" : ", ") || texts.settings.none;
  return typeof answer === "string" && answer ? label(answer) : texts.settings.none;
}
