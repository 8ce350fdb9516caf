import assert from "node:assert/strict";
import { test } from "node:test";
import { decide, demoPortal, freshPortal, someEmail, somePhone } from "./lib/portico.mjs";
import { answering, done, meOf, openAs, refusal, sent, sessionOf, USER } from "./lib/pretend.mjs";
import { apply, asVisitor, DESKTOP, entered, fits, heading, inspect, open, openSettings, PHONE, prove, sees } from "./lib/visitor.mjs";

const AGENTS = {
  phone: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49",
  desktop: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
};
const SESSIONS = [
  { id: "s2", current: false, authenticatedAt: "2026-11-20T01:00:00Z", expiresAt: "2026-11-27T01:00:00Z", seenAt: "2026-11-21T01:00:00Z", method: "password", agent: AGENTS.phone, client: "203.0.113.7" },
  { id: "s1", current: true, authenticatedAt: "2026-11-22T01:00:00Z", expiresAt: "2026-11-29T01:00:00Z", method: "code", agent: AGENTS.desktop, client: "203.0.113.9" },
  { id: "s3", current: false, authenticatedAt: "2026-11-19T01:00:00Z", expiresAt: "2026-11-26T01:00:00Z", method: "code" },
];
const CODES = Array.from({ length: 10 }, (_, index) => `abcd-efgh-ijk${index}`);
const TOTP = { secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", uri: "otpauth://totp/Customer%20Service:wang%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Customer%20Service" };

/** Signed in at the personal settings, with the answers given; returns the calls. */
async function inside(page, portal, answers = {}, me = {}, hash = "#settings") {
  const calls = await answering(page, { "GET /v1/me": () => meOf(portal, me), ...answers });
  await openAs(page, portal, { session: sessionOf(portal) }, hash);
  await page.locator("#heading").waitFor();
  return calls;
}
const submit = (page) => page.locator("button[type=submit]").click();
const backAtOverview = (page) => page.locator('a[href="#settings/profile"]').waitFor();

for (const { name, ...eyes } of [
  { name: "phone-zh", size: PHONE, locale: "zh-CN" },
  { name: "desktop-en", size: DESKTOP, locale: "en-GB" },
  { name: "phone-en-dark", size: PHONE, locale: "en-GB", colorScheme: "dark" },
  { name: "desktop-zh", size: DESKTOP, locale: "zh-CN" },
  { name: "narrow-en", size: { width: 320, height: 568 }, locale: "en-GB" },
]) {
  test(`personal settings: every screen can be read and used, ${name} (F80)`, async () => {
    const portal = await demoPortal();
    const look = async (page, screen) => {
      await inspect(page, `settings-${name}-${screen}`);
      await fits(page, screen);
    };
    await asVisitor(eyes, async (page) => {
      const change = {};
      await inside(
        page,
        portal,
        {
          "GET /v1/me": () => meOf(portal, change),
          "POST /codes": () => sent(),
          "GET /sessions": () => ({ sessions: SESSIONS }),
          "POST /totp": () => TOTP,
          "PUT /totp": () => ({ recoveryCodes: CODES }),
        },
        {},
        "",
      );
      await look(page, "0-home");
      await openSettings(page);
      await look(page, "1-overview");
      const visit = async (route) => {
        await page.locator(`a[href="#settings/${route}"]`).click();
        await page.locator(`a[href="#settings"]`).waitFor();
      };
      const back = async () => {
        await page.locator('a[href="#settings"]').click();
        await backAtOverview(page);
      };
      await visit("profile");
      await page.locator("#field-name").fill("");
      await submit(page);
      await page.locator("#field-name-fault").waitFor();
      await look(page, "2-profile");
      await back();
      await visit("phone");
      await look(page, "3-phone");
      await page.locator("#address").fill("13900139000");
      await submit(page);
      await page.locator("#code").waitFor();
      await look(page, "4-phone-code");
      await back();
      await visit("password");
      await look(page, "5-password");
      await page.locator(".link.lone").click();
      await look(page, "6-password-to");
      await submit(page);
      await page.locator("#code").waitFor();
      await look(page, "7-password-code");
      await back();
      await visit("sessions");
      await page.locator(".sessions").waitFor();
      await look(page, "8-sessions");
      await back();
      await visit("delete");
      await submit(page);
      await page.locator("#confirm-fault").waitFor();
      await look(page, "9-delete");
      await back();
      await visit("authenticator");
      await look(page, "10-authenticator");
      await page.locator(".button.main").click();
      await page.locator(".qr").waitFor();
      await look(page, "11-authenticator-scan");
      await page.locator("#code").fill("123456");
      await page.locator(".recovery").waitFor();
      await look(page, "12-recovery-codes");
      await page.locator(".button.main").click();
      await backAtOverview(page);
      await look(page, "13-turned-on");
      await visit("authenticator");
      await look(page, "14-authenticator-on");
      // What the portal keeps to itself (F81).
      Object.assign(change, { mayChange: { name: false, fields: false } });
      await page.reload();
      await back();
      await visit("profile");
      await page.locator(".details").waitFor();
      await look(page, "15-profile-locked");
    });
  });
}

test("the address tells the page: reload, back and forward stay within the settings", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    await inside(page, portal, {}, {}, "");
    await openSettings(page, "password");
    assert.equal(await heading(page), "Change password");
    assert.equal(await page.evaluate(() => location.hash), "#settings/password");
    await page.reload();
    await page.locator("#current").waitFor();
    await page.goBack();
    await backAtOverview(page);
    await page.goForward();
    await page.locator("#current").waitFor();
    await page.getByRole("link", { name: "Back" }).click();
    await backAtOverview(page);
    await page.getByRole("link", { name: "Back to home" }).click();
    await page.locator(".details").waitFor();
    assert.equal(await heading(page), "Hello, 王小明");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "heading");
  });
  await asVisitor({ size: PHONE }, async (page) => {
    // Opened by its own address there is nothing to go back to; the page above is.
    await inside(page, portal, {}, {}, "#settings/password");
    await page.getByRole("link", { name: "Back" }).click();
    await backAtOverview(page);
    await page.getByRole("link", { name: "Back to home" }).click();
    await page.locator(".details").waitFor();
    assert.equal(await page.evaluate(() => location.hash), "");
  });
});

