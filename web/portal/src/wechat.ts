import type { Arrival } from "./arrival.ts";
import { pathOf } from "./codes.ts";
import { deviceOf } from "./device.ts";
import type { Notice, Step } from "./journey.ts";
import type { Portal } from "./portal.ts";
import { tab } from "./storage.ts";

/** Where this page is looked at: inside WeChat, beside a phone that has it, or where WeChat cannot help. */
export type Place = "inside" | "beside" | "elsewhere";

/** Wide enough for a form and a QR code; what is narrower is taken for a phone. */
export const WIDE = "(min-width: 600px)";

export function placeOf(agent: string, wide: boolean): Place {
  // WeCom calls itself WeChat too, and is told by WeChat to open the page elsewhere.
  if (/MicroMessenger/i.test(agent) && !/wxwork/i.test(agent)) return "inside";
  return wide && !deviceOf(agent).small ? "beside" : "elsewhere";
}

export const insideWeChat = () => placeOf(navigator.userAgent, false) === "inside";

/** Where the browser goes to be sent to WeChat (F15). */
export function wayThrough(portal: Portal, remember: boolean): string {
  const query = new URLSearchParams({ link: portal.link, remember: String(portal.sevenDays && remember) });
  return `${pathOf(portal, "wechat")}?${query.toString()}`;
}

const keyOf = (portal: string) => `portico.wechat.${portal}`;
const begunKey = (portal: string) => `portico.wechat.begun.${portal}`;

/** As long as WeChat's answer is waited for. */
const PATIENCE_MILLISECONDS = 10 * 60_000;

/** The page sends somebody to WeChat: this tab expects an answer. */
export const begin = (portal: string) => tab.write(begunKey(portal), Date.now());

/**
 * Whether a ticket in the address answers what this tab began, once: a link that somebody sends must not sign its reader in
 * as somebody else (S31). The exception is who is to follow first: on the phone that scans a computer nothing began here, and
 * the server takes such a ticket from nobody else's browser.
 */
export function isExpected(portal: string, ticket: string): boolean {
  const begun = tab.read<number>(begunKey(portal));
  tab.forget(begunKey(portal));
  const age = begun === null ? Infinity : Date.now() - begun;
  return (age >= 0 && age < PATIENCE_MILLISECONDS) || stepIn(ticket) === "follow";
}

/** The step that a ticket says it is for (a JWT, RFC 7519); the server judges, here it only spares a question. */
function stepIn(ticket: string): unknown {
  try {
    const claims = (ticket.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    return (JSON.parse(atob(claims)) as { opn?: unknown }).opn;
  } catch {
    return null;
  }
}

/** From now on the page goes to WeChat when it is told to, and not by itself; false when this browser cannot remember that. */
export function holdBack(portal: string): boolean {
  tab.write(keyOf(portal), true);
  return heldBack(portal);
}

const heldBack = (portal: string) => tab.read<boolean>(keyOf(portal)) === true;

/**
 * Whether the page goes to WeChat by itself: once in a visit, and never where somebody is on another way, came back with
 * an answer, was refused or has signed out. That leaves no loop.
 */
export function goesByItself(portal: Portal, place: Place, arrival: Arrival | null, kept: Step | null): boolean {
  const idle = !portal.session && !arrival && (!kept || kept.at === "address");
  return Boolean(portal.wechat) && place === "inside" && idle && !heldBack(portal.id);
}

/** What WeChat or the way there refused, by its stable name; what ends a try has a page of its own (see `refusalOf`). */
const NOTICES: Record<string, Notice> = {
  "wechat-state": "wechat-state",
  "wechat-snapshot": "wechat-snapshot",
  "wechat-again": "wechat-again",
  "already-bound": "wechat-bound",
  "method-off": "method-off",
  "ticket-expired": "ticket-expired",
  "ticket-spent": "ticket-spent",
};

export const noticeOf = (kind: string): Notice => (Object.hasOwn(NOTICES, kind) ? NOTICES[kind]! : "wechat-failed");
