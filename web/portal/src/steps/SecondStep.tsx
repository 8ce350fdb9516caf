import { useEffect } from "preact/hooks";
import { pathOf, requestCode } from "../codes.ts";
import { ask } from "../http.ts";
import type { SecondWay, Step } from "../journey.ts";
import { CodeForm } from "../parts/CodeForm.tsx";
import { useArrival, useCall, useTitle } from "../parts/hooks.ts";
import { Icon, type IconName } from "../parts/Icon.tsx";
import { RecoveryForm } from "../parts/RecoveryForm.tsx";
import { Trouble, useRetryAt } from "../parts/Say.tsx";
import { SentCode } from "../parts/SentCode.tsx";
import type { Channel, Outcome, Way } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";

type At = Extract<Step, { at: "second" }>;

/** Once more, by other means: a code, the authenticator app or a recovery code (F19). */
export function SecondStep({ stage, step }: { stage: Stage; step: At }) {
  const { portal, typed } = stage;
  const { locale, texts } = useSpeech();
  const said = texts.second;
  const { ticket, sent } = step;
  const by = step.by ?? (step.totp ? "totp" : null);
  useTitle(said.heading, portal.design.title);

  const choose = (way: SecondWay) => {
    const { sent: _, ...before } = step;
    stage.go({ ...before, by: way });
  };
  const send = async (channel: Channel) => stage.go({ ...step, by: channel, sent: await requestCode(portal, locale, { purpose: "second-step", ticket, channel }) });
  const prove = async (proof: object) =>
    stage.follow(await ask<Outcome>("POST", pathOf(portal, "sessions"), { ticket, ...proof, remember: portal.sevenDays && typed.remember }));

  const others = <Others stage={stage} step={step} by={by} choose={choose} send={send} />;
  const heading = <h1 id="heading">{said.heading}</h1>;
  if (sent && (by === "sms" || by === "email")) {
    return (
      <SentCode
        key={`code-${by}`}
        heading={heading}
        sent={sent}
        to={step.channels.find(({ channel }) => channel === by)?.hint ?? ""}
        verify={(code) => prove({ flow: sent.flow, code })}
        resend={() => send(by)}
        leave={stage.leave}
      >
        {others}
      </SentCode>
    );
  }
  if (by === "totp") {
    return (
      <CodeForm
        key="totp"
        intro={
          <>
            {heading}
            <p class="lead" id="sent">
              {said.totp.lead}
            </p>
          </>
        }
        label={said.totp.label}
        faultOf={(problem) => (problem.kind === "totp-wrong" ? said.totp.wrong : null)}
        verify={(totp) => prove({ totp })}
        leave={stage.leave}
      >
        {others}
      </CodeForm>
    );
  }
  if (by === "recovery") {
    return (
      <RecoveryForm
        key="recovery"
        intro={
          <>
            {heading}
            <p class="lead">{said.recovery.lead}</p>
          </>
        }
        submit={said.recovery.submit}
        leave={stage.leave}
        prove={(recoveryCode) => prove({ recoveryCode })}
      >
        {others}
      </RecoveryForm>
    );
  }
  return (
    <section class="step" key="choose" aria-labelledby="heading">
      <Arrived stage={stage}>{said.heading}</Arrived>
      <p class="lead">{said.lead}</p>
      {others}
    </section>
  );
}

function Arrived({ stage, children }: { stage: Stage; children: string }) {
  const heading = useArrival<HTMLHeadingElement>(stage.moved);
  return (
    <h1 id="heading" ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}

interface OthersProps {
  stage: Stage;
  step: At;
  by: SecondWay | null;
  choose: (way: SecondWay) => void;
  send: (channel: Channel) => Promise<void>;
}

/** The ways that are not being taken just now. */
function Others({ stage, step, by, choose, send }: OthersProps) {
  const { texts } = useSpeech();
  const said = texts.second;
  const { busy, problem, run } = useCall(stage.leave);
  const retryAt = useRetryAt(problem);
  const ways: { way: SecondWay; icon: IconName; words: string; detail?: string; go: () => void }[] = [
    ...step.channels.map(({ channel, hint }: Way) => ({
      way: channel,
      icon: channel === "sms" ? ("phone" as const) : ("email" as const),
      words: said.to[channel],
      detail: hint,
      go: () => void run(() => send(channel)),
    })),
    ...(step.totp ? [{ way: "totp" as const, icon: "shield" as const, words: said.useTotp, go: () => choose("totp") }] : []),
    ...(step.recoveryCodes ? [{ way: "recovery" as const, icon: "key" as const, words: said.useRecovery, go: () => choose("recovery") }] : []),
  ];
  const left = ways.filter(({ way }) => way !== by);
  // Where there is nothing to choose the code is on its way at once.
  useEffect(() => {
    if (!by && ways.length === 1) ways[0]!.go();
  }, []);
  return (
    <div class={by ? "others" : ""}>
      {by && left.length > 0 && <h2 class="others-title">{said.other}</h2>}
      {problem && <Trouble problem={problem} retryAt={retryAt} />}
      <ul class={busy ? "ways busy" : "ways"}>
        {left.map(({ way, icon, words, detail, go }) => (
          <li key={way}>
            <button type="button" class="way" aria-disabled={busy ? "true" : undefined} onClick={() => !busy && go()}>
              <Icon name={icon} />
              <span class="row-words">
                {words}
                {detail && <small>{detail}</small>}
              </span>
              <Icon name="next" />
            </button>
          </li>
        ))}
      </ul>
      <button type="button" class="link lone" onClick={() => stage.go({ at: "address" })}>
        {said.cancel}
      </button>
    </div>
  );
}
