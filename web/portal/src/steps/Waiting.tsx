import { useEffect, useRef, useState } from "preact/hooks";
import { spaced } from "../address.ts";
import { pollDelay } from "../countdown.ts";
import { ask, Problem } from "../http.ts";
import type { Step } from "../journey.ts";
import { useArrival, useTitle } from "../parts/hooks.ts";
import { Icon } from "../parts/Icon.tsx";
import type { Outcome } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";

/** What happens next, and by which channel the answer comes (F30); becomes the application by itself. */
export function Waiting({ stage, step }: { stage: Stage; step: Extract<Step, { at: "waiting" }> }) {
  const { portal, typed } = stage;
  const { texts } = useSpeech();
  const said = texts.waiting;
  const heading = useArrival<HTMLHeadingElement>(stage.moved);
  const unreachable = usePolling(stage, step.ticket);
  useTitle(said.heading, portal.design.title);

  return (
    <section class="step" aria-labelledby="heading">
      <div class="emblem waiting">
        <Icon name="clock" />
      </div>
      <h1 id="heading" ref={heading} tabIndex={-1}>
        {said.heading}
      </h1>
      <p class="lead">{said.lead(portal.name)}</p>
      <ul class="facts">
        <li>
          <Icon name={step.channel === "sms" ? "phone" : "email"} />
          <span>
            {said.answer[step.channel]}
            {typed.address && <small>{said.to(spaced(typed.address))}</small>}
          </span>
        </li>
        <li>
          <Icon name="door" />
          <span>
            {said.stay}
            <small>{said.leave}</small>
          </span>
        </li>
      </ul>
      <p class={unreachable ? "pulse stalled" : "pulse"} role="status">
        {unreachable ? said.unreachable : said.checking}
      </p>
      <button type="button" class="link lone" onClick={() => stage.go({ at: "address" })}>
        {said.other}
      </button>
    </section>
  );
}

/** Asks how the request stands, ever more gently, and at once when the person looks again. True while no answer comes. */
function usePolling(stage: Stage, first: string): boolean {
  const [unreachable, setUnreachable] = useState(false);
  const now = useRef(stage);
  now.current = stage;

  useEffect(() => {
    let ticket = first;
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
      let pause = pollDelay(polls++);
      try {
        const path = `/v1/portals/${encodeURIComponent(now.current.portal.id)}/registration/status`;
        const outcome = await ask<Outcome>("POST", path, { ticket });
        if (over) return;
        setUnreachable(false);
        if (outcome.step !== "awaitingApproval") {
          await now.current.follow(outcome);
          over = true;
        } else if (outcome.ticket !== ticket) {
          // The renewed ticket goes into the journey, so that a reload goes on with it.
          ticket = outcome.ticket;
          now.current.go({ at: "waiting", ticket, channel: outcome.channel });
        }
      } catch (failure) {
        if (over) return;
        const problem = failure instanceof Problem ? failure : new Problem("unknown", 0);
        if (problem.kind === "ticket-expired") over = true;
        if (over) now.current.go({ at: "address", notice: "waiting-expired" });
        else if (problem.status < 500 && problem.status !== 429 && now.current.leave(problem)) over = true;
        else setUnreachable(true);
        pause = Math.max(pause, (problem.retryAfter ?? 0) * 1000);
      } finally {
        asking = false;
        plan(pause);
      }
    };
    const look = () => {
      if (document.visibilityState !== "visible") return;
      polls = 0;
      plan(0);
    };

    plan(pollDelay(polls++));
    document.addEventListener("visibilitychange", look);
    addEventListener("online", look);
    return () => {
      over = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
      removeEventListener("online", look);
    };
  }, []);

  return unreachable;
}