test("nothing moves when the settings have come, side by side neither", async () => {
  const portal = await demoPortal();
  for (const [size, layout] of [[PHONE, "centered"], [DESKTOP, "centered"], [DESKTOP, "sideBySide"]]) {
    await asVisitor({ size }, async (page) => {
      let answer;
      await answering(page, { "GET /v1/me": () => new Promise((resolve) => (answer = () => resolve(meOf(portal)))) });
      await openAs(page, portal, { session: sessionOf(portal), design: { layout } }, "#settings");
      await sees(page, "Loading");
      await page.waitForTimeout(200);
      answer();
      await backAtOverview(page);
      await page.waitForTimeout(200);
      const moved = await page.evaluate(
        () =>
          new Promise((resolve) => {
            let total = 0;
            new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (total += value))).observe({ type: "layout-shift", buffered: true });
            setTimeout(() => resolve(total), 200);
          }),
      );
      assert.ok(moved < 0.01, `moved by ${moved}, ${layout}`);
      await inspect(page, `settings-${layout}-${size.width}`);
    });
  }
});

test("only what was changed is saved, the success is said, and the new name is used at once", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const faulty = refusal(422, "invalid", { errors: [{ pointer: "/fields/company", code: "too-long" }] });
    const renamed = meOf(portal, { user: { ...USER, name: "王大明" }, answers: { name: "王大明", kind: "a" } });
    const answers = [faulty, renamed];
    const calls = await inside(page, portal, { "PATCH /v1/me": () => answers.shift() }, {}, "");
    await openSettings(page, "profile");
    await submit(page);
    await sees(page, "There is no change to save.");
    await page.locator("#field-name").fill("王大明");
    await page.locator("#field-company").fill("");
    // Dropped and opened again: what was typed is there.
    await page.reload();
    assert.equal(await page.locator("#field-name").inputValue(), "王大明");
    await submit(page);
    await page.locator("#field-company-fault").waitFor();
    await submit(page);
    await sees(page, "Your profile is saved.");
    assert.equal(await page.locator("[role=status] .note").innerText(), "Your profile is saved.");
    assert.deepEqual(calls.findLast(({ call }) => call === "PATCH /v1/me").body, { fields: { name: "王大明", company: null } });
    await page.getByRole("link", { name: "Back to home" }).click();
    await sees(page, "Hello, 王大明");
  });
});

