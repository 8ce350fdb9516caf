/** Whole seconds until a moment, never below zero; both in milliseconds since 1970. */
export function secondsUntil(moment: number, now: number): number {
  return Math.max(0, Math.ceil((moment - now) / 1000));
}

/** `0:45`, `2:05`, `2:00:00`. */
export function clockOf(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = String(seconds % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Milliseconds before the n-th poll (from 0): soon at first, then ever more gently. */
export function pollDelay(poll: number): number {
  return Math.min(30_000, Math.round(2_000 * 1.35 ** poll));
}
