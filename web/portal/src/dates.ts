import type { Locale } from "./portal.ts";

/** British for English: day first and 24 hours, read the same by everyone. */
const TAGS: Record<Locale, string> = { zh: "zh-CN", en: "en-GB" };

/** A moment as the visitor's own clock shows it. */
export function localMoment(instant: string, locale: Locale): string {
  return new Intl.DateTimeFormat(TAGS[locale], { dateStyle: "medium", timeStyle: "short" }).format(new Date(instant));
}

/** A moment as the portal's clock shows it, with the name of its zone: `20 November 2026, 18:00 (China Standard Time)`. */
export function zonedMoment(instant: string, zone: string | null | undefined, locale: Locale): string {
  const moment = new Date(instant);
  try {
    const timeZone = zone ?? "UTC";
    const text = new Intl.DateTimeFormat(TAGS[locale], { dateStyle: "long", timeStyle: "short", timeZone }).format(moment);
    const name = new Intl.DateTimeFormat(TAGS[locale], { timeZone, timeZoneName: "long" })
      .formatToParts(moment)
      .find(({ type }) => type === "timeZoneName")?.value;
    return locale === "zh" ? `${text}（${name}）` : `${text} (${name})`;
  } catch {
    // A zone this browser does not know yet: the visitor's own time is better than none.
    return localMoment(instant, locale);
  }
}
