import { useState } from "preact/hooks";
import { pathOf } from "../codes.ts";
import { ask, Problem } from "../http.ts";
import type { Step } from "../journey.ts";
import { Button } from "../parts/Button.tsx";
import { useArrival, useCall, useTitle } from "../parts/hooks.ts";
import { Icon, type IconName } from "../parts/Icon.tsx";
import { Trouble, useRetryAt } from "../parts/Say.tsx";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";

type End = "confirmed" | "declined" | "over";

/** On the phone: which portal a computer is about to be let into, and the say in it (F16, S36). */
export function ScanStep({ stage, step }: { stage: Stage; step: Extract<Step, { at: "scan" }> }) {
  const { portal } = stage;
  const { texts } = useSpeech();
  const said = texts.wechat.scan;
  const [end, setEnd] = useState<End | null>(null);
  const { busy, problem, run } = useCall((met) => {
    // Too old, used up, or scanned by another phone than this: all mended by another scan.
    const over = met.status >= 400 && met.status < 500 && met.status !== 429;
    if (over) setEnd("over");
    return over;
  });
  const retryAt = useRetryAt(problem);
  const path = pathOf(portal, `wechat/scans/${encodeURIComponent(step.scan)}/confirmation`);
  const confirm = () =>
    run(async () => {
      await ask("POST", path, {});
      setEnd("confirmed");
    });
  const decline = () =>
    run(async () => {
      // What is not confirmed lets nobody in, whether or not the server hears of it.
      await ask("DELETE", path).catch((failure) => failure instanceof Problem || Promise.reject(failure));
      setEnd("declined");
    });
  if (end) return <Ended key={end} end={end} stage={stage} />;
  return (
    <section class="step" aria-labelledby="heading">
      <Emblem name="screen" stage={stage} heading={said.heading(portal.name)} moved={false} />
      <p class="lead">{said.lead}</p>
      {problem && <Trouble problem={problem} retryAt={retryAt} />}
      <Button type="button" busy={busy} onClick={() => void confirm()}>
        {said.confirm}
      </Button>
      <Button type="button" look="quiet" onClick={() => void decline()}>
        {said.decline}
      </Button>
    </section>
  );
}

const EMBLEMS: Record<End, IconName> = { confirmed: "check", declined: "cross", over: "clock" };

function Ended({ end, stage }: { end: End; stage: Stage }) {
  const said = useSpeech().texts.wechat.scan[end];
  return (
    <section class="step" aria-labelledby="heading">
      <Emblem name={EMBLEMS[end]} stage={stage} heading={said.heading} moved />
      <p class="lead">{said.text}</p>
    </section>
  );
}

function Emblem({ name, stage, heading, moved }: { name: IconName; stage: Stage; heading: string; moved: boolean }) {
  const title = useArrival<HTMLHeadingElement>(moved);
  useTitle(heading, stage.portal.design.title);
  return (
    <>
      <div class="emblem">
        <Icon name={name} />
      </div>
      <h1 id="heading" ref={title} tabIndex={-1}>
        {heading}
      </h1>
    </>
  );
}
