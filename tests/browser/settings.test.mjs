import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32, deflateSync } from "node:zlib";
import { administer, advance, change, changeSignIn, codeFor, codesOf, DAY, freshPortal, messagesTo, shownByApp, someEmail, somePhone, wrongCode } from "./lib/portico.mjs";
import { asVisitor, at, comeIn, DESKTOP, entered, fits, givePassword, heading, inspect, openSettings, PHONE, sees } from "./lib/visitor.mjs";

const AGENTS = {
  phone: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49",
  desktop: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
};
const PHRASE = "correct horse battery";
const label = (zh, en) => ({ zh, en });
const FIELDS = [
  { id: "name", type: "text", label: label("姓名", "Name"), collect: true, required: true },
  { id: "company", type: "text", label: label("公司", "Company"), collect: true, required: false, maxLength: 100 },
  { id: "desk", type: "phone", label: label("办公电话", "Office phone"), collect: true, required: false },
  { id: "kind", type: "single", label: label("类型", "Kind"), collect: true, required: true, options: ["a", "b"].map((id) => ({ id, label: label(`类型 ${id}`, `Kind ${id}`) })) },
];
const ANSWERS = { name: "王小明", company: "海港物流", kind: "a" };

/** A portal that anyone enters, and that asks for a few things. */
async function openPortal(settings = {}) {
  const portal = await freshPortal();
  await change(portal, { access: "anyone", fields: FIELDS, ...settings });
  return portal;
}

/** Somebody at their settings; what the page sends from then on. */
async function inside(page, portal, address = somePhone(), name) {
  await comeIn(page, portal, address, ANSWERS);
  const calls = [];
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    // Files go elsewhere, and are no JSON.
    if (request.method() !== "GET" && pathname.startsWith("/v1/")) calls.push([`${request.method()} ${pathname}`, request.postDataJSON()]);
  });
  await openSettings(page, name);
  return calls;
}
const submit = (page) => page.locator("button[type=submit]").click();
const backAtOverview = (page) => page.locator('a[href="#settings/profile"]').waitFor();
const back = async (page) => {
  await page.locator('a[href="#settings"]').click();
  await backAtOverview(page);
};
/** Sets the authenticator app up, from its page; what was handed out. */
async function setUpApp(page) {
  await page.locator(".button.main").click();
  await page.locator(".qr").waitFor();
  const secret = (await page.locator(".secret code").innerText()).replace(/\s/g, "");
  return { secret, finish: async () => page.locator("#code").fill(await shownByApp(secret)) };
}

for (const { name, ...eyes } of [
  { name: "phone-zh", size: PHONE, locale: "zh-CN" },
  { name: "desktop-en", size: DESKTOP, locale: "en-GB" },
  { name: "phone-en-dark", size: PHONE, locale: "en-GB", colorScheme: "dark" },
  { name: "desktop-zh", size: DESKTOP, locale: "zh-CN" },
  { name: "narrow-en", size: { width: 320, height: 568 }, locale: "en-GB" },
]) {
  test(`personal settings: every screen can be read and used, ${name} (F80)`, async () => {
    const portal = await openPortal();
    const phone = somePhone();
    const look = async (page, screen) => {
      await inspect(page, `settings-${name}-${screen}`);
      await fits(page, screen);
    };
    await asVisitor({ size: PHONE, userAgent: AGENTS.phone }, (page) => comeIn(page, portal, phone, ANSWERS));
    await asVisitor({ ...eyes, userAgent: AGENTS.desktop }, async (page) => {
      await comeIn(page, portal, phone);
      await look(page, "0-home");
      await openSettings(page);
      await look(page, "1-overview");
      const visit = async (route) => {
        await page.locator(`a[href="#settings/${route}"]`).click();
        await page.locator(`a[href="#settings"]`).waitFor();
      };
      await visit("profile");
      await page.locator("#field-name").fill("");
      await submit(page);
      await page.locator("#field-name-fault").waitFor();
      await look(page, "2-profile");
      await back(page);
      await visit("email");
      await look(page, "3-email");
      await page.locator("#address").fill(someEmail());
      await submit(page);
      await page.locator("#code").waitFor();
      await look(page, "4-email-code");
      await back(page);
      await visit("password");
      await look(page, "5-password-to");
      const known = await codesOf(phone);
      await advance(61);
      await submit(page);
      await page.locator("#code").waitFor();
      await look(page, "6-password-code");
      await page.locator("#code").fill(await codeFor(phone, known));
      await page.locator("#password").fill("passwordpassword");
      await submit(page);
      await page.locator("#password-fault").waitFor();
      await look(page, "7-password-too-common");
      await page.locator("#password").fill(PHRASE);
      await submit(page);
      await backAtOverview(page);
      await visit("password");
      await page.locator("#current").waitFor();
      await look(page, "8-password");
      await back(page);
      await visit("sessions");
      await page.locator(".sessions").waitFor();
      await look(page, "9-sessions");
      await back(page);
      await visit("delete");
      await submit(page);
      await page.locator("#confirm-fault").waitFor();
      await look(page, "10-delete");
      await back(page);
      await visit("authenticator");
      await look(page, "11-authenticator");
      const app = await setUpApp(page);
      await look(page, "12-authenticator-scan");
      await app.finish();
      await page.locator(".recovery").waitFor();
      await look(page, "13-recovery-codes");
      await page.locator(".button.main").click();
      await backAtOverview(page);
      await look(page, "14-turned-on");
      await visit("authenticator");
      await look(page, "15-authenticator-on");
      // What the portal keeps to itself (F81).
      await change(portal, { profile: { name: false, fields: false } });
      await page.reload();
      await back(page);
      await visit("profile");
      await page.locator(".details").waitFor();
      await look(page, "16-profile-locked");
    });
  });
}

