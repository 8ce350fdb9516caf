import assert from "node:assert/strict";
import { test } from "node:test";
import { demoPortal } from "./lib/portico.mjs";
import { answering, openAs, refusal, sent, sessionOf } from "./lib/pretend.mjs";
import { asVisitor, DESKTOP, fits, givePassword, heading, inspect, PHONE, sees } from "./lib/visitor.mjs";

const BOTH = [
  { channel: "sms", hint: "+86 138****8000" },
  { channel: "email", hint: "w***@example.com" },
];
const second = (more = {}) => ({ step: "secondStep", ticket: "ticket-2", channels: BOTH, totp: false, recoveryCodes: false, ...more });
const signedIn = (portal) => ({ step: "signedIn", user: sessionOf(portal).user, expiresAt: sessionOf(portal).expiresAt });

/** Up to the second step, with the answers given; returns the calls. */
async function arrive(page, portal, outcome, answers = {}) {
  const calls = await answering(page, {
    "POST /password-sessions": () => outcome,
    "GET /v1/session": () => sessionOf(portal),
    "POST /codes": ({ channel }) => sent(channel),
    "POST /sessions": () => signedIn(portal),
    ...answers,
  });
  await openAs(page, portal, { password: true });
  await givePassword(page, "13800138000", "correct horse battery");
  return calls;
}

for (const { name, ...eyes } of [
  { name: "phone-zh", size: PHONE, locale: "zh-CN" },
  { name: "desktop-en", size: DESKTOP, locale: "en-GB" },
  { name: "phone-en-dark", size: PHONE, locale: "en-GB", colorScheme: "dark" },
  { name: "desktop-zh", size: DESKTOP, locale: "zh-CN" },
]) {
  test(`second step: every screen can be read and used, ${name} (F19)`, async () => {
    const portal = await demoPortal();
    const look = async (page, screen) => {
      await inspect(page, `second-${name}-${screen}`);
      await fits(page, screen);
    };
    await asVisitor(eyes, async (page) => {
      const wrong = { "POST /sessions": () => refusal(422, "totp-wrong") };
      await arrive(page, portal, second({ totp: true, recoveryCodes: true }), wrong);
      await page.locator("#code").fill("123456");
      await page.locator("#code-fault").waitFor();
      await look(page, "1-app");
      await page.locator(".way").last().click();
      await page.locator("#recovery").fill("abcd-efgh-ijkl");
      await page.locator("button[type=submit]").click();
      await page.locator("#recovery-fault").waitFor();
      await look(page, "2-recovery");
      await page.locator(".way").nth(1).click();
      await page.locator(".sent-to").waitFor();
      await look(page, "3-code");
    });
    await asVisitor(eyes, async (page) => {
      await arrive(page, portal, second());
      await page.locator(".way").first().waitFor();
      await look(page, "0-choose");
    });
  });
}

test("of two channels one is chosen by its hint, and its code proves who is there", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const calls = await arrive(page, portal, second());
    await page.getByRole("button", { name: "Get a code by email w***@example.com" }).click();
    await sees(page, "We sent an email to");
    await page.getByRole("button", { name: /^Send again in (60|5\d) seconds$/ }).waitFor();
    // The code is read in another app, and the phone drops the page meanwhile.
    await page.reload();
    await page.locator("#code").fill("123456");
    await page.locator(".details").waitFor();
    assert.deepEqual(calls.slice(1, 3).map(({ body }) => body), [
      { purpose: "second-step", ticket: "ticket-2", channel: "email", link: portal.suffix, locale: "en" },
      { ticket: "ticket-2", flow: "flow-email", code: "123456", remember: true },
    ]);
  });
});

test("where there is one channel only, the code is on its way at once", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const calls = await arrive(page, portal, second({ channels: [BOTH[0]] }));
    await page.locator("#code").waitFor();
    await sees(page, "+86 138****8000");
    assert.equal(calls.filter(({ call }) => call === "POST /codes").length, 1);
  });
});

test("the authenticator app and a recovery code are ways too", async () => {
  const portal = await demoPortal();
  for (const [way, fill, proof] of [
    ["totp", (page) => page.locator("#code").fill("654321"), { totp: "654321" }],
    ["recovery", async (page) => {
      await page.getByRole("button", { name: "Use a recovery code" }).click();
      await page.locator("#recovery").fill(" abcd-efgh-ijkl ");
      await page.locator("button[type=submit]").click();
    }, { recoveryCode: "abcd-efgh-ijkl" }],
  ]) {
    await asVisitor({ size: PHONE }, async (page) => {
      const calls = await arrive(page, portal, second({ totp: true, recoveryCodes: true }));
      await page.locator("#code").waitFor();
      await fill(page);
      await page.locator(".details").waitFor();
      assert.deepEqual(calls.find(({ call }) => call === "POST /sessions").body, { ticket: "ticket-2", ...proof, remember: true }, way);
    });
  }
});

test("a lock-out and a ticket that ran out are told in the second step too", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const answers = [refusal(429, "locked", { retryAfter: 900 }), refusal(401, "ticket-expired")];
    await arrive(page, portal, second({ totp: true }), { "POST /sessions": () => answers.shift() });
    await page.locator("#code").fill("111111");
    await sees(page, /please wait (15:00|14:5\d)/);
    await page.locator("#code").fill("222222");
    await sees(page, "verify yourself again");
    assert.equal(await heading(page), "Sign in by password");
  });
});
