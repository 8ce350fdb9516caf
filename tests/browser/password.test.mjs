import assert from "node:assert/strict";
import { test } from "node:test";
import { advance, change, changeSignIn, codeFor, codesOf, decide, demoPortal, freshPortal, somePhone } from "./lib/portico.mjs";
import { answering, done, openAs, refusal, sent, sessionOf } from "./lib/pretend.mjs";
import { apply, asVisitor, comeIn, DESKTOP, entered, fits, givePassword, heading, inspect, open, PHONE, resetPassword, sees } from "./lib/visitor.mjs";

const PHRASE = "correct horse battery";

/** Every screen is seen on a phone in Chinese and on a desktop in English, once of them in the dark. */
const EYES = [
  { name: "phone-zh", size: PHONE, locale: "zh-CN" },
  { name: "desktop-en", size: DESKTOP, locale: "en-GB" },
  { name: "desktop-zh-dark", size: DESKTOP, locale: "zh-CN", colorScheme: "dark" },
  { name: "phone-en", size: PHONE, locale: "en-GB" },
];

for (const { name, ...eyes } of EYES) {
  test(`by password: every screen can be read and used, ${name}`, async () => {
    const portal = await freshPortal();
    await change(portal, { access: "anyone" });
    const phone = somePhone();
    const look = async (page, screen) => {
      await inspect(page, `password-${name}-${screen}`);
      await fits(page, screen);
    };
    await asVisitor({ size: PHONE }, (page) => comeIn(page, portal, phone));
    await advance(61);
    await asVisitor(eyes, async (page) => {
      await open(page, portal);
      await look(page, "0-by-code");
      await givePassword(page, phone, "something else");
      await page.locator("#password-fault").waitFor();
      await look(page, "1-wrong");
      const known = await codesOf(phone);
      let code;
      await resetPassword(page, phone, async () => (code = await codeFor(phone, known)), "passwordpassword");
      await page.locator("#password-fault").waitFor();
      // Neither the code nor the password has to be given again.
      assert.equal(await page.locator("#code").inputValue(), code);
      assert.equal(await page.locator("#password").inputValue(), "passwordpassword");
      await look(page, "2-too-common");
      await page.locator("#password").fill(PHRASE);
      await page.locator("button[type=submit]").click();
      await page.locator(".note").waitFor();
      await look(page, "3-saved");
      await givePassword(page, phone, PHRASE);
      await entered(page);
    });
  });
}

test("by password the whole way can be gone by keyboard, the agreement included", async () => {
  const portal = await demoPortal();
  await asVisitor({}, async (page) => {
    const calls = await answering(page, {
      "GET /agreements": () => ({ version: 1, terms: { title: "User agreement", html: "<p>Be kind.</p>" } }),
      "POST /password-sessions": () => ({ step: "signedIn", user: sessionOf(portal).user, expiresAt: sessionOf(portal).expiresAt }),
      "GET /v1/session": () => sessionOf(portal),
    });
    await openAs(page, portal, { password: true, agreement: { version: 1, terms: true, privacy: false } });
    const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent || document.activeElement?.getAttribute("aria-label"));
    const tabTo = async (wanted) => {
      for (let presses = 0; presses < 12 && (await focused()) !== wanted; presses += 1) await page.keyboard.press("Tab");
      assert.equal(await focused(), wanted);
    };
    await tabTo("Sign in with a password");
    await page.keyboard.press("Enter");
    await page.locator("#password").waitFor();
    await page.waitForFunction(() => document.activeElement?.id === "address");
    await page.keyboard.type("wang@example.com");
    await tabTo("password");
    await page.keyboard.type(PHRASE);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "Show password");
    await tabTo("agree");
    await tabTo("user agreement");
    await page.keyboard.press("Enter");
    await sees(page, "Be kind.");
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    assert.equal(await focused(), "user agreement");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Space");
    await page.keyboard.press("Enter");
    await page.locator(".details").waitFor();
    assert.equal(await focused(), "heading");
    assert.equal(calls.find(({ call }) => call === "POST /password-sessions").body.consent, 1);
    await tabTo("Personal settingsProfile, password, devices");
  });
});

test("without the setting there is no word of passwords", async () => {
  const portal = await freshPortal();
  await changeSignIn(portal, { password: false });
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await page.locator("#address").waitFor();
    assert.equal(await page.getByText("Sign in with a password").count(), 0);
  });
});

