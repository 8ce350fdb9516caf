/** Full-width characters, as a Chinese keyboard types them, to their plain twins. */
export function narrow(text: string): string {
  return text.replace(/[\uff01-\uff5e]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0)).replace(/\u3000/g, " ");
}

/** Digits of a verification code. */
export const CODE_LENGTH = 6;

/** What of a typed text is code: its first six digits. */
export function codeOf(typed: string): string {
  return narrow(typed).replace(/\D/g, "").slice(0, CODE_LENGTH);
}

/**
 * The code in a pasted text, which may be the whole message: a run of exactly six digits if there is one, since a
 * signature or a phone number may hold digits too.
 */
export function codeInMessage(pasted: string): string {
  const plain = narrow(pasted);
  const run = /(?:^|\D)(\d{6})(?!\d)/.exec(plain)?.[1] ?? /(?:^|\D)(\d{3}[ -]\d{3})(?!\d)/.exec(plain)?.[1];
  return codeOf(run ?? plain);
}

/** A number as people type it (`１,２00.5`), or null. */
export function numberOf(typed: string): number | null {
  const plain = narrow(typed).replace(/[\s,]/g, "");
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : null;
}

/** The length of a password as the server counts it: characters of its composed form (NFC). */
export function lengthOf(password: string): number {
  return Array.from(password.normalize("NFC")).length;
}
