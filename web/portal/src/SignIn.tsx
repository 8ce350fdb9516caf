import { useEffect, useRef, useState } from "preact/hooks";
import type { Arrival } from "./arrival.ts";
import { ask, Problem } from "./http.ts";
import { keep, NOTHING_TYPED, refusalOf, resume, stepOf, withAnswers, type Journey, type Notice, type Step, type Typed } from "./journey.ts";
import type { Outcome, Portal, Session } from "./portal.ts";
import { AddressStep } from "./steps/AddressStep.tsx";
import { BindStep } from "./steps/BindStep.tsx";
import { CodeStep } from "./steps/CodeStep.tsx";
import { CollectStep } from "./steps/CollectStep.tsx";
import { ConsentStep } from "./steps/ConsentStep.tsx";
import { FollowStep } from "./steps/FollowStep.tsx";
import { ForgotStep } from "./steps/ForgotStep.tsx";
import { Inside } from "./Inside.tsx";
import { InvitationStep } from "./steps/InvitationStep.tsx";
import { NewPasswordStep } from "./steps/NewPasswordStep.tsx";
import { Refused } from "./steps/Refused.tsx";
import { ResumeStep } from "./steps/ResumeStep.tsx";
import { ScanStep } from "./steps/ScanStep.tsx";
import { SecondStep } from "./steps/SecondStep.tsx";
import { ToWeChatStep } from "./steps/ToWeChatStep.tsx";
import { Waiting } from "./steps/Waiting.tsx";
import { goesByItself, isExpected, noticeOf, placeOf } from "./wechat.ts";

/** What every step is given. */
export interface Stage {
  portal: Portal;
  typed: Typed;
  type: (change: Partial<Typed>) => void;
  go: (step: Step) => void;
  /** Goes where an answer of the server leads. */
  follow: (outcome: Outcome) => Promise<void>;
  /** Goes where a problem leads; false when it is to be shown where it happened. */
  leave: (problem: Problem) => boolean;
  /** True unless this is the step the page opened with: then a step takes the focus. */
  moved: boolean;
  /** Version of the agreement that counts, or null when there is none. */
  agreement: number | null;
  /** The texts turned out to be of another version. */
  agreementIs: (version: number) => void;
}

/** Problems that send the person back to the address, with a word about why. */
const BACK: Record<string, Notice> = {
  "ticket-expired": "ticket-expired",
  "ticket-spent": "ticket-spent",
  "method-off": "method-off",
  "cookies-blocked": "cookies-blocked",
  "wechat-state": "wechat-state",
};

/** One question at a time, from the address to the application. */
export function SignIn({ portal, arrival }: { portal: Portal; arrival: Arrival | null }) {
  const [journey, setJourney] = useState<Journey>(() => begin(portal, arrival));
  const [agreement, agreementIs] = useState(() => (journey.step.at === "consent" ? journey.step.version : (portal.agreement?.version ?? null)));
  const moved = useRef(false);
  useEffect(() => keep(portal.id, journey), [journey]);

  const go = (step: Step) => {
    moved.current = true;
    setJourney(({ typed }) => ({ step, typed: step.at === "home" ? NOTHING_TYPED : typed }));
  };
  const stage: Stage = {
    portal,
    typed: journey.typed,
    type: (change) => setJourney((now) => ({ ...now, typed: { ...now.typed, ...change } })),
    go,
    follow: async (outcome) => {
      if (outcome.step === "signedIn") return go({ at: "home", session: await whoCameIn(portal, outcome) });
      const step = stepOf(outcome);
      if (!step) throw new Problem("unknown", 200);
      if (step.at === "consent") agreementIs(step.version);
      moved.current = true;
      setJourney(({ typed }) => ({ step, typed: withAnswers(typed, outcome) }));
    },
    leave: (problem) => {
      const refusal = refusalOf(problem);
      const notice = BACK[problem.kind];
      if (refusal) go({ at: "refused", refusal });
      else if (notice) go({ at: "address", notice });
      return Boolean(refusal ?? notice);
    },
    moved: moved.current,
    agreement,
    agreementIs,
  };

  const { step } = journey;
  switch (step.at) {
    case "address":
      return <AddressStep key="address" stage={stage} notice={step.notice} />;
    case "invitation":
      return <InvitationStep key="invitation" stage={stage} step={step} />;
    case "code":
      return <CodeStep key="code" stage={stage} step={step} />;
    case "forgot":
      return <ForgotStep key="forgot" stage={stage} />;
    case "newPassword":
      return <NewPasswordStep key="newPassword" stage={stage} step={step} />;
    case "second":
      return <SecondStep key="second" stage={stage} step={step} />;
    case "bind":
      return <BindStep key={`bind-${step.missing}`} stage={stage} step={step} />;
    case "toWeChat":
      return <ToWeChatStep key="toWeChat" stage={stage} step={step} />;
    case "resume":
      return <ResumeStep key="resume" stage={stage} step={step} />;
    case "scan":
      return <ScanStep key="scan" stage={stage} step={step} />;
    case "follow":
      return <FollowStep key="follow" stage={stage} step={step} />;
    case "consent":
      return <ConsentStep key={`consent-${step.version}`} stage={stage} step={step} />;
    case "collect":
      return <CollectStep key="collect" stage={stage} step={step} />;
    case "waiting":
      return <Waiting key="waiting" stage={stage} step={step} />;
    case "home":
      return <Inside key="home" stage={stage} session={step.session} />;
    case "refused":
      return <Refused key="refused" refusal={step.refusal} title={portal.design.title} back={() => go({ at: "address" })} />;
  }
}

/** Where the page begins: at what its link carries, inside, or where this tab left off. */
function begin(portal: Portal, arrival: Arrival | null): Journey {
  const kept = resume(portal.id);
  const typed = kept?.typed ?? NOTHING_TYPED;
  const arrived = arrival && stepOfArrival(portal, arrival);
  if (arrived) return { step: arrived, typed };
  if (portal.session) return { step: { at: "home", session: portal.session }, typed: NOTHING_TYPED };
  if (goesByItself(portal, placeOf(navigator.userAgent, false), arrival, kept?.step ?? null)) return { step: { at: "toWeChat" }, typed };
  return kept ?? { step: { at: "address" }, typed };
}

function stepOfArrival(portal: Portal, arrival: Arrival): Step | null {
  switch (arrival.by) {
    case "invitation":
      return { at: "invitation", token: arrival.token };
    case "ticket":
      return isExpected(portal.id, arrival.ticket) ? { at: "resume", ticket: arrival.ticket } : { at: "address", notice: "wechat-state" };
    case "scan":
      return { at: "scan", scan: arrival.scan };
    case "problem": {
      if (portal.session) return null;
      const refusal = refusalOf(new Problem(arrival.kind, 0, portal.registration));
      return refusal ? { at: "refused", refusal } : { at: "address", notice: noticeOf(arrival.kind) };
    }
  }
}

/** The outcome names the person only; the session tells the addresses too, and proves that the cookie was taken. */
async function whoCameIn(portal: Portal, outcome: Extract<Outcome, { step: "signedIn" }>): Promise<Session> {
  try {
    return await ask<Session>("GET", "/v1/session");
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 401) throw new Problem("cookies-blocked", 401);
    return { user: outcome.user, portal: { id: portal.id, name: portal.name, link: portal.link }, expiresAt: outcome.expiresAt };
  }
}
