import assert from "node:assert/strict";
import { test } from "node:test";
import { advance, change, changeSignIn, codeFor, codesOf, freshPortal, shownByApp, someEmail, somePhone, wrongCode } from "./lib/portico.mjs";
import { asVisitor, comeIn, DESKTOP, entered, fits, givePassword, heading, inspect, open, PHONE, proveOwn, sees, send } from "./lib/visitor.mjs";

const PHRASE = "correct horse battery";

/** Somebody with a password at a portal that wants a second step; signed out again. With a mailbox besides, and with an app. */
async function somebody({ mailbox = true, app = false } = {}) {
  const portal = await freshPortal();
  await change(portal, { access: "anyone" });
  const person = { portal, phone: somePhone(), email: mailbox ? someEmail() : null };
  await asVisitor({ size: PHONE }, async (page) => {
    await comeIn(page, portal, person.phone);
    if (mailbox) await send(page, "PUT", "/v1/me/address", await proveOwn(page, portal, person.email, "change-address"));
    await send(page, "PUT", "/v1/me/password", { ...(await proveOwn(page, portal, person.phone, "reset-password")), password: PHRASE });
    if (app) {
      person.secret = (await send(page, "POST", "/v1/me/totp")).secret;
      person.recovery = (await send(page, "PUT", "/v1/me/totp", { code: await shownByApp(person.secret) })).recoveryCodes;
    }
  });
  await changeSignIn(portal, { secondStep: true });
  await advance(61);
  return person;
}

/** Up to the second step. */
async function arrive(page, { portal, phone }) {
  await open(page, portal);
  await givePassword(page, phone, PHRASE);
}
const hint = (phone) => `+86${phone.slice(0, 3)}****${phone.slice(-4)}`;

for (const { name, ...eyes } of [
  { name: "phone-zh", size: PHONE, locale: "zh-CN" },
  { name: "desktop-en", size: DESKTOP, locale: "en-GB" },
  { name: "phone-en-dark", size: PHONE, locale: "en-GB", colorScheme: "dark" },
  { name: "desktop-zh", size: DESKTOP, locale: "zh-CN" },
]) {
  test(`second step: every screen can be read and used, ${name} (F19)`, async () => {
    const [plain, person] = [await somebody(), await somebody({ app: true })];
    const look = async (page, screen) => {
      await inspect(page, `second-${name}-${screen}`);
      await fits(page, screen);
    };
    await asVisitor(eyes, async (page) => {
      await arrive(page, plain);
      await page.locator(".way").first().waitFor();
      await look(page, "0-choose");
    });
    await asVisitor(eyes, async (page) => {
      await arrive(page, person);
      await page.locator("#code").fill(wrongCode(await shownByApp(person.secret)));
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
  });
}

test("of two channels one is chosen by its hint, and its code proves who is there (F19)", async () => {
  const person = await somebody();
  await asVisitor({ size: PHONE }, async (page) => {
    const known = await codesOf(person.email);
    await arrive(page, person);
    await page.getByRole("button", { name: /^Get a code by email p\*+.*@example\.com$/ }).click();
    await sees(page, "We sent an email to");
    await page.getByRole("button", { name: /^Send again in (60|5\d) seconds$/ }).waitFor();
    const code = await codeFor(person.email, known);
    // The code is read in another app, and the phone drops the page meanwhile.
    await page.reload();
    await page.locator("#code").fill(wrongCode(code));
    await sees(page, "4 tries left");
    await page.locator("#code").fill(code);
    await entered(page);
  });
});

test("where there is one channel only, the code is on its way at once", async () => {
  const person = await somebody({ mailbox: false });
  await asVisitor({ size: PHONE }, async (page) => {
    const known = await codesOf(person.phone);
    await arrive(page, person);
    await page.locator("#code").waitFor();
    await sees(page, hint(person.phone));
    await page.locator("#code").fill(await codeFor(person.phone, known));
    await entered(page);
  });
});

test("the authenticator app and a recovery code are ways too", async () => {
  const person = await somebody({ app: true });
  await asVisitor({ size: PHONE }, async (page) => {
    await arrive(page, person);
    await sees(page, "Open your authenticator app");
    await page.locator("#code").fill(await shownByApp(person.secret));
    await entered(page);
  });
  await asVisitor({ size: PHONE }, async (page) => {
    await arrive(page, person);
    await page.getByRole("button", { name: "Use a recovery code" }).click();
    await page.locator("#recovery").fill(` ${person.recovery[3].toUpperCase()} `);
    await page.locator("button[type=submit]").click();
    await entered(page);
  });
});

test("a lock-out and a ticket that ran out are told in the second step too (F23, S38)", async () => {
  const person = await somebody({ app: true });
  await asVisitor({ size: PHONE }, async (page) => {
    await arrive(page, person);
    const wrong = wrongCode(await shownByApp(person.secret));
    for (let guess = 0; guess < 5; guess += 1) {
      await page.locator("#code").fill("");
      await page.locator("#code").fill(wrong);
      await sees(page, "Those digits aren’t right");
    }
    await page.locator("#code").fill("");
    await page.locator("#code").fill(wrong);
    await sees(page, /please wait (60|5\d) seconds/);
    await advance(11 * 60);
    await page.locator("#code").fill("");
    await page.locator("#code").fill(await shownByApp(person.secret));
    await sees(page, "verify yourself again");
    assert.equal(await heading(page), "Sign in by password");
  });
});
