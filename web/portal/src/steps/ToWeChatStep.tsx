import { useEffect, useRef } from "preact/hooks";
import type { Step } from "../journey.ts";
import { useTitle } from "../parts/hooks.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";
import { begin, holdBack, wayThrough } from "../wechat.ts";

/** Inside WeChat: straight to it, once (F15). Who does not want that, or whom it does not let through, has the other ways. */
export function ToWeChatStep({ stage, step }: { stage: Stage; step: Extract<Step, { at: "toWeChat" }> }) {
  const { portal, typed } = stage;
  const { texts } = useSpeech();
  const said = texts.wechat.going;
  const now = useRef(stage);
  now.current = stage;
  useTitle(said.heading, portal.design.title);
  useEffect(() => {
    const back = () => now.current.go({ at: "address" });
    // Without a memory of having been there the page could go round in circles.
    if (!holdBack(portal.id) && !step.asked) return back();
    begin(portal.id);
    location.replace(wayThrough(portal, typed.remember));
    // Shown again from the browser's memory, by its back button.
    const look = ({ persisted }: PageTransitionEvent) => persisted && back();
    addEventListener("pageshow", look);
    return () => removeEventListener("pageshow", look);
  }, []);
  return (
    <section class="step" aria-labelledby="heading">
      <h1 id="heading">{said.heading}</h1>
      <p class="pulse" role="status">
        {texts.busy}
      </p>
      <button
        type="button"
        class="link lone"
        onClick={() => {
          stop();
          stage.go({ at: "address" });
        }}
      >
        {said.other}
      </button>
    </section>
  );
}
