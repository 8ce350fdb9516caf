// What the tests do behind the page's back: make portals, read messages, turn the clock, decide on requests.
import assert from "node:assert/strict";
import { createHmac, randomBytes, randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

export const BASE = (process.env.PORTICO_URL ?? "http://127.0.0.1:8787").replace(/\/$/, "");

async function call(method, path, { body, session } = {}) {
  const response = await fetch(BASE + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(session ? { Authorization: `Bearer ${session}` } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** A portal of an organisation of its own, so that no test sees another's people. */
export async function freshPortal() {
  // All tests come from one address, which may ask for 30 codes a minute.
  await advance(61);
  return call("POST", "/_local/organisations", { body: {} });
}

/** Changes how people sign in. */
export async function changeSignIn(portal, change) {
  const { settings } = await administer(portal, "GET", "");
  return administer(portal, "PATCH", "", { signIn: { ...settings.signIn, ...change } });
}

/** What an administrator does in a portal. */
export const administer = (portal, method, rest, body) => call(method, `/v1/admin/portals/${portal.portal}${rest}`, { session: portal.administrator.session, body });

export const change = (portal, settings) => administer(portal, "PATCH", "", settings);

/** Invites somebody without a message; `url` is the link to pass on. */
export const invite = (portal, address, name) => administer(portal, "POST", "/invitations", { address, notify: false, ...(name ? { name } : {}) });

/** Binds a service account of its own to the portal's organisation, at the stand-in, and lets people in by it. */
export async function bindWeChat(portal, signIn = {}) {
  const app = `wx${randomBytes(8).toString("hex")}`;
  const { credentials } = await call("GET", `/_local/wechat/accounts/${app}`);
  const body = { appId: app, ...credentials, mode: "safe" };
  const { events } = await call("PUT", "/v1/admin/organisation/wechat", { session: portal.administrator.session, body });
  const { verified } = await call("PUT", `/_local/wechat/accounts/${app}`, { body: { events, mode: "safe" } });
  assert.equal(verified, true, "the address of the pushes");
  await changeSignIn(portal, { wechat: { enabled: true, follow: false, ...signIn } });
  return app;
}

/** Somebody scans the code of a service account, and follows it. */
export const scanAndFollow = (person, url) => call("POST", "/_local/wechat/scan", { body: { person, url } });

export const demoPortal = () => call("GET", "/_local/demo");

export const advance = (seconds) => call("POST", "/_local/clock", { body: { advanceSeconds: seconds } });

/** Makes the sender of text messages (`sns`) or mail (`ses`) refuse from now on; null ends that. */
export const failSending = (fail) => call("POST", "/_local/senders", { body: { fail } });

export const DAY = 24 * 60 * 60;

export const somePhone = () => `13${randomInt(10)}${String(randomInt(1e8)).padStart(8, "0")}`;
export const someEmail = () => `person-${randomInt(1e9)}@example.com`;

/** Newest first. */
export function messagesTo(address) {
  const to = /^1\d{10}$/.test(address) ? `+86${address}` : address;
  return call("GET", `/_local/messages?to=${encodeURIComponent(to)}`);
}

/** The codes that came to an address so far. */
export const codesOf = async (address) => (await messagesTo(address)).map(({ text }) => CODE.exec(text)?.[0]).filter(Boolean);

const CODE = /(?<!\d)\d{6}(?!\d)/;

/** The newest code sent to an address, other than the ones known already. */
export async function codeFor(address, known = []) {
  for (let tries = 0; tries < 50; tries += 1) {
    const code = (await codesOf(address)).find((sent) => !known.includes(sent));
    if (code) return code;
    await pause(100);
  }
  throw new Error(`no code came to ${address}`);
}

/** What an authenticator app shows now for a secret in base32 (RFC 6238). */
export async function shownByApp(secret) {
  const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const { now } = await call("GET", "/_local/clock");
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.parse(now) / 30_000)));
  const hash = createHmac("sha1", key).update(step).digest();
  const at = hash[19] & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1e6).padStart(6, "0");
}

/** Some six digits that are not the code. */
export const wrongCode = (code) => String((Number(code) + 1) % 1e6).padStart(6, "0");

export async function pendingUsers(portal) {
  const { users } = await administer(portal, "GET", "/users?status=pending");
  return users;
}

/** Approves or rejects whoever waits, or asks them for more. */
export async function decide(portal, decision, reason) {
  const users = (await pendingUsers(portal)).map(({ id }) => id);
  assert.equal(users.length, 1, "one person waits");
  const { results } = await administer(portal, "POST", "/approvals", { users, decision, ...(reason ? { reason } : {}) });
  assert.equal(results[0].result, { approve: "approved", reject: "rejected", ask: "asked" }[decision]);
}
