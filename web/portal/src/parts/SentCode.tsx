import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Sent } from "../codes.ts";
import type { Problem } from "../http.ts";
import { spokenTime, useSpeech, type Texts } from "../texts/index.ts";
import { Button } from "./Button.tsx";
import { CodeForm } from "./CodeForm.tsx";
import { useCall, useSecondsUntil } from "./hooks.ts";
import { Trouble, useRetryAt } from "./Say.tsx";

interface Props {
  heading: ComponentChildren;
  sent: Sent;
  /** Where the code went, for reading. */
  to: string;
  /** Back to where the address is given. */
  change?: () => void;
  verify: (code: string) => Promise<void>;
  /** Sends another; the new one comes back as `sent`. */
  resend: () => Promise<void>;
  leave: (problem: Problem) => boolean;
  children?: ComponentChildren;
}

/** The digits of a code that was sent, and another code once the server allows it. */
export function SentCode({ heading, sent, to, change, verify, resend, leave, children }: Props) {
  const { texts } = useSpeech();
  const said = texts.code;
  const [resent, setResent] = useState(false);
  return (
    <CodeForm
      intro={
        <>
          {heading}
          <SentTo sent={sent} to={to} {...(change ? { change } : {})} />
        </>
      }
      label={said.label}
      awaited={sent}
      faultOf={(problem) => codeFault(problem, texts)}
      verify={verify}
      leave={leave}
      onEdit={() => setResent(false)}
    >
      <Resend
        sent={sent}
        resent={resent}
        leave={leave}
        resend={async () => {
          setResent(false);
          await resend();
          setResent(true);
        }}
      />
      {children}
    </CodeForm>
  );
}

/** Where the code went, and the way back from there. */
export function SentTo({ sent, to, change }: { sent: Sent; to: string; change?: () => void }) {
  const said = useSpeech().texts.code;
  return (
    <p class="lead" id="sent">
      {said.sent[sent.channel]}
      <span class="sent-to">
        <strong class="address">{to}</strong>
        {change && (
          <button type="button" class="link" aria-label={said.changeLong} onClick={change}>
            {said.change}
          </button>
        )}
      </span>
    </p>
  );
}

interface ResendProps {
  sent: Sent;
  /** Whether another has just been sent. */
  resent: boolean;
  resend: () => Promise<void>;
  leave: (problem: Problem) => boolean;
}

/** Another code, once the server's time has passed. */
export function Resend({ sent, resent, resend, leave }: ResendProps) {
  const { texts } = useSpeech();
  const said = texts.code;
  const { busy, problem, run } = useCall(leave);
  const retryAt = useRetryAt(problem);
  const seconds = useSecondsUntil(Math.max(sent.resendAt, retryAt ?? 0));
  const send = async () => {
    await run(resend);
    document.getElementById("code")?.focus();
  };
  return (
    <div class="resend">
      <p class="hint" role={resent ? "status" : undefined}>
        {resent ? said.resent : said.hint[sent.channel]}
      </p>
      {/* Being too quick is told by the button itself. */}
      {problem && problem.kind !== "too-many-requests" && <Trouble problem={problem} retryAt={retryAt} />}
      <Button type="button" look="quiet" busy={busy} blocked={seconds > 0} onClick={() => void send()}>
        {seconds > 0 ? said.resendIn(spokenTime(seconds, texts)) : said.resend}
      </Button>
    </div>
  );
}

/** Words for what is wrong with the code itself. */
export function codeFault(problem: Problem, texts: Texts): string | null {
  if (problem.kind === "code-wrong" && problem.body.attemptsLeft !== 0) return texts.code.wrong(problem.body.attemptsLeft);
  // A code whose last try has failed is as over as one whose time has passed.
  return problem.kind === "code-wrong" || problem.kind === "code-expired" ? texts.code.expired : null;
}
