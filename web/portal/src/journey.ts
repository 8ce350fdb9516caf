import { typedAnswers, type Answer } from "./fields/answers.ts";
import type { Problem } from "./http.ts";
import type { Sent } from "./codes.ts";
import type { Channel, Field, Invited, Missing, Outcome, Session, Way, Window } from "./portal.ts";
import { tab } from "./storage.ts";

/** Something to say on arriving at a step. */
export type Notice =
  | "ticket-expired"
  | "waiting-expired"
  | "ticket-spent"
  | "method-off"
  | "cookies-blocked"
  | "no-account"
  | "password-set"
  | "signedOut"
  | "ended"
  | "deleted"
  | "wechat-state"
  | "wechat-snapshot"
  | "wechat-again"
  | "wechat-bound"
  | "wechat-failed";

const REFUSALS = ["registration-closed", "not-invited", "rejected", "disabled", "no-seats", "portal-off", "not-found", "invitation-over"] as const;
export type RefusalKind = (typeof REFUSALS)[number];

/** A refusal that ends this try, as opposed to one that can be mended beside a field. */
export interface Refusal {
  kind: RefusalKind;
  reason?: string | null;
  window?: Window;
}

export type Step =
  | { at: "address"; notice?: Notice }
  /** By the link of an invitation; `invited` once the server told whom. */
  | { at: "invitation"; token: string; invited?: Invited }
  | ({ at: "code"; invitation?: Invitation } & Sent)
  | { at: "forgot" }
  | ({ at: "newPassword"; least: number } & Sent)
  | { at: "second"; ticket: string; channels: Way[]; totp: boolean; recoveryCodes: boolean; by?: SecondWay; sent?: Sent }
  | { at: "bind"; ticket: string; missing: Missing; wechat?: boolean; sent?: Sent }
  /** On the way to WeChat; `asked` by the person, else by the page itself. */
  | { at: "toWeChat"; asked?: boolean }
  /** Back from there: what comes next is the server's to say. */
  | { at: "resume"; ticket: string }
  /** A computer was scanned with this phone. */
  | { at: "scan"; scan: string }
  /** `until`: when the code is over, in milliseconds since 1970. */
  | { at: "follow"; ticket: string; qr: string; until: number }
  | { at: "consent"; ticket: string; version: number }
  | { at: "collect"; ticket: string; fields: Field[]; reason?: string | null }
  | { at: "waiting"; ticket: string; channel: Channel }
  | { at: "home"; session: Session }
  | { at: "refused"; refusal: Refusal };

/** An open invitation: what a code is asked for with, in the place of an address. */
export interface Invitation {
  token: string;
  invited: Invited;
}

/** How the second step is taken: a code to one of the channels, the authenticator app, or a recovery code. */
export type SecondWay = Channel | "totp" | "recovery";

/** What has been typed so far; kept over steps, refusals and reloads, so that nothing is typed twice. Never a password. */
export interface Typed {
  address: string;
  remember: boolean;
  /** By password or by code; unset until chosen here. */
  way?: "password" | "code";
  /** Version of the agreement that is ticked, 0 for none; unset until touched here. */
  agreed?: number;
  /** The address that is missing, for binding. */
  bound?: string;
  /** Raw answers of the registration form, by field id. */
  answers: Record<string, Answer>;
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
    case "secondStep": {
      const { ticket, channels, totp, recoveryCodes } = outcome;
      return { at: "second", ticket, channels, totp, recoveryCodes };
    }
    case "bind":
      return { at: "bind", ticket: outcome.ticket, missing: outcome.missing, ...(outcome.wechat ? { wechat: true } : {}) };
    case "scanned":
      return { at: "scan", scan: outcome.scan };
    case "follow":
      return { at: "follow", ticket: outcome.ticket, qr: outcome.qr, until: Date.now() + outcome.expiresIn * 1000 };
    case "consent":
      return { at: "consent", ticket: outcome.ticket, version: outcome.version };
    case "collect":
      return { at: "collect", ticket: outcome.ticket, fields: outcome.fields, reason: outcome.reason ?? null };
    case "awaitingApproval":
      return { at: "waiting", ticket: outcome.ticket, channel: outcome.channel };
    default:
      return null;
  }
}

/** What the server knows of the answers fills the form in, under what has been typed here since. */
export function withAnswers(typed: Typed, outcome: Outcome): Typed {
  if (outcome.step !== "collect" || !outcome.answers) return typed;
  return { ...typed, answers: { ...typedAnswers(outcome.answers), ...typed.answers } };
}

/** After this a code sent is certainly over; coming back starts at the address, still filled in. */
const STALE_MILLISECONDS = 10 * 60_000;

/** Ends of a try, and moments of one: opened again the page begins at the address. */
const PASSING: Step["at"][] = ["refused", "toWeChat", "scan"];

const keyOf = (portal: string) => `portico.journey.${portal}`;

/**
 * Keeps a journey for this tab. Phones drop pages in the background, exactly while the person reads the code in
 * another app; the code itself is never kept, and nothing is once the journey has ended.
 */
export function keep(portal: string, journey: Journey): void {
  if (journey.step.at === "home") tab.forget(keyOf(portal));
  else tab.write(keyOf(portal), PASSING.includes(journey.step.at) ? { ...journey, step: { at: "address" } } : journey);
}

export function resume(portal: string): Journey | null {
  const kept = tab.read<Journey>(keyOf(portal));
  if (!kept?.step?.at || !kept.typed) return null;
  const { step } = kept;
  const stale = (step.at === "code" || step.at === "newPassword") && Date.now() > step.resendAt + STALE_MILLISECONDS;
  return { ...kept, step: step.at === "address" || stale ? { at: "address" } : step };
}
