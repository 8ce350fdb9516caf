/** What a link that leads here carries behind `#`: never sent to a server by the browser, and for one use. */
export type Arrival =
  /** The link of an invitation (S48). */
  { by: "invitation"; token: string };

const CARRIED = /^#invitation=([\w.-]+)/;

/** What the address carries, or null; whatever a messenger has put behind it is left out. */
export function arrivalIn(hash: string): Arrival | null {
  // The full stop of the sentence that the link stood in.
  const token = CARRIED.exec(hash)?.[1]?.replace(/\.+$/, "");
  return token ? { by: "invitation", token } : null;
}

/** Takes it out of the address bar, so that it stays in no history and on no screenshot. */
export function takeArrival(): Arrival | null {
  const arrival = arrivalIn(location.hash);
  if (arrival) history.replaceState(null, "", location.pathname + location.search);
  // A link opened in a tab that shows this page already changes only what stands behind `#`.
  addEventListener("hashchange", () => arrivalIn(location.hash) && location.reload());
  return arrival;
}
