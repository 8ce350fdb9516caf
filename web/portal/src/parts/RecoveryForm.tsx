import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Problem } from "../http.ts";
import { useSpeech } from "../texts/index.ts";
import { Button } from "./Button.tsx";
import { useCall } from "./hooks.ts";
import { Fault, Trouble, useRetryAt } from "./Say.tsx";

interface Props {
  /** Heading and lead. */
  intro: ComponentChildren;
  submit: string;
  leave: (problem: Problem) => boolean;
  prove: (code: string) => Promise<void>;
  children?: ComponentChildren;
}

/** One of the recovery codes (F19). */
export function RecoveryForm({ intro, submit, leave, prove, children }: Props) {
  const said = useSpeech().texts.second.recovery;
  const input = useRef<HTMLInputElement>(null);
  const [code, setCode] = useState("");
  const [empty, setEmpty] = useState(false);
  const { busy, problem, setProblem, run } = useCall(leave);
  const retryAt = useRetryAt(problem);
  useEffect(() => input.current?.focus(), []);
  const send = async () => {
    setEmpty(!code.trim());
    if (code.trim()) await run(() => prove(code.trim()));
    input.current?.focus();
  };
  const fault = empty ? said.empty : problem?.kind === "totp-wrong" ? said.wrong : null;
  return (
    <form
      class="step"
      noValidate
      aria-labelledby="heading"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {intro}
      <div class="row">
        <label for="recovery">{said.label}</label>
        <input
          ref={input}
          id="recovery"
          name="recovery"
          type="text"
          class="mono"
          autocomplete="off"
          autoCapitalize="none"
          autoCorrect="off"
          spellcheck={false}
          maxLength={40}
          placeholder="xxxx-xxxx-xxxx"
          value={code}
          aria-invalid={fault ? "true" : undefined}
          aria-describedby={fault ? "recovery-fault" : undefined}
          onInput={({ currentTarget }) => {
            setCode(currentTarget.value);
            setEmpty(false);
            setProblem(null);
          }}
        />
        {fault && <Fault id="recovery-fault">{fault}</Fault>}
      </div>
      {problem && !fault && <Trouble problem={problem} retryAt={retryAt} />}
      <Button busy={busy}>{submit}</Button>
      {children}
    </form>
  );
}
