import { useEffect, useRef, useState } from "preact/hooks";
import { consentOf } from "../agreement.ts";
import { pathOf } from "../codes.ts";
import { ask, Problem } from "../http.ts";
import type { Outcome } from "../portal.ts";
import { lookDelay, type Scan, type ScanState } from "../scan.ts";
import type { Stage } from "../SignIn.tsx";

export interface ShownScan {
  state: ScanState | "loading" | "failed";
  /** What the QR code says, once there is one. */
  url?: string;
  /** Of `failed`. */
  problem?: Problem;
}

/** The scan that is being shown: who comes back to the form from another step goes on with it. */
let current: { path: string; remember: boolean; scan: Scan; until: number } | null = null;

/**
 * A scan of this browser (F16): asked for, looked at until its time is over, and turned into a sign-in once the phone
 * has confirmed it. While nobody looks at the page nothing is asked.
 */
export function useScan(stage: Stage): ShownScan & { renew: () => void } {
  const [shown, setShown] = useState<ShownScan>({ state: "loading" });
  const [round, setRound] = useState(0);
  const now = useRef(stage);
  now.current = stage;
  const remember = stage.portal.sevenDays && stage.typed.remember;

  useEffect(() => {
    const path = pathOf(stage.portal, "wechat/scans");
    let scan: Scan | null = null;
    let until = 0;
    let state: ScanState = "waiting";
    let looks = 0;
    let asking = false;
    let over = false;
    let timer: ReturnType<typeof setTimeout>;

    const show = (next: ScanState) => {
      if (next !== state) looks = 0;
      state = next;
      setShown({ state: next, ...(scan ? { url: scan.url } : {}) });
    };
    const end = (last: ShownScan) => {
      over = true;
      current = null;
      setShown(last);
    };
    const enter = async ({ id }: Scan) => {
      over = true;
      current = null;
      show("confirmed");
      await now.current.follow(await ask<Outcome>("POST", `${path}/${encodeURIComponent(id)}/session`, consentOf(now.current)));
    };
    const begin = async () => {
      const fits = current && current.path === path && current.remember === remember && Date.now() < current.until - 20_000;
      if (!fits) {
        const made = await ask<Scan>("POST", path, { link: stage.portal.link, remember });
        current = { path, remember, scan: made, until: Date.now() + made.expiresIn * 1000 };
      }
      if (over || !current) return;
      ({ scan, until } = current);
      show("waiting");
    };
    const look = async (known: Scan) => {
      const found = await ask<{ state: ScanState }>("GET", `${path}/${encodeURIComponent(known.id)}`);
      if (over) return;
      if (found.state === "confirmed") return enter(known);
      // Whatever a later server may say besides: this scan goes no further.
      const goesOn = found.state === "waiting" || found.state === "scanned" || found.state === "mustFollow";
      if (!goesOn) return end({ state: found.state === "declined" ? "declined" : "expired", url: known.url });
      show(found.state);
    };
    const turn = async () => {
      if (asking || over || document.visibilityState !== "visible") return;
      asking = true;
      let pause = 0;
      try {
        if (!scan) await begin();
        else if (Date.now() >= until) end({ state: "expired", url: scan.url });
        else await look(scan);
      } catch (failure) {
        const problem = failure instanceof Problem ? failure : new Problem("unknown", 0);
        const lost = problem.status === 0 || problem.status >= 500 || problem.status === 429;
        if (scan && !over && lost) pause = Math.max(5_000, (problem.retryAfter ?? 0) * 1000);
        else if (scan && !over && problem.status === 404) end({ state: "expired", url: (scan as Scan).url });
        else if (state !== "confirmed" ? !over : !now.current.leave(problem)) end({ state: "failed", problem });
      } finally {
        asking = false;
        clearTimeout(timer);
        if (!over) timer = setTimeout(() => void turn(), Math.max(pause, lookDelay(looks++, state)));
      }
    };
    const seen = () => void turn();

    setShown({ state: "loading" });
    void turn();
    document.addEventListener("visibilitychange", seen);
    return () => {
      over = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
    // Whether the sign-in is to be remembered goes with the scan: another choice takes another scan.
  }, [round, remember]);

  return { ...shown, renew: () => setRound((rounds) => rounds + 1) };
}
