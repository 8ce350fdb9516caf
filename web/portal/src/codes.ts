import { ask } from "./http.ts";
import type { Channel, Locale, Portal } from "./portal.ts";

/** A code on its way. */
export interface Sent {
  flow: string;
  channel: Channel;
  /** When another may be asked for, in milliseconds since 1970. */
  resendAt: number;
}

/** What a code is for. */
export type Wanted =
  | { purpose: "sign-in" | "reset-password" | "change-address"; address: string }
  /** To whom the link of an invitation invites (S48). */
  | { purpose: "sign-in"; invitation: string }
  | { purpose: "bind"; address: string; ticket: string }
  | { purpose: "second-step"; ticket: string; channel: Channel };

/** Asks the server to send a code. */
export async function requestCode(portal: Portal, locale: Locale, wanted: Wanted): Promise<Sent> {
  const body = { ...wanted, link: portal.link, locale };
  if ("address" in body) body.address = body.address.trim();
  const sent = await ask<{ flow: string; channel: Channel; resendIn: number }>("POST", pathOf(portal, "codes"), body);
  return { flow: sent.flow, channel: sent.channel, resendAt: Date.now() + sent.resendIn * 1000 };
}

/** The address of something below a portal. */
export const pathOf = (portal: Portal, name: string) => `/v1/portals/${encodeURIComponent(portal.id)}/${name}`;
