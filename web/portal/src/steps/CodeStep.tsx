import { useEffect, useRef, useState } from "preact/hooks";
import { spaced } from "../address.ts";
import { CODE_LENGTH } from "../digits.ts";
import { ask, type Problem } from "../http.ts";
import type { Step } from "../journey.ts";
import { Button } from "../parts/Button.tsx";
import { CodeInput } from "../parts/CodeInput.tsx";
import { useCall, useSecondsUntil, useTitle } from "../parts/hooks.ts";
import { Fault, Trouble, useRetryAt } from "../parts/Say.tsx";
import { useOneTimeCode } from "../parts/useOneTimeCode.ts";
import type { Outcome } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";
import { spokenTime, useSpeech, type Texts } from "../texts/index.ts";
import { sendCode, tooSoon } from "./AddressStep.tsx";

/** The second question: the code, sent on its own at the sixth digit. */
export function CodeStep({ stage, step }: { stage: Stage; step: Extract<Step, { at: "code" }> }) {
  const { portal, typed } = stage;
  const { locale, texts } = useSpeech();
  const said = texts.code;
  const input = useRef<HTMLInputElement>(null);
  const [code, setCode] = useState("");
  const [incomplete, setIncomplete] = useState(false);
  const [resent, setResent] = useState(false);
  const verifying = useCall(stage.leave);
  const resending = useCall(stage.leave);
  const [blockedUntil, setBlockedUntil] = useState(step.resendAt);
  const retryAt = useRetryAt(verifying.problem);
  const seconds = useSecondsUntil(Math.max(step.resendAt, blockedUntil));
  useTitle(said.heading, portal.design.title);
  useEffect(() => input.current?.focus(), []);

  const verify = async (entered: string) => {
    setResent(false);
    setIncomplete(entered.length < CODE_LENGTH);
    if (entered.length < CODE_LENGTH) return input.current?.focus();
    const met = await verifying.run(async () => {
      const remember = portal.sevenDays && typed.remember;
      const path = `/v1/portals/${encodeURIComponent(portal.id)}/sessions`;
      await stage.follow(await ask<Outcome>("POST", path, { flow: step.flow, code: entered, remember }));
    });
    if (!met) return;
    input.current?.focus();
    // The next digit typed replaces the wrong code, which stays to be compared until then.
    if (met.kind === "code-wrong") input.current?.select();
  };

  const enter = (entered: string) => {
    setCode(entered);
    setIncomplete(false);
    verifying.setProblem(null);
    if (entered.length === CODE_LENGTH) void verify(entered);
  };
  useOneTimeCode(step.channel, step.flow, enter);

  const resend = async () => {
    setResent(false);
    const met = await resending.run(async () => {
      await sendCode(stage, locale);
      setCode("");
      verifying.setProblem(null);
      setResent(true);
    });
    setBlockedUntil(tooSoon(met) ?? 0);
    input.current?.focus();
  };

  const fault = incomplete ? said.incomplete : faultOf(verifying.problem, texts);
  return (
    <form
      class="step"
      noValidate
      aria-labelledby="heading"
      onSubmit={(event) => {
        event.preventDefault();
        void verify(code);
      }}
    >
      <h1 id="heading">{said.heading}</h1>
      <p class="lead" id="sent">
        {said.sent[step.channel]}
        <span class="sent-to">
          <strong class="address">{spaced(typed.address)}</strong>
          <button type="button" class="link" aria-label={said.changeLong} onClick={() => stage.go({ at: "address" })}>
            {said.change}
          </button>
        </span>
      </p>
      <div class="row">
        <label for="code">{said.label}</label>
        <CodeInput
          input={input}
          value={code}
          locked={verifying.busy}
          faulty={Boolean(fault)}
          describedBy={fault ? "code-fault sent" : "sent"}
          onCode={enter}
        />
        {fault && <Fault id="code-fault">{fault}</Fault>}
      </div>
      {verifying.problem && !fault && <Trouble problem={verifying.problem} retryAt={retryAt} />}
      <Button busy={verifying.busy}>{said.submit}</Button>
      <div class="resend">
        <p class="hint" role={resent ? "status" : undefined}>
          {resent ? said.resent : said.hint[step.channel]}
        </p>
        {resending.problem && resending.problem.status !== 429 && <Trouble problem={resending.problem} retryAt={null} />}
        <Button type="button" look="quiet" busy={resending.busy} blocked={seconds > 0} onClick={() => void resend()}>
          {seconds > 0 ? said.resendIn(spokenTime(seconds, texts)) : said.resend}
        </Button>
      </div>
    </form>
  );
}

/** Words for what is wrong with the code itself. */
function faultOf(problem: Problem | null, texts: Texts): string | null {
  if (problem?.kind === "code-wrong" && problem.body.attemptsLeft !== 0) return texts.code.wrong(problem.body.attemptsLeft);
  // A code whose last try has failed is as over as one whose time has passed.
  if (problem?.kind === "code-wrong" || problem?.kind === "code-expired") return texts.code.expired;
  return null;
}
