import { narrow } from "./digits.ts";
import type { Accounts } from "./portal.ts";

export type AddressKind = "phone" | "email";

/** What an address is going to be, told while it is typed; null while nothing can be said. */
export function kindOf(typed: string): AddressKind | null {
  const plain = narrow(typed).trim();
  if (plain.includes("@")) return "email";
  if (/^[+\d(]/.test(plain)) return /[a-z]/i.test(plain) ? "email" : "phone";
  return /[a-z]/i.test(plain) ? "email" : null;
}

export type AddressFault = "empty" | "invalid" | "phone-only" | "email-only";

/**
 * Only what is wrong beyond doubt: numbers and mailboxes are the server's to judge, and it normalises too, so that
 * `+86`, `0086`, spaces and full-width digits go through as they are.
 */
export function faultOf(typed: string, accounts: Accounts): AddressFault | null {
  const plain = narrow(typed).trim();
  if (!plain) return "empty";
  const kind = kindOf(plain);
  if (kind === "phone" && !accounts.phone) return "email-only";
  if (kind === "email" && !accounts.email) return "phone-only";
  if (kind === "email") return /^\S+@\S+\.\S+$/.test(plain) ? null : "invalid";
  const digits = plain.replace(/\D/g, "");
  return digits.length >= 5 && /^[\d\s()+.-]+$/.test(plain) ? null : "invalid";
}

/** An address for reading: a Chinese mobile number in its usual groups, everything else without its spaces. */
export function spaced(address: string): string {
  const plain = narrow(address).replace(/\s/g, "");
  const chinese = /^(?:\+86|0086)?(1\d{2})-?(\d{4})-?(\d{4})$/.exec(plain);
  return chinese ? `${chinese[1]} ${chinese[2]} ${chinese[3]}` : plain;
}
