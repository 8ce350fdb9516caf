import { deviceOf } from "../device.ts";
import type { Step } from "../journey.ts";
import { stepOf } from "../journey.ts";
import { Button } from "../parts/Button.tsx";
import { useArrival, useSecondsUntil, useTitle } from "../parts/hooks.ts";
import { QrCode } from "../parts/QrCode.tsx";
import { usePolling } from "../parts/usePolling.ts";
import { lookDelay } from "../scan.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";
import { insideWeChat } from "../wechat.ts";

/** The service account that has to be followed first, by its code (F17); goes on by itself once it is. */
export function FollowStep({ stage, step }: { stage: Stage; step: Extract<Step, { at: "follow" }> }) {
  const { portal } = stage;
  const { texts } = useSpeech();
  const said = texts.wechat.follow;
  const heading = useArrival<HTMLHeadingElement>(stage.moved);
  // Only a phone can press; WeChat on a computer shows a code to the phone as every other browser there.
  const pressed = insideWeChat() && deviceOf(navigator.userAgent).small;
  const over = useSecondsUntil(step.until) === 0;
  const { unreachable, look } = usePolling({
    stage,
    ticket: step.ticket,
    stay: (outcome) => (outcome.step === "follow" ? (stepOf(outcome) as typeof step) : null),
    expired: "ticket-expired",
    delay: (looks) => lookDelay(looks, "waiting"),
  });
  useTitle(said.heading, portal.design.title);
  return (
    <section class="step" aria-labelledby="heading">
      <h1 id="heading" ref={heading} tabIndex={-1}>
        {said.heading}
      </h1>
      <p class="lead">{said.lead(portal.name)}</p>
      {!over && (
        <>
          <QrCode text={step.qr} label={said.qr} pressed={pressed} />
          <p class="hint centred">{pressed ? said.press : said.scan}</p>
        </>
      )}
      <p class={unreachable ? "pulse stalled" : "pulse"} role="status">
        {unreachable ? texts.waiting.unreachable : over ? said.over : said.checking}
      </p>
      {over && (
        <Button type="button" onClick={look}>
          {said.renew}
        </Button>
      )}
      <button type="button" class="link lone" onClick={() => stage.go({ at: "address" })}>
        {texts.wechat.going.other}
      </button>
    </section>
  );
}
