import assert from "node:assert/strict";
import { test } from "node:test";
import { changeSignIn, codeFor, decide, demoPortal, freshPortal, someEmail, somePhone } from "./lib/portico.mjs";
import { answering, openAs, refusal, sent, sessionOf } from "./lib/pretend.mjs";
import { asVisitor, DESKTOP, entered, fits, giveAddress, heading, inspect, open, PHONE, prove, sees } from "./lib/visitor.mjs";

const signedIn = (portal) => ({ step: "signedIn", user: sessionOf(portal).user, expiresAt: sessionOf(portal).expiresAt });

for (const { name, missing, wrong, address, ...eyes } of [
  { name: "phone-zh", size: PHONE, locale: "zh-CN", missing: "email", wrong: "13800138000", address: "wang@example.com" },
  { name: "desktop-en", size: DESKTOP, locale: "en-GB", missing: "phone", wrong: "wang@example.com", address: "138 0013 8000" },
  { name: "phone-en-dark", size: PHONE, locale: "en-GB", colorScheme: "dark", missing: "phone", wrong: "wang@example.com", address: "138 0013 8000" },
  { name: "desktop-zh", size: DESKTOP, locale: "zh-CN", missing: "email", wrong: "13800138000", address: "wang@example.com" },
]) {
  test(`the missing ${missing} is asked for and proven, ${name} (F21)`, async () => {
    const portal = await demoPortal();
    const look = async (page, screen) => {
      await inspect(page, `bind-${name}-${screen}`);
      await fits(page, screen);
    };
    await asVisitor(eyes, async (page) => {
      const outcomes = [{ step: "bind", ticket: "ticket-3", missing }, refusal(409, "already-bound"), signedIn(portal)];
      const calls = await answering(page, {
        "POST /codes": () => sent(missing === "phone" ? "sms" : "email"),
        "POST /sessions": () => outcomes.shift(),
        "GET /v1/session": () => sessionOf(portal),
      });
      await openAs(page, portal, {});
      await giveAddress(page, missing === "phone" ? "wang@example.com" : "13800138000");
      await page.locator("#code").fill("111111");
      await page.locator("#code").waitFor({ state: "detached" });
      // Not the other kind of address, and not the one that was proven already.
      assert.equal(await page.locator("#address").inputValue(), "");
      await page.locator("#address").fill(wrong);
      await page.locator("button[type=submit]").click();
      await page.locator("#address-fault").waitFor();
      await look(page, "1-address");
      await giveAddress(page, address);
      await look(page, "2-code");
      await page.reload();
      await page.locator("#code").fill("222222");
      // Another account has it: told beside the field, which still holds it.
      await page.locator("#address-fault").waitFor();
      assert.equal(await page.locator("#address").inputValue(), address);
      await look(page, "3-taken");
      await giveAddress(page, address);
      await page.locator("#code").fill("333333");
      await page.locator(".details").waitFor();
      assert.deepEqual(calls.filter(({ call }) => call.startsWith("POST")).slice(2, 4).map(({ body }) => body), [
        { purpose: "bind", address, ticket: "ticket-3", link: portal.suffix, locale: eyes.locale.slice(0, 2) },
        { flow: `flow-${missing === "phone" ? "sms" : "email"}`, code: "222222", ticket: "ticket-3", remember: true },
      ]);
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

const FIELDS = [
  { id: "name", type: "text", label: { zh: "姓名", en: "Name" }, required: true },
  { id: "company", type: "text", label: { zh: "公司", en: "Company" }, required: true },
  { id: "cars", type: "number", label: { zh: "车辆数", en: "Cars" }, required: true },
];

for (const { name, lead, ...eyes } of [
  { name: "phone-zh", size: PHONE, locale: "zh-CN", lead: "请补充信息" },
  { name: "desktop-en", size: DESKTOP, locale: "en-GB", lead: "A little more is needed" },
]) {
  test(`who is asked for more sees why, over what was answered before, ${name}`, async () => {
    const portal = await demoPortal();
    await asVisitor(eyes, async (page) => {
      const reason = "请上传营业执照上的公司全称，\n并填写车辆数。";
      const calls = await answering(page, {
        "POST /codes": () => sent(),
        "POST /sessions": () => ({ step: "collect", ticket: "ticket-4", fields: FIELDS, reason, answers: { name: "王小明", company: "海港", cars: 3 } }),
        "POST /registration": () => ({ step: "awaitingApproval", ticket: "ticket-5", channel: "sms" }),
        "POST /status": () => ({ step: "awaitingApproval", ticket: "ticket-5", channel: "sms" }),
      });
      await openAs(page, portal, {});
      await giveAddress(page, "13800138000");
      await page.locator("#code").fill("111111");
      await sees(page, "请上传营业执照上的公司全称");
      assert.equal(await heading(page), lead);
      assert.equal(await page.locator("#field-company").inputValue(), "海港");
      assert.equal(await page.locator("#field-cars").inputValue(), "3");
      await inspect(page, `asked-${name}`);
      await fits(page, "asked");
      await page.locator("#field-company").fill("海港物流有限公司");
      // A reload keeps the reason and what was typed over the old answer.
      await page.reload();
      await sees(page, "请上传营业执照上的公司全称");
      await page.locator("button[type=submit]").click();
      await page.locator(".pulse").waitFor();
      assert.deepEqual(calls.find(({ call }) => call === "POST /registration").body, { ticket: "ticket-4", fields: { name: "王小明", company: "海港物流有限公司", cars: 3 } });
    });
  });
}