test("the address tells the page: reload, back and forward stay within the settings", async () => {
  const portal = await openPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    await inside(page, portal, somePhone(), "sessions");
    assert.equal(await heading(page), "Signed-in devices");
    assert.equal(await page.evaluate(() => location.hash), "#settings/sessions");
    await page.reload();
    await page.locator(".sessions").waitFor();
    await page.goBack();
    await backAtOverview(page);
    await page.goForward();
    await page.locator(".sessions").waitFor();
    await page.getByRole("link", { name: "Back" }).click();
    await backAtOverview(page);
    await page.getByRole("link", { name: "Back to home" }).click();
    await entered(page);
    assert.equal(await heading(page), "Hello, 王小明");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "heading");

    // Opened by its own address there is nothing to go back to; the page above is.
    await page.goto("about:blank");
    await page.goto(at(`/p/${portal.suffix}#settings/sessions`));
    await page.getByRole("link", { name: "Back" }).click();
    await backAtOverview(page);
    await page.getByRole("link", { name: "Back to home" }).click();
    await entered(page);
    assert.equal(await page.evaluate(() => location.hash), "");
  });
});

test("nothing moves when the settings have come late, side by side neither", async () => {
  for (const [size, layout] of [[PHONE, "centered"], [DESKTOP, "centered"], [DESKTOP, "sideBySide"]]) {
    const portal = await openPortal();
    const { settings } = await administer(portal, "GET", "");
    await change(portal, { design: { ...settings.design, layout } });
    await asVisitor({ size }, async (page, context) => {
      await comeIn(page, portal, somePhone(), ANSWERS);
      await context.route("**/v1/me", async (route) => {
        await page.waitForTimeout(400);
        await route.continue();
      });
      await page.goto("about:blank");
      await page.goto(at(`/p/${portal.suffix}#settings`));
      await sees(page, "Loading");
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

test("only what was changed is saved, the server's judgement stands beside its field, and the new name is used at once (F80)", async () => {
  const portal = await openPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const calls = await inside(page, portal, somePhone(), "profile");
    await submit(page);
    await sees(page, "There is no change to save.");
    await page.locator("#field-name").fill("王大明");
    await page.locator("#field-company").fill("");
    await page.locator("#field-desk").fill("123456");
    // Dropped and opened again: what was typed is there.
    await page.reload();
    assert.equal(await page.locator("#field-name").inputValue(), "王大明");
    await submit(page);
    await page.locator("#field-desk-fault").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), "field-desk");
    await page.locator("#field-desk").fill("13800138000");
    await submit(page);
    await sees(page, "Your profile is saved.");
    assert.deepEqual(calls.at(-1), ["PATCH /v1/me", { fields: { name: "王大明", company: null, desk: "13800138000" } }]);
    await page.getByRole("link", { name: "Back to home" }).click();
    await sees(page, "Hello, 王大明");
    await page.reload();
    await sees(page, "Hello, 王大明");
  });
});

for (const [kind, some, wrong, words] of [["phone", somePhone, "wang@example.com", "Your phone number is updated."], ["email", someEmail, "13800138000", "Your email is updated."]]) {
  test(`another ${kind} is proven by a code before it counts, and is nobody else's (F80, S35)`, async () => {
    const portal = await openPortal();
    const [taken, free] = [some(), some()];
    await asVisitor({ size: PHONE }, (page) => comeIn(page, portal, taken, ANSWERS));
    const signUp = await codesOf(taken);
    await asVisitor({ size: PHONE }, async (page) => {
      await inside(page, portal, kind === "phone" ? somePhone() : someEmail(), kind);
      await page.locator("#address").fill(wrong);
      await submit(page);
      await page.locator("#address-fault").waitFor();
      await page.locator("#address").fill(taken);
      await submit(page);
      await page.locator("#code").waitFor();
      const code = await codeFor(taken, signUp);
      await page.locator("#code").fill(wrongCode(code));
      await sees(page, "4 tries left");
      await page.reload();
      await page.locator("#code").fill(code);
      await sees(page, "belongs to another account");
      assert.equal(await page.locator("#address").inputValue(), taken);
      await page.locator("#address").fill(free);
      await submit(page);
      await page.locator("#code").fill(await codeFor(free));
      await sees(page, words);
      await backAtOverview(page);
      await sees(page, kind === "phone" ? free.replace(/(\d{3})(\d{4})(\d{4})/, "$1 $2 $3") : free);
    });
  });
}

test("a password is set by a code to an own address, then changed with the current one (F14)", async () => {
  const portal = await openPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, (page) => comeIn(page, portal, phone, ANSWERS));
  await asVisitor({ size: DESKTOP }, async (page) => {
    const calls = await inside(page, portal, phone, "password");
    assert.equal(await heading(page), "Set a password");
    const known = await codesOf(phone);
    await advance(61);
    await submit(page);
    await page.locator("#code").waitFor();
    await page.locator("#code").fill(await codeFor(phone, known));
    await sees(page, "At least 15 characters");
    await page.locator("#password").fill(PHRASE);
    await page.locator("#end-others").setChecked(false);
    await submit(page);
    await sees(page, "Your password is saved.");
    await page.locator('a[href="#settings/password"]').getByText("Set", { exact: true }).waitFor();
    assert.equal(calls.at(-1)[1].endOthers, false);

    await page.locator('a[href="#settings/password"]').click();
    await page.locator("#current").fill("not the right phrase");
    await page.locator("#password").fill("another good phrase");
    await submit(page);
    await sees(page, "That isn’t your current password");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "current");
    await page.locator("#current").fill(PHRASE);
    await page.locator("#password").fill("123456789012345");
    await submit(page);
    await sees(page, "too common");
    await page.locator("#password").fill("another good phrase");
    await submit(page);
    await sees(page, "Your password is saved.");
    await page.locator('a[href="#settings/sessions"]').click();
    // The other browser's sign-in went with the password (S29).
    await sees(page, "No other device is signed in.");
  });
});

