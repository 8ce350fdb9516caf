// What the tests do behind the page's back: make portals, read messages, turn the clock, decide on requests.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

export const BASE = (process.env.PORTICO_URL ?? "http://localhost:8787").replace(/\/$/, "");

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
  const path = `/v1/admin/portals/${portal.portal}`;
  const session = portal.administrator.session;
  const { settings } = await call("GET", path, { session });
  return call("PATCH", path, { session, body: { signIn: { ...settings.signIn, ...change } } });
}

export const demoPortal = () => call("GET", "/_local/demo");

export const advance = (seconds) => call("POST", "/_local/clock", { body: { advanceSeconds: seconds } });

export const DAY = 24 * 60 * 60;

export const somePhone = () => `13${randomInt(10)}${String(randomInt(1e8)).padStart(8, "0")}`;
export const someEmail = () => `person-${randomInt(1e9)}@example.com`;

/** Newest first. */
export function messagesTo(address) {
  const to = /^1\d{10}$/.test(address) ? `+86${address}` : address;
  return call("GET", `/_local/messages?to=${encodeURIComponent(to)}`);
}

/** The newest code sent to an address, other than the ones known already. */
export async function codeFor(address, known = []) {
  for (let tries = 0; tries < 50; tries += 1) {
    for (const { text } of await messagesTo(address)) {
      const code = /(?<!\d)\d{6}(?!\d)/.exec(text)?.[0];
      if (code && !known.includes(code)) return code;
    }
    await pause(100);
  }
  throw new Error(`no code came to ${address}`);
}

/** Some six digits that are not the code. */
export const wrongCode = (code) => String((Number(code) + 1) % 1e6).padStart(6, "0");

export async function pendingUsers(portal) {
  const { users } = await call("GET", `/v1/admin/portals/${portal.portal}/users?status=pending`, { session: portal.administrator.session });
  return users;
}

/** Approves or rejects everybody who waits. */
export async function decide(portal, decision, reason) {
  const users = (await pendingUsers(portal)).map(({ id }) => id);
  assert.equal(users.length, 1, "one person waits");
  const { results } = await call("POST", `/v1/admin/portals/${portal.portal}/approvals`, {
    session: portal.administrator.session,
    body: { users, decision, ...(reason ? { reason } : {}) },
  });
  assert.equal(results[0].result, decision === "approve" ? "approved" : "rejected");
}
