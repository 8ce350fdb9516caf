import type { RefObject } from "preact";
import { CODE_LENGTH, codeInMessage, codeOf } from "../digits.ts";

interface Props {
  input: RefObject<HTMLInputElement | null>;
  value: string;
  locked: boolean;
  faulty: boolean;
  describedBy: string;
  onCode: (code: string) => void;
}

/** ONE input, so that autofill, paste and screen readers work; the six boxes behind it are only drawn. */
export function CodeInput({ input, value, locked, faulty, describedBy, onCode }: Props) {
  return (
    <div class={`code ${faulty ? "faulty" : ""} ${locked ? "locked" : ""}`}>
      <div class="boxes" aria-hidden="true">
        {Array.from({ length: CODE_LENGTH }, (_, index) => (
          <span key={index} class={index === Math.min(value.length, CODE_LENGTH - 1) ? "box next" : "box"}>
            {value[index]}
          </span>
        ))}
      </div>
      <input
        ref={input}
        id="code"
        name="code"
        type="text"
        inputMode="numeric"
        autocomplete="one-time-code"
        pattern="[0-9]*"
        maxLength={CODE_LENGTH}
        spellcheck={false}
        readOnly={locked}
        value={value}
        aria-invalid={faulty ? "true" : undefined}
        aria-describedby={describedBy}
        onInput={(event) => {
          // A Chinese keyboard composes full-width digits; they count once it is done.
          if (!event.isComposing) take(event.currentTarget, onCode);
        }}
        onCompositionEnd={({ currentTarget }) => take(currentTarget, onCode)}
        onPaste={(event) => {
          // The browser would cut a pasted message to six characters before anybody saw the code in it.
          event.preventDefault();
          if (!locked) onCode(codeInMessage(event.clipboardData?.getData("text") ?? ""));
        }}
      />
    </div>
  );
}

function take(input: HTMLInputElement, onCode: (code: string) => void): void {
  const code = codeOf(input.value);
  // Preact leaves an unchanged value alone, and with it the letter just typed.
  input.value = code;
  onCode(code);
}