test("the authenticator app is turned on by a code of it, signs in, hands out recovery codes once, and is turned off (F19)", async () => {
  const portal = await openPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE, permissions: ["clipboard-read", "clipboard-write"] }, async (page) => {
    const calls = await inside(page, portal, phone, "password");
    const known = await codesOf(phone);
    await advance(61);
    await submit(page);
    await page.locator("#code").fill(await codeFor(phone, known));
    await page.locator("#password").fill(PHRASE);
    await submit(page);
    await sees(page, "Your password is saved.");
    await changeSignIn(portal, { secondStep: true });

    await page.locator('a[href="#settings/authenticator"]').click();
    const app = await setUpApp(page);
    await page.getByRole("img", { name: "QR code for the authenticator app" }).waitFor();
    assert.match(await page.getByRole("link", { name: "Open in an app on this device" }).getAttribute("href"), new RegExp(`^otpauth://totp/.*secret=${app.secret}&`));
    // The way to the app leads out of the page: the secret that the app was given stays.
    await page.reload();
    await page.locator("#code").fill(wrongCode(await shownByApp(app.secret)));
    await sees(page, "Those digits aren’t right");
    await app.finish();
    await page.locator(".recovery").waitFor();
    assert.equal(calls.filter(([call]) => call === "POST /v1/me/totp").length, 1);
    const codes = await page.locator(".recovery code").allInnerTexts();
    assert.equal(new Set(codes).size, 10);
    await page.getByRole("button", { name: "Copy" }).click();
    await sees(page, "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), codes.join("\n"));
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download" }).click()]);
    assert.match(download.suggestedFilename(), /recovery codes\.txt$/);
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.getByRole("button", { name: "Copy" }).isVisible(), false);
    assert.equal(await page.locator(".recovery").isVisible(), true);
    await page.emulateMedia({ media: null });
    await page.getByRole("button", { name: "I’ve kept them" }).click();
    await sees(page, "The authenticator app is on.");
    await sees(page, "On · 10 recovery codes left");
    assert.ok(!(await page.evaluate(() => JSON.stringify({ ...sessionStorage }))).includes(app.secret));

    const leave = async () => {
      await page.locator('a[href="#"]').click();
      await page.getByRole("button", { name: "Sign out", exact: true }).click();
      await page.locator("#password, #address").first().waitFor();
      // A code of the app is taken once.
      await advance(31);
    };
    await leave();
    await givePassword(page, phone, PHRASE);
    await sees(page, "Open your authenticator app");
    await page.locator("#code").fill(await shownByApp(app.secret));
    await entered(page);
    await openSettings(page);
    await leave();
    await givePassword(page, phone, PHRASE);
    await page.getByRole("button", { name: "Use a recovery code" }).click();
    await page.locator("#recovery").fill("abcd-efgh-ijkl");
    await submit(page);
    await sees(page, "This recovery code isn’t right");
    await page.locator("#recovery").fill(` ${codes[0].toUpperCase()} `);
    await submit(page);
    await entered(page);
    await openSettings(page, "authenticator");
    await sees(page, "9 recovery codes left");

    const shown = await shownByApp(app.secret);
    await page.locator("#code").fill(shown);
    assert.equal(calls.filter(([call]) => call === "DELETE /v1/me/totp").length, 0, "nothing is turned off by typing on");
    await submit(page);
    await sees(page, "The authenticator app is off.");
    await page.reload();
    await page.locator('a[href="#settings/authenticator"]').getByText("Off").waitFor();

    // Whose phone is lost turns it off by a recovery code.
    await page.locator('a[href="#settings/authenticator"]').click();
    const second = await setUpApp(page);
    await advance(31);
    await second.finish();
    const recovery = await page.locator(".recovery code").first().innerText();
    await page.getByRole("button", { name: "I’ve kept them" }).click();
    await page.locator('a[href="#settings/authenticator"]').click();
    await page.getByRole("button", { name: "The app is lost? Use a recovery code" }).click();
    await page.locator("#recovery").fill(recovery);
    await inspect(page, "settings-app-lost");
    await submit(page);
    await sees(page, "The authenticator app is off.");
  });
});

