import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { faultOf } from "../address.ts";
import type { Problem } from "../http.ts";
import type { Accounts } from "../portal.ts";
import { useSpeech } from "../texts/index.ts";
import { AddressInput, type AddressTrouble } from "./AddressInput.tsx";
import { Button } from "./Button.tsx";
import { useCall, useSecondsUntil } from "./hooks.ts";
import { Trouble, useRetryAt } from "./Say.tsx";

interface Props {
  /** Heading and lead. */
  intro: ComponentChildren;
  accounts: Accounts;
  value: string;
  onType: (value: string) => void;
  label?: string;
  username?: boolean;
  /** What was wrong with the address when its code came back, if anything. */
  taken?: string | null;
  /** What stands between the address and the button; `ready` says whether it is as it has to be. */
  ticks?: ComponentChildren;
  ready?: () => boolean;
  send: () => Promise<void>;
  leave: (problem: Problem) => boolean;
  /** Words for a problem with this very address. */
  wordsOf?: (problem: Problem) => string | null;
  children?: ComponentChildren;
}

/** An address to send a code to, and nothing else. */
export function AskAddress({ intro, accounts, value, onType, label, username = false, taken = null, ticks, ready, send, leave, wordsOf, children }: Props) {
  const { texts } = useSpeech();
  const input = useRef<HTMLInputElement>(null);
  const [fault, setFault] = useState<AddressTrouble | { words: string } | null>(taken ? { words: taken } : null);
  const { busy, problem, setProblem, run } = useCall(leave);
  const retryAt = useRetryAt(problem);
  const wait = useSecondsUntil(retryAt);
  useEffect(() => input.current?.focus(), []);

  const submit = async () => {
    const found = faultOf(value, accounts);
    setFault(found);
    setProblem(null);
    if (found) return input.current?.focus();
    if (ready && !ready()) return;
    const met = await run(send);
    if (!met) return;
    setFault(addressTrouble(met, wordsOf));
    input.current?.focus();
  };

  return (
    <form
      class="step"
      noValidate
      aria-labelledby="heading"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {intro}
      <AddressInput
        accounts={accounts}
        value={value}
        fault={fault}
        input={input}
        username={username}
        {...(label ? { label } : {})}
        onType={(typed) => {
          onType(typed);
          setFault(null);
        }}
      />
      {ticks}
      {problem && !fault && <Trouble problem={problem} retryAt={retryAt} />}
      <Button busy={busy} blocked={problem?.kind === "locked" && wait > 0}>
        {texts.address.submit}
      </Button>
      {children}
    </form>
  );
}

/** What a refusal says of the address itself, or null. */
export function addressTrouble(problem: Problem, wordsOf?: (problem: Problem) => string | null): AddressTrouble | { words: string } | null {
  const words = wordsOf?.(problem);
  if (words) return { words };
  const pointed = problem.body.errors?.find(({ pointer }) => pointer === "/address");
  return pointed ? (pointed.code === "country-not-allowed" ? "country-not-allowed" : "invalid") : null;
}
