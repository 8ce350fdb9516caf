import type { Field, Locale, User, Value } from "./portal.ts";

/** Everything that the personal settings show (F80). */
export interface Me {
  user: User;
  portal: { id: string; name: string; link: string };
  /** The collected fields, and what was answered. */
  fields: Field[];
  answers: Record<string, Value>;
  locale: Locale;
  picture: string | null;
  /** Whether there is a password, and how long one must be, in characters. */
  password: boolean;
  passwordMinLength: number;
  /** Whether the authenticator app is on. */
  totp: boolean;
  recoveryCodesLeft: number;
  /** Whether they sign in by WeChat (F18). */
  wechat?: boolean;
  /** What the portal leaves to its users (F81). */
  mayChange: { name: boolean; fields: boolean };
  consent?: { version: number; at: string } | null;
  registeredAt?: string;
}

/** One browser that is signed in. */
export interface SignIn {
  id: string;
  current: boolean;
  authenticatedAt: string;
  expiresAt: string;
  seenAt?: string | null;
  method: string;
  /** User-Agent and address of the client, as the server saw them. */
  agent?: string | null;
  client?: string | null;
}