test("sign-ins elsewhere are listed and ended, one or all of them (F28, S29)", async () => {
  const portal = await openPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE, userAgent: AGENTS.phone }, async (weChat) => {
    await comeIn(weChat, portal, phone, ANSWERS);
    for (const _ of [1, 2]) await asVisitor({ size: PHONE }, (page) => comeIn(page, portal, phone));
    await asVisitor({ size: PHONE, userAgent: AGENTS.desktop }, async (page) => {
      await inside(page, portal, phone, "sessions");
      await sees(page, "Edge on Windows");
      assert.match(await page.locator(".sessions li").first().innerText(), /This device/);
      assert.equal(await page.locator(".sessions li").count(), 4);
      await page.getByRole("button", { name: "End the sign-in of WeChat on iPhone" }).click();
      await sees(page, "The sign-in of WeChat on iPhone has ended.");
      assert.equal(await page.locator(".sessions li").count(), 3);
      await weChat.reload();
      await weChat.locator("#address").waitFor();
      await page.reload();
      await page.getByRole("button", { name: "End all other sign-ins" }).click();
      await sees(page, "All other sign-ins have ended.");
      await sees(page, "No other device is signed in.");
    });
  });
});

test("the language is taken at once, kept by the server, and used for its messages", async () => {
  const portal = await openPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE, locale: "en-GB" }, async (page) => {
    const calls = await inside(page, portal, phone);
    await page.getByRole("radio", { name: "中文" }).check();
    await sees(page, "语言已保存。");
    assert.equal(await heading(page), "个人设置");
    assert.deepEqual(calls.at(-1), ["PATCH /v1/me", { locale: "zh" }]);
    assert.equal((await page.evaluate(async () => (await fetch("/v1/me")).json())).locale, "zh");
    await page.reload();
    await backAtOverview(page);
    assert.equal(await heading(page), "个人设置");
    await page.locator('a[href="#settings/password"]').click();
    const known = await codesOf(phone);
    await advance(61);
    await submit(page);
    await page.locator("#code").waitFor();
    await codeFor(phone, known);
    assert.match((await messagesTo(phone))[0].text, /验证码/);
  });
});

