import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Portal, Session } from "../src/portal.ts";
import { lookDelay } from "../src/scan.ts";
import { begin, goesByItself, holdBack, isExpected, noticeOf, placeOf, wayThrough } from "../src/wechat.ts";

const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148";
const WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
const portal = { id: "por_1", link: "acme", sevenDays: true, wechat: { follow: false }, session: null } as unknown as Portal;

/** A tab's memory, or one that forgets. */
const memory = new Map<string, string>();
let forgetful = false;
Object.assign(globalThis, {
  sessionStorage: { getItem: (key: string) => memory.get(key) ?? null, setItem: (key: string, value: string) => void (forgetful || memory.set(key, value)), removeItem: (key: string) => void memory.delete(key) },
});
beforeEach(() => {
  memory.clear();
  forgetful = false;
});

test("inside WeChat there is no code, beside a phone there is one, elsewhere there is a word", () => {
  assert.equal(placeOf(`${IPHONE} MicroMessenger/8.0.49`, false), "inside");
  assert.equal(placeOf(`${WINDOWS} MicroMessenger/7.0.20 WindowsWechat`, true), "inside");
  assert.equal(placeOf(`${WINDOWS} wxwork/4.1 MicroMessenger/7.0.1`, true), "beside");
  assert.equal(placeOf(WINDOWS, true), "beside");
  assert.equal(placeOf(WINDOWS, false), "elsewhere");
  assert.equal(placeOf(`${IPHONE} Safari/604.1`, true), "elsewhere");
});

test("the page goes to WeChat by itself once, and never where somebody is on another way", () => {
  assert.equal(goesByItself(portal, "inside", null, null), true);
  assert.equal(goesByItself(portal, "inside", null, { at: "address" }), true);
  for (const [why, ...given] of [
    ["not offered", { ...portal, wechat: null }, "inside", null, null],
    ["an older server", { ...portal, wechat: undefined }, "inside", null, null],
    ["not in WeChat", portal, "beside", null, null],
    ["signed in", { ...portal, session: {} as Session }, "inside", null, null],
    ["refused", portal, "inside", { by: "problem", kind: "wechat-state" }, null],
    ["back with a step", portal, "inside", { by: "ticket", ticket: "t" }, null],
    ["invited", portal, "inside", { by: "invitation", token: "t" }, null],
    ["waiting for a code", portal, "inside", null, { at: "code", flow: "f", channel: "sms", resendAt: 0 }],
  ] as [string, Portal, "inside" | "beside", never, never][]) {
    assert.equal(goesByItself(...given), false, why);
  }
  assert.equal(holdBack(portal.id), true);
  assert.equal(goesByItself(portal, "inside", null, null), false, "once in a visit");
  assert.equal(goesByItself({ ...portal, id: "por_2" }, "inside", null, null), true, "another portal is another visit");
});

test("a browser that remembers nothing is not sent round in circles", () => {
  forgetful = true;
  assert.equal(holdBack(portal.id), false);
});

test("a ticket in a link is taken once, by the tab that went to WeChat, and soon (S31)", (t) => {
  const ticket = (step: unknown) => `e30.${btoa(JSON.stringify({ opn: step })).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "")}.x`;
  assert.equal(isExpected(portal.id, ticket("collect")), false, "a link that somebody sent");
  begin(portal.id);
  assert.equal(isExpected("por_2", ticket("collect")), false, "of another portal");
  assert.equal(isExpected(portal.id, ticket("collect")), true);
  assert.equal(isExpected(portal.id, ticket("collect")), false, "once");
  t.mock.timers.enable({ apis: ["Date"], now: 1_000 });
  begin(portal.id);
  t.mock.timers.tick(11 * 60_000);
  assert.equal(isExpected(portal.id, ticket("collect")), false, "eleven minutes later");
  // The phone of a scan began nothing; the server knows its browser.
  assert.equal(isExpected(portal.id, ticket("follow")), true);
  for (const odd of ["", "x", "a.b.c", "e30.bnVsbA.x", ticket({ bind: "phone" })]) assert.equal(isExpected(portal.id, odd), false, odd);
});

test("the way names the link, and the tick only where it is offered", () => {
  assert.equal(wayThrough(portal, true), "/v1/portals/por_1/wechat?link=acme&remember=true");
  assert.equal(wayThrough({ ...portal, sevenDays: false }, true), "/v1/portals/por_1/wechat?link=acme&remember=false");
});

test("whatever WeChat refused is told in words", () => {
  assert.equal(noticeOf("wechat-snapshot"), "wechat-snapshot");
  assert.equal(noticeOf("already-bound"), "wechat-bound");
  for (const kind of ["something-new", "toString", "__proto__"]) assert.equal(noticeOf(kind), "wechat-failed", kind);
});

test("looks at a scan grow rarer, begin anew once the phone is in the hand, and are few", () => {
  const waits = Array.from({ length: 60 }, (_, look) => lookDelay(look, "waiting"));
  assert.equal(waits[0], 1_500);
  assert.ok(waits.every((wait, look) => wait <= 5_000 && wait >= (waits[look - 1] ?? 0)));
  assert.ok(lookDelay(0, "scanned") < lookDelay(5, "waiting"));
  let spent = 0;
  const looks = waits.findIndex((wait) => (spent += wait) > 120_000);
  assert.ok(looks <= 30, `${looks} looks in the two minutes of a scan`);
});