test("a password signs in; the way is remembered in this browser, the password nowhere", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const calls = await answering(page, {
      "POST /password-sessions": () => ({ step: "signedIn", user: sessionOf(portal).user, expiresAt: sessionOf(portal).expiresAt }),
      "GET /v1/session": () => sessionOf(portal),
      "DELETE /v1/session": () => done,
    });
    await openAs(page, portal, { password: true });
    const autocompletes = () => page.locator("#address, #password").evaluateAll((fields) => fields.map((field) => field.autocomplete));
    await page.getByRole("button", { name: "Sign in with a password" }).click();
    assert.deepEqual(await autocompletes(), ["username", "current-password"]);
    await page.locator("#remember").setChecked(false);
    await givePassword(page, " 138 0013 8000 ", PHRASE);
    await page.locator(".details").waitFor();
    assert.deepEqual(calls[0].body, { address: "138 0013 8000", password: PHRASE, remember: false, link: portal.suffix });
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    assert.ok(!kept.includes(PHRASE));

    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.locator("#password").waitFor();
    assert.equal(await heading(page), "Sign in by password");
  });
});

test("a wrong password stays to be seen, beside its field, and typing replaces it", async () => {
  const portal = await freshPortal();
  await asVisitor({ size: DESKTOP }, async (page) => {
    await open(page, portal);
    await givePassword(page, "wang@example.com", "wrong one");
    await sees(page, "That account or password isn’t right");
    assert.equal(await page.locator("#password").inputValue(), "wrong one");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "password");
    await page.getByRole("button", { name: "Show password" }).click();
    assert.equal(await page.locator("#password").getAttribute("type"), "text");
    await page.getByRole("button", { name: "Hide password" }).click();
    // To the code and back: the address stays, and so does the password.
    await page.getByRole("button", { name: "Sign in with a code" }).click();
    assert.equal(await page.locator("#password").count(), 0);
    await page.getByRole("button", { name: "Sign in with a password" }).click();
    assert.equal(await page.locator("#address").inputValue(), "wang@example.com");
    assert.equal(await page.locator("#password").inputValue(), "wrong one");
  });
});

test("what is missing is said beside it before the server is asked", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const calls = await answering(page, { "POST /password-sessions": () => refusal(500, "x") });
    await openAs(page, portal, { password: true });
    await givePassword(page, "", "");
    await sees(page, "Enter your phone number or email.");
    await sees(page, "Enter your password.");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "address");
    assert.equal(calls.length, 0);
  });
});

for (const way of ["password", "sending", "verifying"]) {
  test(`a lock-out counts down and opens again: ${way} (F23)`, async () => {
    const portal = await demoPortal();
    await asVisitor({ size: PHONE }, async (page) => {
      await page.clock.install();
      const locked = () => refusal(429, "locked", { retryAfter: 65 });
      await answering(page, {
        "POST /password-sessions": locked,
        "POST /codes": () => (way === "sending" ? locked() : sent()),
        "POST /sessions": locked,
      });
      await openAs(page, portal, { password: true });
      if (way === "password") await givePassword(page, "13800138000", PHRASE);
      else {
        await page.locator("#address").fill("13800138000");
        await page.locator("button[type=submit]").click();
      }
      if (way === "verifying") await page.locator("#code").fill("123456");
      await sees(page, /please wait 6[0-5] seconds/);
      assert.equal(await page.locator("button[type=submit]").getAttribute("aria-disabled"), "true");
      await page.clock.runFor(30_000);
      await sees(page, /please wait 3[0-5] seconds/);
      if (way === "password") await inspect(page, "password-locked");
      await page.clock.runFor(36_000);
      await sees(page, "You can try again now.");
      assert.equal(await page.locator("button[type=submit]").getAttribute("aria-disabled"), null);
    });
  });
}