for (const [kind, address, channel, words] of [["phone", "139 0013 9000", "sms", "Your phone number is updated."], ["email", "new@example.com", "email", "Your email is updated."]]) {
  test(`another ${kind} is proven by a code before it counts`, async () => {
    const portal = await demoPortal();
    await asVisitor({ size: PHONE }, async (page) => {
      const changed = meOf(portal, { user: { ...USER, [kind]: kind === "phone" ? "+8613900139000" : address } });
      const answers = [refusal(422, "code-wrong", { attemptsLeft: 4 }), refusal(409, "already-bound"), changed];
      const calls = await inside(page, portal, { "POST /codes": () => sent(channel), "PUT /address": () => answers.shift() });
      await page.locator(`a[href="#settings/${kind}"]`).click();
      await page.locator("#address").fill(kind === "phone" ? "wang@example.com" : "13900139000");
      await submit(page);
      await page.locator("#address-fault").waitFor();
      await page.locator("#address").fill(address);
      await submit(page);
      await page.locator("#code").fill("111111");
      await sees(page, "4 tries left");
      await page.reload();
      await page.locator("#code").fill("222222");
      await sees(page, "belongs to another account");
      assert.equal(await page.locator("#address").inputValue(), address);
      await submit(page);
      await page.locator("#code").fill("333333");
      await sees(page, words);
      await backAtOverview(page);
      await sees(page, kind === "phone" ? "139 0013 9000" : address);
      assert.deepEqual(calls[1].body, { purpose: "change-address", address, link: portal.suffix, locale: "en" });
      assert.deepEqual(calls.findLast(({ call }) => call === "PUT /address").body, { flow: `flow-${channel}`, code: "333333" });
    });
  });
}

test("a password is changed with the current one, which is judged beside its own field", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: DESKTOP }, async (page) => {
    const answers = [refusal(422, "password-wrong"), refusal(422, "invalid", { errors: [{ pointer: "/password", code: "too-common" }] }), done];
    const calls = await inside(page, portal, { "PUT /password": () => answers.shift() }, { passwordMinLength: 8 });
    await page.locator('a[href="#settings/password"]').click();
    await sees(page, "At least 8 characters");
    await page.locator("#current").fill("old phrase");
    await page.locator("#password").fill("12345678");
    await submit(page);
    await sees(page, "That isn’t your current password");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "current");
    await submit(page);
    await sees(page, "too common");
    await page.locator("#password").fill("a better phrase");
    await page.locator("#end-others").setChecked(false);
    await submit(page);
    await sees(page, "Your password is saved.");
    assert.deepEqual(calls.at(-1).body, { current: "old phrase", password: "a better phrase", endOthers: false });
  });
});

test("who has no password sets one by a code to an own address", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const calls = await inside(page, portal, { "POST /codes": () => sent("email"), "PUT /password": () => done }, { password: false });
    await page.locator('a[href="#settings/password"]').click();
    assert.equal(await heading(page), "Set a password");
    await page.getByText("wang@example.com").click();
    await submit(page);
    await page.locator("#code").fill("123456");
    await page.locator("#password").fill("correct horse battery");
    await submit(page);
    await sees(page, "Your password is saved.");
    await page.locator('a[href="#settings/password"]').getByText("Set", { exact: true }).waitFor();
    assert.deepEqual(calls.slice(1).map(({ body }) => body), [
      { purpose: "reset-password", address: "wang@example.com", link: portal.suffix, locale: "en" },
      { flow: "flow-email", code: "123456", password: "correct horse battery", endOthers: true },
    ]);
  });
});

