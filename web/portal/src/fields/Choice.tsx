import { useSpeech } from "../texts/index.ts";
import type { ControlProps } from "./FieldRow.tsx";

/** One of many, tucked into a list. */
export function Choice({ field, id, faultId, answer, onAnswer }: ControlProps) {
  const { locale, texts } = useSpeech();
  return (
    <select
      id={id}
      name={field.id}
      value={typeof answer === "string" ? answer : ""}
      aria-required={field.required ? "true" : undefined}
      aria-invalid={faultId ? "true" : undefined}
      aria-describedby={faultId}
      onChange={({ currentTarget }) => onAnswer(currentTarget.value)}
    >
      <option value="">{texts.collect.choose}</option>
      {field.options?.map((option) => (
        <option key={option.id} value={option.id}>
          {option.label[locale] || option.label.zh}
        </option>
      ))}
    </select>
  );
}

/** One of a few, or some of any number, all in sight. */
export function Choices({ field, id, answer, onAnswer }: ControlProps) {
  const { locale } = useSpeech();
  const several = field.type === "multiple";
  const chosen = Array.isArray(answer) ? answer : typeof answer === "string" ? [answer] : [];
  const choose = (option: string, checked: boolean) => {
    if (!several) return onAnswer(option);
    // In the order of the options, whatever the order of the clicks.
    onAnswer(field.options!.map((known) => known.id).filter((known) => (known === option ? checked : chosen.includes(known))));
  };
  return (
    <div class="options">
      {field.options?.map((option) => (
        <label class={several ? "tick" : "tick round"} key={option.id} for={`${id}-${option.id}`}>
          <input
            type={several ? "checkbox" : "radio"}
            id={`${id}-${option.id}`}
            name={field.id}
            value={option.id}
            checked={chosen.includes(option.id)}
            onChange={({ currentTarget }) => choose(option.id, currentTarget.checked)}
          />
          <span class="mark" aria-hidden="true" />
          <span>{option.label[locale] || option.label.zh}</span>
        </label>
      ))}
    </div>
  );
}