test("a forgotten password is set anew by code, and signs in then (F14)", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const calls = await answering(page, { "POST /codes": () => sent(), "GET /password": () => ({ minLength: 18 }), "POST /password": () => done });
    await openAs(page, portal, { password: true });
    await page.getByRole("button", { name: "Sign in with a password" }).click();
    await page.locator("#address").fill("13800138000");
    await page.locator(".aside .link").click();
    assert.equal(await page.locator("#address").inputValue(), "13800138000");
    await page.locator("button[type=submit]").click();
    // What is asked of the password is told before anything is typed.
    await sees(page, "At least 18 characters");
    assert.equal(await page.locator("#password").getAttribute("autocomplete"), "new-password");
    await page.locator("#code").fill("123456");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "password");
    await page.locator("#password").fill("short");
    await page.locator("button[type=submit]").click();
    await sees(page, "It needs at least 18 characters");
    await page.locator("#password").fill(PHRASE);
    await page.locator("button[type=submit]").click();
    await sees(page, "Your new password is saved");
    await inspect(page, "password-reset-done");
    assert.equal(await page.locator("#address").inputValue(), "13800138000");
    assert.equal(await page.locator("#password").inputValue(), "");
    assert.deepEqual(
      calls.filter(({ call }) => call !== "GET /password").map(({ call, body }) => [call, body]),
      [
        ["POST /codes", { purpose: "reset-password", address: "13800138000", link: portal.suffix, locale: "en" }],
        ["POST /password", { flow: "flow-sms", code: "123456", password: PHRASE }],
      ],
    );
  });
});

test("a wrong code, a length the server knows better and a missing account are each told where they belong", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const answers = [
      refusal(422, "code-wrong", { attemptsLeft: 3 }),
      refusal(422, "invalid", { minLength: 25, errors: [{ pointer: "/password", code: "too-short" }] }),
      refusal(409, "no-account"),
    ];
    await answering(page, { "POST /codes": () => sent(), "POST /password": () => answers.shift() });
    await openAs(page, portal, { password: true });
    await page.getByRole("button", { name: "Sign in with a password" }).click();
    await resetPassword(page, "13800138000", () => "123456", PHRASE);
    await page.locator("#code-fault").waitFor();
    assert.equal(await page.locator("#password").inputValue(), PHRASE);
    await page.locator("button[type=submit]").click();
    await sees(page, "It needs at least 25 characters");
    await page.locator("#password").fill(`${PHRASE} staple`);
    await page.locator("button[type=submit]").click();
    await sees(page, "There’s no account for this address yet");
    assert.equal(await heading(page), "Sign in or sign up");
    assert.equal(await page.locator("#password").count(), 0);
  });
});

/** Somebody with an account and a password, signed out again; returns the codes that came meanwhile. */
async function withPassword(page, portal, phone) {
  await open(page, portal);
  await apply(page, phone);
  await decide(portal, "approve");
  await entered(page);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.locator("#address").waitFor();
  await advance(61);
  const [known] = [await codeFor(phone)];
  await page.getByRole("button", { name: "Sign in with a password" }).click();
  let code;
  await resetPassword(page, phone, async () => (code = await codeFor(phone, [known])), PHRASE);
  await sees(page, "Your new password is saved");
  return [known, code];
}

test("with the server itself: a password is set by code, signs in, is guessed at in vain, and opens again (F14, F23)", async () => {
  const portal = await freshPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    await withPassword(page, portal, phone);
    await givePassword(page, phone, "not this one at all");
    await sees(page, "That account or password isn’t right");
    await givePassword(page, phone, PHRASE);
    await entered(page);
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.locator("#password").waitFor();
    for (let guess = 0; guess < 5; guess += 1) {
      await givePassword(page, phone, `guess number ${guess}`);
      await sees(page, "That account or password isn’t right");
    }
    await givePassword(page, phone, PHRASE);
    await sees(page, /please wait (60|5\d) seconds/);
    await advance(61);
    await page.reload();
    await givePassword(page, phone, PHRASE);
    await entered(page);
  });
});

test("with the server itself: a password for an address that has no account leads to the sign-in by code", async () => {
  const portal = await freshPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await page.getByRole("button", { name: "Sign in with a password" }).click();
    await resetPassword(page, phone, () => codeFor(phone), PHRASE);
    await sees(page, "There’s no account for this address yet");
  });
});

test("with the server itself: a second step follows the password (F19)", async () => {
  const portal = await freshPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    const known = await withPassword(page, portal, phone);
    await changeSignIn(portal, { secondStep: true });
    await advance(61);
    await givePassword(page, phone, PHRASE);
    // One channel only: its code is on its way at once.
    await page.locator("#code").fill(await codeFor(phone, known));
    await entered(page);
  });
});
