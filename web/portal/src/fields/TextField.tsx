import { useSpeech } from "../texts/index.ts";
import type { ControlProps } from "./FieldRow.tsx";
import { PROVINCES } from "./provinces.ts";

/** From this length on an answer gets room for several lines. */
const LONG = 200;
/** From this length on it is worth saying how much room is left. */
const COUNTED = 0.8;

/** Every question that is answered by typing: text, number, phone, email, date and region. */
export function TextField({ field, id, faultId, answer, onAnswer }: ControlProps) {
  const { locale, texts } = useSpeech();
  const value = typeof answer === "string" ? answer : "";
  const shared = {
    id,
    name: field.id,
    value,
    "aria-required": field.required ? ("true" as const) : undefined,
    "aria-invalid": faultId ? ("true" as const) : undefined,
    "aria-describedby": faultId,
  };
  const length = Array.from(value).length;
  const most = field.maxLength;
  const count = most !== undefined && length >= most * COUNTED && (
    <span class="count" aria-hidden="true">
      {texts.collect.left(length, most)}
    </span>
  );

  if (field.type === "text" && (most ?? 0) > LONG) {
    return (
      <>
        <textarea {...shared} rows={3} onInput={({ currentTarget }) => onAnswer(currentTarget.value)} />
        {count}
      </>
    );
  }
  return (
    <>
      <input
        {...shared}
        {...kindOf(field.type, field.id)}
        {...(field.type === "region" ? { list: `${id}-list`, placeholder: texts.collect.regionHint } : {})}
        onInput={({ currentTarget }) => onAnswer(currentTarget.value)}
      />
      {field.type === "region" && (
        <datalist id={`${id}-list`}>
          {PROVINCES[locale].map((province) => (
            <option key={province} value={province} />
          ))}
        </datalist>
      )}
      {count}
    </>
  );
}

/** Keyboard and autofill per type. Only dates use the browser's own control; the others would refuse full-width digits. */
function kindOf(type: string, id: string) {
  switch (type) {
    case "date":
      return { type: "date" } as const;
    case "number":
      return { type: "text", inputMode: "decimal" } as const;
    case "phone":
      return { type: "text", inputMode: "tel", autocomplete: "tel" } as const;
    case "email":
      return { type: "text", inputMode: "email", autocomplete: "email", autoCapitalize: "none" } as const;
    default:
      return { type: "text", ...(id === "name" ? ({ autocomplete: "name" } as const) : {}) } as const;
  }
}
