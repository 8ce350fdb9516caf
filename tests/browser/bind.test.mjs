import assert from "node:assert/strict";
import { test } from "node:test";
import { advance, change, changeSignIn, codeFor, codesOf, decide, freshPortal, someEmail, somePhone } from "./lib/portico.mjs";
import { asVisitor, comeIn, DESKTOP, entered, fits, giveAddress, heading, inspect, open, PHONE, prove, sees } from "./lib/visitor.mjs";

/** Somebody else's account. */
async function taken(portal, address) {
  await asVisitor({ size: PHONE }, (page) => comeIn(page, portal, address));
}

for (const { name, missing, ...eyes } of [
  { name: "phone-zh", size: PHONE, locale: "zh-CN", missing: "email" },
  { name: "desktop-en", size: DESKTOP, locale: "en-GB", missing: "phone" },
  { name: "phone-en-dark", size: PHONE, locale: "en-GB", colorScheme: "dark", missing: "phone" },
  { name: "desktop-zh", size: DESKTOP, locale: "zh-CN", missing: "email" },
]) {
  test(`the missing ${missing} is asked for and proven, ${name} (F21)`, async () => {
    const portal = await freshPortal();
    await change(portal, { access: "anyone" });
    const [first, other] = missing === "phone" ? [someEmail, somePhone] : [somePhone, someEmail];
    const [own, free, owned] = [first(), other(), other()];
    await taken(portal, owned);
    await changeSignIn(portal, { bindBoth: true });
    await advance(61);
    const look = async (page, screen) => {
      await inspect(page, `bind-${name}-${screen}`);
      await fits(page, screen);
    };
    await asVisitor(eyes, async (page) => {
      await open(page, portal);
      await prove(page, own);
      // Not the other kind of address, and not the one that was proven already.
      assert.equal(await page.locator("#address").inputValue(), "");
      await page.locator("#address").fill(own);
      await page.locator("button[type=submit]").click();
      await page.locator("#address-fault").waitFor();
      await look(page, "1-address");
      const known = await codesOf(owned);
      await giveAddress(page, owned);
      await look(page, "2-code");
      await page.reload();
      await page.locator("#code").fill(await codeFor(owned, known));
      // Another account has it: told beside the field, which still holds it.
      await page.locator("#address-fault").waitFor();
      assert.equal(await page.locator("#address").inputValue(), owned);
      await look(page, "3-taken");
      await giveAddress(page, free);
      await page.locator("#code").fill(await codeFor(free));
      await page.locator("#field-name").fill("王小明");
      await page.locator("button[type=submit]").click();
      await entered(page);
    });
  });
}

test("with the server itself: nobody gets in before both addresses are proven (F21)", async () => {
  const portal = await freshPortal();
  await changeSignIn(portal, { bindBoth: true });
  const [phone, email] = [somePhone(), someEmail()];
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await prove(page, phone);
    await sees(page, "Add your email");
    await prove(page, email);
    await page.locator("#field-name").fill("王小明");
    await page.locator("button[type=submit]").click();
    await page.locator(".pulse").waitFor();
    await decide(portal, "approve");
    await entered(page);
    await sees(page, email);
  });
});

for (const { name, lead, ...eyes } of [
  { name: "phone-zh", size: PHONE, locale: "zh-CN", lead: "请补充信息" },
  { name: "desktop-en", size: DESKTOP, locale: "en-GB", lead: "A little more is needed" },
]) {
  test(`who is asked for more sees why, over what was answered before, ${name} (B5)`, async () => {
    const portal = await freshPortal();
    const phone = somePhone();
    await asVisitor(eyes, async (page) => {
      await open(page, portal);
      await prove(page, phone);
      await page.locator("#field-name").fill("王小明");
      await page.locator("#field-company").fill("海港");
      await page.locator("button[type=submit]").click();
      await page.locator(".pulse").waitFor();
      await decide(portal, "ask", "请上传营业执照上的公司全称，并填写职位。");
      // The page that waits turns into the form by itself.
      await page.locator(".asked").waitFor({ timeout: 20_000 });
      await sees(page, "请上传营业执照上的公司全称");
      assert.equal(await heading(page), lead);
      assert.equal(await page.locator("#field-company").inputValue(), "海港");
      await inspect(page, `asked-${name}`);
      await fits(page, "asked");
      await page.locator("#field-company").fill("海港物流有限公司");
      // A reload keeps the reason and what was typed over the old answer.
      await page.reload();
      await sees(page, "请上传营业执照上的公司全称");
      assert.equal(await page.locator("#field-company").inputValue(), "海港物流有限公司");
      await page.locator("button[type=submit]").click();
      await page.locator(".pulse").waitFor();
      await decide(portal, "approve");
      await entered(page);
    });
  });
}