test("the authenticator app is turned on by a code of it, hands out recovery codes once, and is turned off by a code", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE, permissions: ["clipboard-read", "clipboard-write"] }, async (page) => {
    let secrets = 0;
    const answers = [refusal(422, "totp-wrong"), { recoveryCodes: CODES }];
    const calls = await inside(page, portal, {
      "POST /totp": () => {
        secrets += 1;
        return TOTP;
      },
      "PUT /totp": () => answers.shift(),
      "DELETE /totp": () => done,
    });
    await page.locator('a[href="#settings/authenticator"]').click();
    await page.getByRole("button", { name: "Set it up" }).click();
    await page.getByRole("img", { name: "QR code for the authenticator app" }).waitFor();
    assert.equal(await page.getByRole("link", { name: "Open in an app on this device" }).getAttribute("href"), TOTP.uri);
    await sees(page, "JBSW Y3DP EHPK 3PXP");
    // The way to the app leads out of the page: the secret that the app was given stays.
    await page.reload();
    await page.locator("#code").fill("111111");
    await sees(page, "Those digits aren’t right");
    assert.equal(secrets, 1);
    await page.locator("#code").fill("222222");
    await page.locator(".recovery").waitFor();
    assert.deepEqual(await page.locator(".recovery code").allInnerTexts(), CODES);
    await page.getByRole("button", { name: "Copy" }).click();
    await sees(page, "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), CODES.join("\n"));
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download" }).click()]);
    assert.match(download.suggestedFilename(), /recovery codes\.txt$/);
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.getByRole("button", { name: "Copy" }).isVisible(), false);
    assert.equal(await page.locator(".recovery").isVisible(), true);
    await page.emulateMedia({ media: null });
    await page.getByRole("button", { name: "I’ve kept them" }).click();
    await sees(page, "The authenticator app is on.");
    await sees(page, "On · 10 recovery codes left");
    assert.ok(!(await page.evaluate(() => JSON.stringify({ ...sessionStorage }))).includes(TOTP.secret));

    await page.locator('a[href="#settings/authenticator"]').click();
    await page.locator("#code").fill("333333");
    assert.equal(calls.filter(({ call }) => call === "DELETE /totp").length, 0);
    await submit(page);
    await sees(page, "The authenticator app is off.");
    assert.deepEqual(calls.at(-1).body, { code: "333333" });
  });
});

test("sign-ins elsewhere are listed and ended, one or all of them", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const calls = await inside(page, portal, {
      "GET /sessions": () => ({ sessions: SESSIONS }),
      "DELETE /s2": () => done,
      // Ended meanwhile.
      "DELETE /s3": () => refusal(404, "not-found"),
    });
    await page.locator('a[href="#settings/sessions"]').click();
    await sees(page, "Edge on Windows");
    assert.match(await page.locator(".sessions li").first().innerText(), /This device/);
    await page.getByRole("button", { name: "End the sign-in of WeChat on iPhone" }).click();
    await sees(page, "The sign-in of WeChat on iPhone has ended.");
    assert.equal(await page.locator(".sessions li").count(), 2);
    await page.reload();
    await page.getByRole("button", { name: "End all other sign-ins" }).click();
    await sees(page, "All other sign-ins have ended.");
    await sees(page, "No other device is signed in.");
    assert.deepEqual(calls.filter(({ call }) => call.startsWith("DELETE")).map(({ path }) => path.split("/").pop()), ["s2", "s2", "s3"]);
  });
});

test("the language is taken at once and told to the server", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE, locale: "en-GB" }, async (page) => {
    const calls = await inside(page, portal, { "PATCH /v1/me": () => meOf(portal, { locale: "zh" }) });
    await page.getByRole("radio", { name: "中文" }).check();
    await sees(page, "语言已保存。");
    assert.equal(await heading(page), "个人设置");
    assert.deepEqual(calls.at(-1).body, { locale: "zh" });
  });
});

