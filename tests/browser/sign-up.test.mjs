import assert from "node:assert/strict";
import { test } from "node:test";
import { codeFor, decide, freshPortal, messagesTo, pendingUsers, someEmail, somePhone } from "./lib/portico.mjs";
import { apply, asVisitor, DESKTOP, entered, fits, giveAddress, heading, inspect, open, PHONE, sees } from "./lib/visitor.mjs";

const WORDS = {
  "zh-CN": { address: "登录或注册", code: "输入验证码", collect: "完善信息", waiting: "申请已提交", byMessage: "结果会以短信通知你", byEmail: "结果会以邮件通知你", hello: "你好，王小明" },
  "en-GB": { address: "Sign in or sign up", code: "Enter your code", collect: "About you", waiting: "Your request is in", byMessage: "You’ll get the answer by text message", byEmail: "You’ll get the answer by email", hello: "Hello, 王小明" },
};

for (const [device, size] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
  for (const [locale, words] of Object.entries(WORDS)) {
    // Every screen is seen in light and in dark, on each device.
    const scheme = (device === "phone") === (locale === "zh-CN") ? "light" : "dark";
    // A phone number on phones, an email on desktops: each way is walked in each language.
    const mobile = device === "phone";
    test(`an outside person signs up on a ${device} in ${locale}, ${scheme}, and is let in once approved`, async () => {
      const portal = await freshPortal();
      const address = mobile ? somePhone() : someEmail();
      const look = async (page, step) => {
        await inspect(page, `${device}-${locale}-${scheme}-${step}`);
        await fits(page, step);
      };
      await asVisitor({ size, locale, colorScheme: scheme }, async (page) => {
        await open(page, portal);
        assert.equal(await heading(page), words.address);
        await look(page, "1-address");

        await giveAddress(page, address);
        assert.equal(await heading(page), words.code);
        await look(page, "2-code");

        await page.locator("#code").fill(await codeFor(address));
        await page.locator("#field-name").waitFor();
        assert.equal(await heading(page), words.collect);
        await look(page, "3-collect");

        await page.locator("#field-name").fill("王小明");
        await page.locator("#field-company").fill("海港物流");
        await page.locator("button[type=submit]").click();
        await page.locator(".pulse").waitFor();
        assert.equal(await heading(page), words.waiting);
        await sees(page, mobile ? words.byMessage : words.byEmail);
        await look(page, "4-waiting");

        const [waiting] = await pendingUsers(portal);
        assert.equal(waiting.name, "王小明");
        assert.equal(waiting.fields.company, "海港物流");

        await decide(portal, "approve");
        await entered(page);
        assert.equal(await heading(page), words.hello);
        await look(page, "5-home");
      });
      assert.ok((await messagesTo(address)).length >= 1);
    });
  }
}

test("every usual way of writing a phone number is the same person", async () => {
  const portal = await freshPortal();
  const phone = somePhone();
  const wide = phone.replace(/\d/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0));
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await page.locator("#address").fill(` 0086 ${wide.slice(0, 3)} ${wide.slice(3)} `);
    await page.locator("button[type=submit]").click();
    await page.locator("#code").waitFor();
    await sees(page, `${phone.slice(0, 3)} ${phone.slice(3, 7)} ${phone.slice(7)}`);
    await codeFor(phone);
  });
});

test("what is missing is said beside its field, which gets the focus, and nothing typed is lost", async () => {
  const portal = await freshPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await page.locator("button[type=submit]").click();
    await sees(page, "Enter your phone number or email.");
    await inspect(page, "fault-address");
    await giveAddress(page, phone);
    await page.locator("#code").fill(await codeFor(phone));
    await page.locator("#field-company").fill("Harbor");
    await page.locator("button[type=submit]").click();
    await sees(page, "Please enter your name.");
    assert.equal(await page.locator("#field-name").evaluate((field) => field === document.activeElement), true);
    await inspect(page, "fault-collect");

    await page.reload();
    assert.equal(await page.locator("#field-company").inputValue(), "Harbor");
  });
});

test("the server's own judgement of a field stands beside that field", async () => {
  const portal = await freshPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await giveAddress(page, phone);
    await page.locator("#code").fill(await codeFor(phone));
    await page.locator("#field-name").fill("王小明");
    await page.route("**/registration", (route) =>
      route.fulfill({
        status: 422,
        contentType: "application/problem+json",
        body: JSON.stringify({ type: "https://portico.dev/problems/invalid", title: "x", status: 422, errors: [{ pointer: "/fields/position", code: "too-long" }] }),
      }),
    );
    await page.locator("button[type=submit]").click();
    await page.locator("#field-position-fault").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), "field-position");
    assert.equal(await page.locator("#field-name").inputValue(), "王小明");
  });
});

test("the waiting page survives a reload", async () => {
  const portal = await freshPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await apply(page, somePhone());
    await page.reload();
    await page.locator(".pulse").waitFor();
    await decide(portal, "approve");
    await entered(page);
  });
});

test("the language is switched by hand and remembered", async () => {
  const portal = await freshPortal();
  await asVisitor({ locale: "zh-CN" }, async (page) => {
    await open(page, portal);
    await page.locator("#address").fill("1380");
    await page.getByRole("button", { name: "Switch to English" }).click();
    assert.equal(await heading(page), "Sign in or sign up");
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
    assert.equal(await page.locator("#address").inputValue(), "1380");
    await page.reload();
    assert.equal(await heading(page), "Sign in or sign up");
  });
});

test("the whole way can be gone by keyboard", async () => {
  const portal = await freshPortal();
  const email = someEmail();
  await asVisitor({}, async (page) => {
    const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.className);
    const tabTo = async (wanted) => {
      for (let presses = 0; presses < 15 && !(await focused())?.includes(wanted); presses += 1) await page.keyboard.press("Tab");
      assert.ok((await focused())?.includes(wanted), `Tab reaches ${wanted}`);
    };
    await open(page, portal);
    assert.equal(await focused(), "address");
    await page.keyboard.type(email);
    await tabTo("remember");
    await page.keyboard.press("Space");
    assert.equal(await page.locator("#remember").isChecked(), false);
    await page.keyboard.press("Space");
    await page.keyboard.press("Enter");
    await page.locator("#code").waitFor();
    assert.equal(await focused(), "code");
    await page.keyboard.type(await codeFor(email));
    await page.locator("#field-name").waitFor();
    assert.equal(await focused(), "heading");
    await tabTo("field-name");
    await page.keyboard.type("Wang");
    await page.keyboard.press("Enter");
    await page.locator(".pulse").waitFor();
    assert.equal(await focused(), "heading");
    await decide(portal, "approve");
    await entered(page);
    assert.equal(await focused(), "heading");
    await tabTo("button main");
    await page.keyboard.press("Enter");
    await page.locator("#address").waitFor();
    assert.equal(await focused(), "address");
  });
});
