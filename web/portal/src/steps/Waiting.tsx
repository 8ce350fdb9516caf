import { spaced } from "../address.ts";
import { pollDelay } from "../countdown.ts";
import type { Step } from "../journey.ts";
import { useArrival, useTitle } from "../parts/hooks.ts";
import { Icon } from "../parts/Icon.tsx";
import { usePolling } from "../parts/usePolling.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";

/** What happens next, and by which channel the answer comes (F30); becomes the application by itself. */
export function Waiting({ stage, step }: { stage: Stage; step: Extract<Step, { at: "waiting" }> }) {
  const { portal, typed } = stage;
  const { texts } = useSpeech();
  const said = texts.waiting;
  const heading = useArrival<HTMLHeadingElement>(stage.moved);
  const { unreachable } = usePolling({
    stage,
    ticket: step.ticket,
    stay: (outcome) => (outcome.step === "awaitingApproval" ? { at: "waiting", ticket: outcome.ticket, channel: outcome.channel } : null),
    expired: "waiting-expired",
    delay: pollDelay,
  });
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
