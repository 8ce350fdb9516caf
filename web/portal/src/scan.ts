/** Where a scan stands (F16). `mustFollow`: whoever scanned has to follow the service account first (F17). */
export type ScanState = "waiting" | "scanned" | "mustFollow" | "confirmed" | "declined" | "expired";

/** What a computer shows to be scanned. */
export interface Scan {
  id: string;
  url: string;
  /** In seconds. */
  expiresIn: number;
}

/** Milliseconds before the n-th look (from 0) at a scan in this state: soon, then ever more gently; sooner while the phone is in the hand. */
export function lookDelay(look: number, state: ScanState): number {
  return state === "waiting" ? Math.min(5_000, Math.round(1_500 * 1.15 ** look)) : Math.min(4_000, Math.round(1_000 * 1.1 ** look));
}