test("a picture is cut square in the browser, seen, and put where the server says", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    let uploaded;
    await page.route("**/uploads", (route) => {
      uploaded = route.request().postDataBuffer();
      return route.fulfill({ status: 204, body: "" });
    });
    const picture = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    const calls = await inside(page, portal, {
      "POST /picture": () => ({ url: "/uploads", fields: { key: "pictures/1", policy: "p" } }),
      "PUT /picture": () => meOf(portal, { picture }),
      "DELETE /picture": () => done,
    });
    await page.locator('a[href="#settings/profile"]').click();
    const choose = (name, mimeType, buffer) => page.locator("input[type=file]").setInputFiles({ name, mimeType, buffer });
    await choose("broken.png", "image/png", Buffer.from("no picture"));
    await sees(page, "This picture can’t be opened");
    await choose("me.png", "image/png", await page.screenshot());
    await sees(page, "Preview of your new picture");
    await inspect(page, "settings-picture");
    await fits(page, "picture");
    await page.getByRole("button", { name: "Use this picture" }).click();
    await sees(page, "Your picture is updated.");
    const [, asked, put] = calls;
    assert.equal(asked.body.type, "image/jpeg");
    assert.ok(asked.body.bytes > 0 && asked.body.bytes < 200_000);
    assert.ok(uploaded.includes('name="policy"') && uploaded.indexOf('name="file"') > uploaded.indexOf('name="key"'));
    assert.deepEqual(put.body, { key: "pictures/1" });
    await page.getByRole("button", { name: "Remove picture" }).click();
    await sees(page, "Your picture is removed.");
  });
});

test("an account is deleted only after the word was typed, and the page says that it is gone (F64)", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const calls = await inside(page, portal, { "DELETE /v1/me": () => done });
    await page.locator('a[href="#settings/delete"]').click();
    await page.locator("#confirm").fill("yes");
    await submit(page);
    await sees(page, "Please type the word “delete”.");
    assert.equal(calls.length, 1);
    await page.locator("#confirm").fill(" Delete ");
    await submit(page);
    await sees(page, "Your account has been deleted.");
    assert.equal(await page.evaluate(() => location.hash), "");
    await page.locator("#address").waitFor();
  });
});

test("a sign-in that ended shows the way in; settings that do not load can be loaded again", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const answers = [{ status: 503, body: "" }, refusal(401, "unauthorized")];
    await inside(page, portal, { "GET /v1/me": () => answers.shift() });
    await sees(page, "The server can’t be reached");
    await inspect(page, "settings-unreachable");
    await page.getByRole("button", { name: "Load again" }).click();
    await sees(page, "Your sign-in has ended");
  });
});

test("what the portal keeps to itself is shown, not offered (F81)", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    await inside(page, portal, {}, { mayChange: { name: true, fields: false } }, "#settings/profile");
    await page.locator("#field-name").waitFor();
    assert.equal(await page.locator("#field-company").count(), 0);
    await sees(page, "海港物流");
    await sees(page, "An administrator looks after these");
  });
});

test("with the server itself: name, mailbox and devices are seen and changed, and the account ends (F80, S29, S30, S69)", async () => {
  const portal = await freshPortal();
  const [phone, email] = [somePhone(), someEmail()];
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await apply(page, phone);
    await decide(portal, "approve");
    await entered(page);
    await openSettings(page, "profile");
    await page.locator("#field-name").fill("王大明");
    await submit(page);
    await sees(page, "Your profile is saved.");
    await page.locator('a[href="#settings/email"]').click();
    await prove(page, email);
    await page.locator('a[href="#settings/sessions"]').waitFor();
    await sees(page, email);
    await page.locator('a[href="#settings/sessions"]').click();
    assert.match(await page.locator(".sessions li").first().innerText(), /This device/);
    await inspect(page, "settings-with-the-server-sessions");
    await page.locator('a[href="#settings"]').click();
    await page.locator('a[href="#settings/delete"]').click();
    await page.locator("#confirm").fill("delete");
    await submit(page);
    await sees(page, "Your account has been deleted.");
    await page.reload();
    await page.locator("#address").waitFor();
  });
});