test("a picture is cut square in the browser, seen, sent where the server says, and shown (F80, S55)", async () => {
  const portal = await openPortal();
  await asVisitor({ size: PHONE, uploads: true }, async (page) => {
    const calls = await inside(page, portal, somePhone(), "profile");
    const choose = (name, mimeType, buffer) => page.locator("input[type=file]").setInputFiles({ name, mimeType, buffer });
    const shown = () => page.locator("img.portrait").evaluate(async (picture) => {
      await picture.decode();
      return [picture.naturalWidth, picture.naturalHeight, new URL(picture.src).pathname];
    });
    await choose("broken.png", "image/png", Buffer.from("no picture"));
    await sees(page, "This picture can’t be opened");
    await choose("me.png", "image/png", png(120, 80));
    await sees(page, "Preview of your new picture");
    await inspect(page, "settings-picture");
    await fits(page, "picture");
    await page.getByRole("button", { name: "Use this picture" }).click();
    await sees(page, "Your picture is updated.");
    const asked = calls.find(([call]) => call === "POST /v1/me/picture")[1];
    assert.equal(asked.type, "image/jpeg");
    assert.ok(asked.bytes > 0 && asked.bytes < 20_000);
    const [width, height, path] = await shown();
    assert.deepEqual([width, height], [80, 80]);
    assert.match(path, /^\/v1\/portals\/[^/]+\/pictures\//);
    await inspect(page, "settings-picture-shown");
    await page.reload();
    await page.locator("img.portrait").waitFor();
    assert.equal((await shown())[2], path);
    await page.getByRole("button", { name: "Remove picture" }).click();
    await sees(page, "Your picture is removed.");
    assert.equal(await page.locator("img.portrait").count(), 0);
    assert.equal((await page.request.get(at(path))).status(), 404);
  });
});

/** A picture of red and blue (PNG, 8 bits of each colour). */
function png(width, height) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const check = Buffer.alloc(4);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const row = (y) => Buffer.from([0, ...Array.from({ length: width }, () => (y < height / 2 ? [220, 40, 40] : [40, 60, 200])).flat()]);
  const rows = Buffer.concat(Array.from({ length: height }, (_, y) => row(y)));
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

test("an account is deleted only after the word was typed, and the page says that it is gone (F64, S69)", async () => {
  const portal = await openPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    const calls = await inside(page, portal, phone, "delete");
    await page.locator("#confirm").fill("yes");
    await submit(page);
    await sees(page, "Please type the word “delete”.");
    assert.deepEqual(calls, []);
    await page.locator("#confirm").fill(" Delete ");
    await submit(page);
    await sees(page, "Your account has been deleted.");
    assert.equal(await page.evaluate(() => location.hash), "");
    await page.reload();
    await page.locator("#address").waitFor();
    // The same address is a stranger's again: asked for everything.
    await advance(61);
    const known = await codesOf(phone);
    await page.locator("#address").fill(phone);
    await submit(page);
    await page.locator("#code").fill(await codeFor(phone, known));
    await page.locator("#field-name").waitFor();
    assert.equal(await page.locator("#field-name").inputValue(), "");
  });
});

test("a sign-in that ended shows the way in; settings that do not load can be loaded again", async () => {
  const portal = await openPortal();
  await asVisitor({ size: PHONE }, async (page, context) => {
    await comeIn(page, portal, somePhone(), ANSWERS);
    await context.route("**/v1/me", (route) => route.fulfill({ status: 503, body: "" }), { times: 1 });
    await page.locator('a[href="#settings"]').click();
    await sees(page, "The server can’t be reached");
    await inspect(page, "settings-unreachable");
    await page.getByRole("button", { name: "Load again" }).click();
    await backAtOverview(page);
    await advance(8 * DAY);
    await page.locator('a[href="#settings/sessions"]').click();
    await sees(page, "Your sign-in has ended");
  });
});

test("what the portal keeps to itself is shown, not offered (F81)", async () => {
  const portal = await openPortal({ profile: { name: true, fields: false } });
  await asVisitor({ size: PHONE }, async (page) => {
    await inside(page, portal, somePhone(), "profile");
    await page.locator("#field-name").waitFor();
    assert.equal(await page.locator("#field-company").count(), 0);
    await sees(page, "海港物流");
    await sees(page, "An administrator looks after these");
  });
});
