import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { CODE_LENGTH } from "../digits.ts";
import type { Problem } from "../http.ts";
import { useSpeech } from "../texts/index.ts";
import { Button } from "./Button.tsx";
import { CodeInput } from "./CodeInput.tsx";
import { useCall, useSecondsUntil } from "./hooks.ts";
import { Fault, Trouble, useRetryAt } from "./Say.tsx";
import { useOneTimeCode, type Awaited } from "./useOneTimeCode.ts";

interface Props {
  /** Heading and what else stands above the digits; `sent` is the id of what describes them. */
  intro: ComponentChildren;
  label: string;
  submit?: string;
  /** Waits for the button: what follows cannot be taken back by typing on. */
  manual?: boolean;
  /** False where there is something to look at above the digits first. */
  focus?: boolean;
  /** The text message to take the digits from, if there is one. */
  awaited?: Awaited | null;
  /** Words for a problem with the digits themselves; null leaves it to the words for all problems. */
  faultOf: (problem: Problem) => string | null;
  /** Resolves once the digits were taken; refuses with a `Problem`. */
  verify: (code: string) => Promise<void>;
  leave: (problem: Problem) => boolean;
  onEdit?: () => void;
  /** What stands below the button. */
  children?: ComponentChildren;
}

/** Six digits, sent on their own at the sixth. */
export function CodeForm({ intro, label, submit, manual = false, focus = true, awaited = null, faultOf, verify, leave, onEdit, children }: Props) {
  const { texts } = useSpeech();
  const input = useRef<HTMLInputElement>(null);
  const [code, setCode] = useState("");
  const [incomplete, setIncomplete] = useState(false);
  const { busy, problem, setProblem, run } = useCall(leave);
  const retryAt = useRetryAt(problem);
  const wait = useSecondsUntil(retryAt);
  useEffect(() => {
    if (focus) input.current?.focus();
  }, []);

  // Digits of a code that was replaced meanwhile are of no use.
  const flow = awaited?.flow;
  useEffect(() => {
    setCode("");
    setIncomplete(false);
    setProblem(null);
  }, [flow]);

  const send = async (entered: string) => {
    onEdit?.();
    setIncomplete(entered.length < CODE_LENGTH);
    if (entered.length < CODE_LENGTH) return input.current?.focus();
    const met = await run(() => verify(entered));
    if (!met) return;
    input.current?.focus();
    // The next digit typed replaces the wrong ones, which stay to be compared until then.
    if (met.status === 422) input.current?.select();
  };
  const enter = (entered: string) => {
    setCode(entered);
    setIncomplete(false);
    setProblem(null);
    if (entered.length === CODE_LENGTH && !manual) void send(entered);
  };
  useOneTimeCode(awaited, enter);

  const fault = incomplete ? texts.code.incomplete : problem && faultOf(problem);
  return (
    <form
      class="step"
      noValidate
      aria-labelledby="heading"
      onSubmit={(event) => {
        event.preventDefault();
        void send(code);
      }}
    >
      {intro}
      <div class="row">
        <label for="code">{label}</label>
        <CodeInput input={input} value={code} locked={busy} faulty={Boolean(fault)} describedBy={fault ? "code-fault sent" : "sent"} onCode={enter} />
        {fault && <Fault id="code-fault">{fault}</Fault>}
      </div>
      {problem && !fault && <Trouble problem={problem} retryAt={retryAt} />}
      <Button busy={busy} blocked={problem?.kind === "locked" && wait > 0}>
        {submit ?? texts.code.submit}
      </Button>
      {children}
    </form>
  );
}
