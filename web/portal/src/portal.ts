/** What the server tells the page about its portal; the JSON in `#portal`. */
export interface Portal {
  id: string;
  name: string;
  /** Suffix of the address this page was opened at; decides methods and role (F6). */
  link: string;
  locale: Locale;
  design: Design;
  accounts: Accounts;
  /** Countries whose phones get codes, as ISO 3166-1 alpha-2. */
  countries: string[];
  /** Whether the seven-day tick is offered (F25, F26). */
  sevenDays: boolean;
  access: "anyone" | "approved" | "invited";
  registration: Registration;
  enabled: boolean;
  /** Whether this link lets people in by password (F14). */
  password: boolean;
  /** The texts that newcomers agree to, if there are any (F10). */
  agreement: Agreement | null;
  /** Whether this link lets people in by WeChat, and whether they have to follow the service account (F15, F17). */
  wechat?: { follow: boolean } | null;
  session: Session | null;
}

/** The agreement that counts now. */
export interface Agreement {
  version: number;
  terms: boolean;
  privacy: boolean;
}

export type Locale = "zh" | "en";
export type Channel = "sms" | "email";
export type Layout = "centered" | "sideBySide";

export interface Accounts {
  phone: boolean;
  email: boolean;
}

export interface Design {
  title: string;
  logo: string | null;
  background: string | null;
  backgroundImage: string | null;
  accent: string;
  layout: Layout;
}

/** The registration window (F20): instants in UTC, told in the portal's own zone. */
export interface Window {
  opensAt?: string | null;
  closesAt?: string | null;
  zone?: string | null;
}

export interface Registration extends Window {
  state: "open" | "notYet" | "closed";
}

export interface User {
  id: string;
  name?: string | null;
  role: string;
  phone?: string | null;
  email?: string | null;
}

export interface Session {
  user: User;
  portal: { id: string; name: string; link: string };
  expiresAt: string;
}

export type FieldType =
  | "text"
  | "number"
  | "phone"
  | "email"
  | "date"
  | "single"
  | "multiple"
  | "switch"
  | "region";

export type Label = Record<Locale, string>;

/** One question of the registration form (F32, F33). */
export interface Field {
  id: string;
  type: FieldType;
  label: Label;
  required: boolean;
  options?: { id: string; label: Label }[];
  /** In characters. */
  maxLength?: number;
}

export type Value = string | number | boolean | string[];

/** Where a code of the second step can go; the hint tells the address without giving it away. */
export interface Way {
  channel: Channel;
  hint: string;
}

/** Whom the link of an invitation invites, as far as who opens it may know (S48). */
export interface Invited {
  hint: string;
  kind: "phone" | "email";
  name?: string | null;
}

/** The kind of address that is to be proven. */
export type Missing = "phone" | "email" | "any";

/** Answer of every step of signing in. */
export type Outcome =
  | { step: "signedIn"; user: User; expiresAt: string }
  | { step: "secondStep"; ticket: string; channels: Way[]; totp: boolean; recoveryCodes: boolean }
  /** `any`: either will do. `wechat`: it is bound to the WeChat that somebody came by for the first time (F18). */
  | { step: "bind"; ticket: string; missing: Missing; wechat?: boolean }
  /** Somebody by WeChat who has to follow the service account; `qr` is what its code says (F17). */
  | { step: "follow"; ticket: string; qr: string; expiresIn: number }
  /** On the phone that a computer was scanned with: it follows now, and has yet to confirm (F16). */
  | { step: "scanned"; scan: string }
  | { step: "consent"; ticket: string; version: number }
  | { step: "collect"; ticket: string; fields: Field[]; reason?: string | null; answers?: Record<string, Value> }
  | { step: "awaitingApproval"; ticket: string; channel: Channel };

/** What stands in `#portal`: a portal, or the word that there is none at this address. */
export type Told = Portal | { error: "not-found"; locale: Locale };

export function readPortal(): Told {
  return JSON.parse(document.getElementById("portal")?.textContent ?? "") as Told;
}
