import { Fault as FaultLine } from "../parts/Say.tsx";
import { Tick } from "../parts/Tick.tsx";
import type { Field } from "../portal.ts";
import { useSpeech, type Texts } from "../texts/index.ts";
import type { Answer, Fault } from "./answers.ts";
import { Choice, Choices } from "./Choice.tsx";
import { TextField } from "./TextField.tsx";

export interface FieldProps {
  field: Field;
  answer: Answer | undefined;
  fault: Fault | undefined;
  onAnswer: (answer: Answer) => void;
}

/** What a control needs to be tied to its label and its fault. */
export interface ControlProps extends FieldProps {
  id: string;
  faultId: string | undefined;
}

/** Up to this many options are shown at once; more are tucked into a list. */
const OPTIONS_SHOWN = 5;

/** One question of the form: label, control, fault. */
export function FieldRow(props: FieldProps) {
  const { field, answer, fault, onAnswer } = props;
  const { locale, texts } = useSpeech();
  const id = `field-${field.id}`;
  const faultId = fault ? `${id}-fault` : undefined;
  const control: ControlProps = { ...props, id, faultId };
  const label = (
    <>
      {field.label[locale] || field.label.zh || field.label.en}
      {!field.required && field.type !== "switch" && <small> {texts.collect.optional}</small>}
    </>
  );
  const line = fault && <FaultLine id={faultId!}>{wordsOf(field, fault, texts)}</FaultLine>;

  if (field.type === "switch") {
    return (
      <div class="row" data-field={field.id}>
        <Tick id={id} toggle checked={answer === true} label={field.label[locale] || field.label.zh} describedBy={faultId} onTick={onAnswer} />
        {line}
      </div>
    );
  }
  const group = field.type === "multiple" || (field.type === "single" && (field.options?.length ?? 0) <= OPTIONS_SHOWN);
  if (group) {
    return (
      <fieldset class="row" data-field={field.id} aria-describedby={faultId} role={field.type === "single" ? "radiogroup" : undefined} aria-required={field.type === "single" && field.required ? "true" : undefined}>
        <legend>{label}</legend>
        <Choices {...control} />
        {line}
      </fieldset>
    );
  }
  return (
    <div class="row" data-field={field.id}>
      <label for={id}>{label}</label>
      {field.type === "single" ? <Choice {...control} /> : <TextField {...control} />}
      {line}
    </div>
  );
}

/** Our own words for the codes of the contract; the server's for any later one. */
function wordsOf(field: Field, fault: Fault, texts: Texts): string {
  const said = texts.collect.errors;
  switch (fault.code) {
    case "required":
      if (field.id === "name") return said["required-name"];
      return field.type === "single" || field.type === "multiple" ? said["required-choice"] : said.required;
    case "too-long":
      return said["too-long"](field.maxLength);
    case "unknown-option":
    case "unknown-field":
      return said[fault.code];
    case "invalid":
      switch (field.type) {
        case "phone":
        case "email":
        case "number":
        case "date":
          return said[`invalid-${field.type}`];
        default:
          return said.invalid;
      }
    default:
      return fault.detail ?? said.invalid;
  }
}
