import type { Problem } from "./http.ts";
import type { Channel, Field, Outcome, Session, Window } from "./portal.ts";
import { tab } from "./storage.ts";

/** Something to say on arriving at a step. */
export type Notice = "ticket-expired" | "waiting-expired" | "ticket-spent" | "method-off" | "cookies-blocked" | "signedOut" | "ended";

const REFUSALS = ["registration-closed", "not-invited", "rejected", "disabled", "no-seats", "portal-off", "not-found"] as const;
export type RefusalKind = (typeof REFUSALS)[number];

/** A refusal that ends this try, as opposed to one that can be mended beside a field. */
export interface Refusal {
  kind: RefusalKind;
  reason?: string | null;
  window?: Window;
}

export type Step =
  | { at: "address"; notice?: Notice }
  | { at: "code"; flow: string; channel: Channel; resendAt: number }
  | { at: "collect"; ticket: string; fields: Field[] }
  | { at: "waiting"; ticket: string; channel: Channel }
  | { at: "home"; session: Session }
  | { at: "refused"; refusal: Refusal };

/** What has been typed so far; kept over steps, refusals and reloads, so that nothing is typed twice. */
export interface Typed {
  address: string;
  remember: boolean;
  /** Raw answers of the registration form, by field id. */
  answers: Record<string, string | boolean | string[]>;
}

export interface Journey {
  step: Step;
  typed: Typed;
}

export const NOTHING_TYPED: Typed = { address: "", remember: true, answers: {} };

/** The refusal a problem is, or null when it is to be shown where it happened. */
export function refusalOf(problem: Problem): Refusal | null {
  // Another tenant's or a deleted portal answers 404, whatever its type says.
  const kind = problem.status === 404 ? "not-found" : REFUSALS.find((known) => known === problem.kind);
  if (!kind) return null;
  const { reason, opensAt, closesAt, zone } = problem.body;
  return {
    kind,
    reason: reason ?? null,
    window: { opensAt: opensAt ?? null, closesAt: closesAt ?? null, zone: zone ?? null },
  };
}

/** Where a step's answer leads, `signedIn` aside: that one first asks who came in. */
export function stepOf(outcome: Exclude<Outcome, { step: "signedIn" }>): Step | null {
  switch (outcome.step) {
    case "collect":
      return { at: "collect", ticket: outcome.ticket, fields: outcome.fields };
    case "awaitingApproval":
      return { at: "waiting", ticket: outcome.ticket, channel: outcome.channel };
    default:
      return null;
  }
}

/** After this a code sent is certainly over; coming back starts at the address, still filled in. */
const STALE_MILLISECONDS = 10 * 60_000;

const keyOf = (portal: string) => `portico.journey.${portal}`;

/**
 * Keeps a journey for this tab. Phones drop pages in the background, exactly while the person reads the code in
 * another app; the code itself is never kept, and nothing is once the journey has ended.
 */
export function keep(portal: string, journey: Journey): void {
  if (journey.step.at === "home") tab.forget(keyOf(portal));
  else tab.write(keyOf(portal), journey.step.at === "refused" ? { ...journey, step: { at: "address" } } : journey);
}

export function resume(portal: string): Journey | null {
  const kept = tab.read<Journey>(keyOf(portal));
  if (!kept?.step?.at || !kept.typed) return null;
  const { step } = kept;
  const stale = step.at === "code" && Date.now() > step.resendAt + STALE_MILLISECONDS;
  return { ...kept, step: step.at === "address" || stale ? { at: "address" } : step };
}
