import assert from "node:assert/strict";
import { test } from "node:test";
import { advance, codeFor, freshPortal, someEmail, somePhone, wrongCode } from "./lib/portico.mjs";
import { asVisitor, giveAddress, inspect, open, PHONE, sees } from "./lib/visitor.mjs";

test("a wrong code says how many tries are left, the fifth ends it", async () => {
  const portal = await freshPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await giveAddress(page, phone);
    const wrong = wrongCode(await codeFor(phone));
    await page.locator("#code").fill(wrong);
    await sees(page, "4 tries left");
    await inspect(page, "fault-code");
    assert.equal(await page.locator("#code").inputValue(), wrong);

    for (const left of ["3 tries left", "2 tries left", "1 try left"]) {
      // The wrong code is selected: typing replaces it.
      await page.locator("#code").press("Enter");
      await sees(page, left);
    }
    await page.locator("#code").press("Enter");
    await sees(page, "This code no longer works");
  });
});

test("typing after a wrong code replaces it", async () => {
  const portal = await freshPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await giveAddress(page, phone);
    const code = await codeFor(phone);
    await page.keyboard.type(wrongCode(code));
    await sees(page, "4 tries left");
    await page.keyboard.type(code);
    await page.locator("#field-name").waitFor();
  });
});

test("a code is sent again once the server's time has passed, and only the new one counts", async () => {
  const portal = await freshPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    await page.clock.install();
    await open(page, portal);
    await giveAddress(page, phone);
    const first = await codeFor(phone);
    const again = (name) => page.getByRole("button", { name, exact: true });
    await again(/^Send again in (60|5\d) seconds$/).waitFor();
    assert.equal(await page.locator(".resend button").getAttribute("aria-disabled"), "true");
    await page.clock.runFor(30_000);
    await again(/^Send again in (30|2\d) seconds$/).waitFor();
    await page.clock.runFor(31_000);
    await advance(61);
    await again("Send again").click();
    await sees(page, "A new code is on its way");
    await again(/^Send again in (60|5\d) seconds$/).waitFor();
    const second = await codeFor(phone, [first]);
    await page.locator("#code").fill(second);
    await page.locator("#field-name").waitFor();
  });
});

test("a code is pasted with the message around it", async () => {
  const portal = await freshPortal();
  const email = someEmail();
  await asVisitor({}, async (page, context) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await open(page, portal);
    await giveAddress(page, email);
    const code = await codeFor(email);
    await page.evaluate((text) => navigator.clipboard.writeText(text), `【Portico】验证码 ${code}，5 分钟内有效。`);
    await page.locator("#code").press("ControlOrMeta+v");
    await page.locator("#field-name").waitFor();
  });
});

test("full-width digits are a code too", async () => {
  const portal = await freshPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE, locale: "zh-CN" }, async (page) => {
    await open(page, portal);
    await giveAddress(page, phone);
    const code = await codeFor(phone);
    await page.locator("#code").fill(code.replace(/\d/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0)));
    await page.locator("#field-name").waitFor();
  });
});

test("the code is ONE input that phones can fill", async () => {
  const portal = await freshPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await giveAddress(page, somePhone());
    assert.equal(await page.locator("form input").count(), 1);
    const input = page.locator("#code");
    assert.equal(await input.getAttribute("inputmode"), "numeric");
    assert.equal(await input.getAttribute("autocomplete"), "one-time-code");
    assert.equal(await input.getAttribute("maxlength"), "6");
  });
});

test("fetching the code in another app may cost the page, but not the step", async () => {
  const portal = await freshPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await giveAddress(page, phone);
    await page.reload();
    await page.locator("#code").fill(await codeFor(phone));
    await page.locator("#field-name").waitFor();
  });
});

test("the address can be changed and is still there to be mended", async () => {
  const portal = await freshPortal();
  const [phone, other] = [somePhone(), somePhone()];
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await giveAddress(page, phone);
    await page.getByRole("button", { name: "Change phone number or email" }).click();
    assert.equal(await page.locator("#address").inputValue(), phone);
    await giveAddress(page, other);
    await codeFor(other);
  });
});

test("asking again too soon is told with the time to wait", async () => {
  const portal = await freshPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await giveAddress(page, phone);
    await page.getByRole("button", { name: "Change phone number or email" }).click();
    await page.locator("button[type=submit]").click();
    await sees(page, /Please try again in \d+ seconds/);
    await inspect(page, "fault-too-many-requests");
  });
});
