import type { RefObject } from "preact";
import { useState } from "preact/hooks";
import { lengthOf } from "../digits.ts";
import { useSpeech } from "../texts/index.ts";
import { Icon } from "./Icon.tsx";
import { Fault } from "./Say.tsx";

interface Props {
  id: string;
  label: string;
  value: string;
  fault: string | null;
  input: RefObject<HTMLInputElement | null>;
  onType: (value: string) => void;
  /** Characters that a new password needs; told before anybody has typed too few (F14). */
  least?: number;
}

/** A password, seen on demand. Pasting and managers work: nothing is in their way. */
export function PasswordInput({ id, label, value, fault, input, onType, least }: Props) {
  const said = useSpeech().texts.password;
  const [shown, setShown] = useState(false);
  const typed = lengthOf(value);
  const described = [fault && `${id}-fault`, least !== undefined && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class="row">
      <label for={id}>{label}</label>
      <div class="with-button">
        <input
          ref={input}
          id={id}
          name={id}
          // Preact's types know an input by one literal type only.
          type={(shown ? "text" : "password") as "password"}
          autocomplete={least === undefined ? "current-password" : "new-password"}
          autoCapitalize="none"
          autoCorrect="off"
          spellcheck={false}
          value={value}
          aria-invalid={fault ? "true" : undefined}
          aria-describedby={described || undefined}
          onInput={({ currentTarget }) => onType(currentTarget.value)}
        />
        <button type="button" class="icon-button" aria-label={shown ? said.hide : said.show} aria-controls={id} onClick={() => setShown(!shown)}>
          <Icon name={shown ? "hidden" : "eye"} />
        </button>
      </div>
      {fault && <Fault id={`${id}-fault`}>{fault}</Fault>}
      {least !== undefined && (
        <p class="hint below" id={`${id}-hint`}>
          <span>{said.hint(least)}</span>
          {typed > 0 && (
            <span class={typed >= least ? "count enough" : "count"} aria-hidden="true">
              {said.count(typed, least)}
            </span>
          )}
        </p>
      )}
    </div>
  );
}
