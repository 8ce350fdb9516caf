import { useLayoutEffect, useMemo, useState } from "preact/hooks";
import type { Arrival } from "./arrival.ts";
import { Frame } from "./parts/Frame.tsx";
import type { Design, Locale, Portal, Told } from "./portal.ts";
import { Refused } from "./steps/Refused.tsx";
import { SignIn } from "./SignIn.tsx";
import { chosenLocale, rememberLocale, SpeechContext, TEXTS, type Speech } from "./texts/index.ts";

/** The page: its language, its face, and whether there is a portal behind it at all. */
export function App({ told, design, arrival }: { told: Told; design: Design; arrival: Arrival | null }) {
  const [locale, setLocale] = useState<Locale>(() => chosenLocale(told.locale));
  const speech = useMemo<Speech>(
    () => ({
      locale,
      texts: TEXTS[locale],
      speak: (chosen) => {
        rememberLocale(chosen);
        setLocale(chosen);
      },
    }),
    [locale],
  );
  useLayoutEffect(() => {
    document.documentElement.lang = locale === "zh" ? "zh-CN" : "en";
  }, [locale]);

  const portal: Portal | null = "error" in told ? null : told;
  return (
    <SpeechContext.Provider value={speech}>
      <Frame design={design} nameless={!portal}>
        {!portal ? (
          <Refused refusal={{ kind: "not-found" }} title={design.title} />
        ) : !portal.enabled ? (
          <Refused refusal={{ kind: "portal-off" }} title={design.title} />
        ) : (
          <SignIn portal={portal} arrival={arrival} />
        )}
      </Frame>
    </SpeechContext.Provider>
  );
}
