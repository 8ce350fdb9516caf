import { useEffect, useState } from "preact/hooks";
import type { Portal } from "../portal.ts";
import { tab } from "../storage.ts";

const PREFIX = "portico.errand.";

/**
 * What is under way on a page of the settings, kept for this tab: phones drop pages in the background, exactly while
 * the person looks for the code in another app. Never a password.
 */
export function useErrand<Errand extends object>(portal: Portal, page: string, nothing: Errand): [Errand, (change: Partial<Errand>) => void, () => void] {
  const key = `${PREFIX}${portal.id}.${page}`;
  const [errand, setErrand] = useState<Errand>(() => tab.read<Errand>(key) ?? nothing);
  useEffect(() => {
    if (errand === nothing) tab.forget(key);
    else tab.write(key, errand);
  }, [errand]);
  const forget = () => {
    // At once: the page may be gone before its effects run.
    tab.forget(key);
    setErrand(nothing);
  };
  return [errand, (change) => setErrand((now) => ({ ...now, ...change })), forget];
}

/** On the way out, so that the next person in this tab finds nothing. */
export function forgetErrands(): void {
  tab.keys(PREFIX).forEach((key) => tab.forget(key));
}
