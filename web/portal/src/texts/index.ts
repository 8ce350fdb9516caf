import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { clockOf } from "../countdown.ts";
import type { Locale } from "../portal.ts";
import { browser } from "../storage.ts";
import { en } from "./en.ts";
import { zh, type Texts } from "./zh.ts";

export type { Texts };
export const TEXTS: Record<Locale, Texts> = { zh, en };

const REMEMBERED = "portico.language";

/** What the visitor chose on this browser, else what the server read from the request. */
export function chosenLocale(told: Locale): Locale {
  const remembered = browser.read(REMEMBERED);
  return remembered === "zh" || remembered === "en" ? remembered : told;
}

export function rememberLocale(locale: Locale): void {
  browser.write(REMEMBERED, locale);
}

export interface Speech {
  locale: Locale;
  texts: Texts;
  speak: (locale: Locale) => void;
}

export const SpeechContext = createContext<Speech>({ locale: "zh", texts: zh, speak: () => {} });
export const useSpeech = (): Speech => useContext(SpeechContext);

/** `45 seconds` while people count in seconds, then `2:05`. */
export function spokenTime(seconds: number, texts: Texts): string {
  return seconds < 100 ? texts.units.seconds(seconds) : texts.units.minutes(clockOf(seconds));
}
