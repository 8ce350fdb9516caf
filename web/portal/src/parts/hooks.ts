import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { secondsUntil } from "../countdown.ts";
import { Problem } from "../http.ts";

/** Seconds until a moment, ticking; 0 once it has passed or when there is none. */
export function useSecondsUntil(moment: number | null): number {
  const [seconds, setSeconds] = useState(() => (moment === null ? 0 : secondsUntil(moment, Date.now())));
  useEffect(() => {
    if (moment === null) return setSeconds(0);
    const tick = () => setSeconds(secondsUntil(moment, Date.now()));
    tick();
    const timer = setInterval(() => {
      tick();
      if (Date.now() >= moment) clearInterval(timer);
    }, 500);
    return () => clearInterval(timer);
  }, [moment]);
  return seconds;
}

/** Whether the window is as a media query says, as it changes. */
export function useWide(query: string): boolean {
  const [wide, setWide] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const look = () => setWide(media.matches);
    // Safari before 14 knows no listener here; it keeps what it began with.
    media.addEventListener?.("change", look);
    return () => media.removeEventListener?.("change", look);
  }, [query]);
  return wide;
}

/** One call at a time: whether it runs, and what went wrong with the last one. */
export function useCall(leave: (problem: Problem) => boolean) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const running = useRef(false);
  const there = useRef(true);
  useEffect(() => () => void (there.current = false), []);

  /** Resolves to the problem to show here, if there was one. */
  const run = async (call: () => Promise<void>): Promise<Problem | null> => {
    if (running.current) return null;
    running.current = true;
    setBusy(true);
    setProblem(null);
    let shown: Problem | null = null;
    try {
      await call();
    } catch (failure) {
      const met = failure instanceof Problem ? failure : new Problem("unknown", 0);
      if (!leave(met)) shown = met;
    }
    running.current = false;
    if (there.current) {
      setBusy(false);
      setProblem(shown);
    }
    return shown;
  };
  return { busy, problem, setProblem, run };
}

/** Puts the focus on the step's heading when the person came here from another step. */
export function useArrival<Target extends HTMLElement>(moved: boolean) {
  const target = useRef<Target>(null);
  useLayoutEffect(() => {
    if (moved) target.current?.focus();
  }, []);
  return target;
}

/** The title of the tab; screen readers read it out on arriving. */
export function useTitle(heading: string, portal: string): void {
  useLayoutEffect(() => {
    document.title = `${heading} · ${portal}`;
  }, [heading, portal]);
}
