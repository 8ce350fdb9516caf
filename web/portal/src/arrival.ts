/** What a link that leads here carries behind `#`: never sent to a server by the browser, and for one use. */
export type Arrival =
  /** The link of an invitation (S48). */
  | { by: "invitation"; token: string }
  /** Back from WeChat with a step to be done (F15). */
  | { by: "ticket"; ticket: string }
  /** Back from WeChat with a refusal, by its stable name. */
  | { by: "problem"; kind: string }
  /** On the phone that scanned what a computer shows (F16). */
  | { by: "scan"; scan: string };

const CARRIED = /^#(invitation|ticket|problem|scan)=([\w.-]+)/;

/** What the address carries, or null; whatever a messenger has put behind it is left out. */
export function arrivalIn(hash: string): Arrival | null {
  const [, by, carried] = CARRIED.exec(hash) ?? [];
  // The full stop of the sentence that the link stood in.
  const value = carried?.replace(/\.+$/, "");
  if (!value) return null;
  switch (by) {
    case "invitation":
      return { by, token: value };
    case "ticket":
      return { by, ticket: value };
    case "problem":
      return { by, kind: value };
    default:
      return { by: "scan", scan: value };
  }
}

/** Takes it out of the address bar, so that it stays in no history and on no screenshot. */
export function takeArrival(): Arrival | null {
  const arrival = arrivalIn(location.hash);
  if (arrival) history.replaceState(null, "", location.pathname + location.search);
  // A link opened in a tab that shows this page already changes only what stands behind `#`.
  addEventListener("hashchange", () => arrivalIn(location.hash) && location.reload());
  return arrival;
}
