import { useEffect, useRef, useState } from "preact/hooks";
import { pathOf } from "../codes.ts";
import { ask, Problem } from "../http.ts";
import type { Notice, Step } from "../journey.ts";
import type { Outcome } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";

interface Watch {
  stage: Stage;
  /** Of the step that waits; renewed tickets take its place. */
  ticket: string;
  /** The step to stay in after this answer, or null when the wait is over. */
  stay: (outcome: Outcome) => (Step & { ticket: string }) | null;
  /** What to say when the wait has outlived its ticket. */
  expired: Notice;
  /** Milliseconds before the n-th look, from 0. */
  delay: (look: number) => number;
}

/** Asks how a sign-in stands, ever more gently, and at once when the person looks again. */
export function usePolling({ stage, ticket: first, stay, expired, delay }: Watch): { unreachable: boolean; look: () => void } {
  const [unreachable, setUnreachable] = useState(false);
  const now = useRef({ stage, stay });
  now.current = { stage, stay };
  const lookNow = useRef(() => {});

  useEffect(() => {
    let ticket = first;
    let known = "";
    let polls = 0;
    let asking = false;
    let over = false;
    let timer: ReturnType<typeof setTimeout>;

    const plan = (milliseconds: number) => {
      clearTimeout(timer);
      if (!over) timer = setTimeout(() => void poll(), milliseconds);
    };
    const poll = async () => {
      if (asking || over) return;
      asking = true;
      let pause = delay(polls++);
      try {
        const outcome = await ask<Outcome>("POST", pathOf(now.current.stage.portal, "registration/status"), { ticket });
        if (over) return;
        setUnreachable(false);
        const step = now.current.stay(outcome);
        if (!step) {
          await now.current.stage.follow(outcome);
          over = true;
        } else if (JSON.stringify(outcome) !== known) {
          // The renewed ticket goes into the journey, so that a reload goes on with it.
          known = JSON.stringify(outcome);
          ticket = step.ticket;
          now.current.stage.go(step);
        }
      } catch (failure) {
        if (over) return;
        const problem = failure instanceof Problem ? failure : new Problem("unknown", 0);
        if (problem.kind === "ticket-expired") over = true;
        if (over) now.current.stage.go({ at: "address", notice: expired });
        else if (problem.status < 500 && problem.status !== 429 && now.current.stage.leave(problem)) over = true;
        else setUnreachable(true);
        pause = Math.max(pause, (problem.retryAfter ?? 0) * 1000);
      } finally {
        asking = false;
        plan(pause);
      }
    };
    const again = () => {
      polls = 0;
      plan(0);
    };
    const look = () => document.visibilityState === "visible" && again();
    lookNow.current = again;

    plan(delay(polls++));
    document.addEventListener("visibilitychange", look);
    addEventListener("online", look);
    return () => {
      over = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
      removeEventListener("online", look);
    };
  }, []);

  return { unreachable, look: () => lookNow.current() };
}
