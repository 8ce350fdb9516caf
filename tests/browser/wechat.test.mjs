import assert from "node:assert/strict";
import { test } from "node:test";
import { demoPortal } from "./lib/portico.mjs";
import { answering, meOf, openAs, refusal, sent, sessionOf } from "./lib/pretend.mjs";
import { asVisitor, DESKTOP, fits, inspect, PHONE, sees } from "./lib/visitor.mjs";

const IN_WECHAT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49";
const WECHAT = { wechat: { follow: false } };
const SCAN = { id: "scn_01", url: "https://portico.example/v1/portals/por_01kf3m1nqmgv2qk8c2x1x2/wechat?scan=scn_01kf3m1nqmgv2qk8c2x1x2", expiresIn: 120 };
const FOLLOW = { step: "follow", ticket: "ticket-7", qr: "http://weixin.qq.com/q/02abcdEFGH1234", expiresIn: 300 };

for (const { name, ...eyes } of [
  { name: "phone-zh", size: PHONE, locale: "zh-CN" },
  { name: "phone-en-dark", size: PHONE, locale: "en-GB", colorScheme: "dark" },
  { name: "narrow-en", size: { width: 320, height: 568 }, locale: "en-GB" },
]) {
  test(`inside WeChat: every screen can be read and used, ${name} (F15 to F18)`, async () => {
    const portal = await demoPortal();
    const look = async (page, screen) => {
      await inspect(page, `wechat-${name}-${screen}`);
      await fits(page, screen);
    };
    const inWeChat = { ...eyes, userAgent: IN_WECHAT };
    await asVisitor(inWeChat, async (page) => {
      let asked = 0;
      // An answer without content leaves the page as it is.
      await page.route("**/v1/portals/*/wechat?*", (route) => {
        asked += 1;
        return route.fulfill({ status: 204, body: "" });
      });
      await openAs(page, portal, WECHAT);
      await page.locator(".pulse").waitFor();
      await look(page, "1-going");
      await page.locator(".link.lone").click();
      await page.locator("#address").waitFor();
      await look(page, "2-other-ways");
      assert.equal(asked, 1);
    });
    for (const kind of ["wechat-state", "wechat-snapshot", "wechat-again", "already-bound", "something-new", "disabled"]) {
      await asVisitor(inWeChat, async (page) => {
        await openAs(page, portal, WECHAT, `#problem=${kind}`);
        await page.locator(".note, .emblem").waitFor();
        await look(page, `3-${kind}`);
        assert.equal(new URL(page.url()).hash, "");
      });
    }
    await asVisitor(inWeChat, async (page) => {
      await answering(page, { "POST /status": () => FOLLOW });
      await openAs(page, portal, WECHAT, "#ticket=ticket-7");
      await page.locator(".qr img").waitFor();
      await look(page, "4-follow");
    });
    await asVisitor(inWeChat, async (page) => {
      await answering(page, { "POST /status": () => ({ step: "bind", ticket: "ticket-8", missing: "any", wechat: true }), "POST /codes": () => sent() });
      await openAs(page, portal, { ...WECHAT, agreement: { version: 1, terms: true, privacy: true } }, "#ticket=ticket-7");
      await page.locator("#address").fill("13800138000");
      await page.locator("button[type=submit]").click();
      await page.locator("#agree-fault").waitFor();
      await look(page, "5-bind");
    });
    await asVisitor(inWeChat, async (page) => {
      const answers = [{ status: 204, body: "" }];
      await answering(page, { "POST /confirmation": () => answers.shift() ?? refusal(404, "not-found"), "DELETE /confirmation": () => ({ status: 204, body: "" }) });
      await openAs(page, portal, WECHAT, "#scan=scn_01");
      await page.locator(".button.main").waitFor();
      await look(page, "6-scan");
      await page.locator(".button.main").click();
      await page.locator(".button").first().waitFor({ state: "detached" });
      await look(page, "7-confirmed");
    });
    await asVisitor(eyes, async (page) => {
      await openAs(page, portal, WECHAT);
      await page.locator("#address").waitFor();
      await look(page, "8-outside");
      assert.equal(await page.locator(".scan").count(), 0);
    });
  });
}

for (const { name, design, ...eyes } of [
  { name: "desktop-zh", size: DESKTOP, locale: "zh-CN" },
  { name: "desktop-en-dark", size: DESKTOP, locale: "en-GB", colorScheme: "dark" },
  { name: "side-en", size: DESKTOP, locale: "en-GB", design: { layout: "sideBySide" } },
  { name: "tablet-en", size: { width: 700, height: 1000 }, locale: "en-GB" },
]) {
  test(`on a desktop: the code beside the form in all its states, ${name} (F16)`, async () => {
    const portal = await demoPortal();
    const look = async (page, screen) => {
      await inspect(page, `wechat-${name}-${screen}`);
      await fits(page, screen);
    };
    await asVisitor(eyes, async (page) => {
      let state = "waiting";
      await answering(page, { "POST /scans": () => ({ status: 201, json: SCAN }), "GET /scn_01": () => ({ state, expiresIn: 100 }) });
      await openAs(page, portal, { ...WECHAT, ...(design ? { design } : {}) });
      await page.locator(".scan-code svg[role=img]").waitFor();
      await look(page, "1-waiting");
      state = "scanned";
      await page.locator(".veil").waitFor();
      await look(page, "2-scanned");
      state = "expired";
      await page.locator(".scan .button").waitFor();
      await look(page, "3-expired");
    });
  });
}
