import assert from "node:assert/strict";
import { test } from "node:test";
import { demoPortal } from "./lib/portico.mjs";
import { answering, openAs, sent, sessionOf } from "./lib/pretend.mjs";
import { asVisitor, DESKTOP, fits, giveAddress, heading, inspect, PHONE, sees } from "./lib/visitor.mjs";

const AGREEMENT = { version: 3, terms: true, privacy: true };
const TEXTS = {
  version: 3,
  terms: {
    title: "用户协议",
    html: `<h1>一、总则</h1><p>本协议由你与<strong>海港物流</strong>共同缔结。详见 <a href="https://example.com/terms">附件</a>。</p>
      <ul><li>第一条</li><li>第二条</li></ul><blockquote>引用</blockquote><table><tbody><tr><th>项目</th><td>说明</td></tr></tbody></table>${"<p>内容很长，需要滚动。</p>".repeat(40)}`,
  },
  privacy: { title: "隐私政策", html: "<p>我们只收集需要的信息。</p>" },
};

/** The box can be clicked by its drawing only where it is drawn. */
const agree = (page) => page.locator("#agree").check({ force: true });

for (const { name, ...eyes } of [
  { name: "phone-zh", size: PHONE, locale: "zh-CN" },
  { name: "desktop-en", size: DESKTOP, locale: "en-GB" },
  { name: "phone-en-dark", size: PHONE, locale: "en-GB", colorScheme: "dark" },
  { name: "desktop-zh", size: DESKTOP, locale: "zh-CN" },
  { name: "narrow-en", size: { width: 320, height: 568 }, locale: "en-GB" },
]) {
  test(`the agreement: every screen can be read and used, ${name} (F10)`, async () => {
    const portal = await demoPortal();
    const look = async (page, screen) => {
      await inspect(page, `agreement-${name}-${screen}`);
      await fits(page, screen);
    };
    await asVisitor(eyes, async (page) => {
      await answering(page, {
        "GET /agreements": () => TEXTS,
        "POST /codes": () => sent(),
        "POST /sessions": () => ({ step: "consent", ticket: "ticket-6", version: 4 }),
      });
      await openAs(page, portal, { password: true, agreement: AGREEMENT });
      await page.locator("#address").fill("13800138000");
      await page.locator("button[type=submit]").click();
      await page.locator("#agree-fault").waitFor();
      assert.equal(await page.evaluate(() => document.activeElement?.id), "agree");
      await look(page, "1-missing");
      await page.locator("#agree-words button").first().click();
      await page.locator("dialog table").waitFor();
      await look(page, "2-dialog");
      await page.keyboard.press("Escape");
      await page.locator("dialog").waitFor({ state: "detached" });
      assert.equal(await page.locator("#agree").isChecked(), false);
      await agree(page);
      await giveAddress(page, "13800138000");
      await page.locator("#code").fill("111111");
      await page.locator(".emblem").waitFor();
      await look(page, "3-consent");
    });
  });
}

test("nothing is sent before the box is ticked; the version is told, and remembered in this browser", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const calls = await answering(page, {
      "POST /codes": () => sent(),
      "POST /sessions": () => ({ step: "signedIn", user: sessionOf(portal).user, expiresAt: sessionOf(portal).expiresAt }),
      "GET /v1/session": () => sessionOf(portal),
      "DELETE /v1/session": () => ({ status: 204, body: "" }),
    });
    let version = 3;
    await openAs(page, portal, {
      get agreement() {
        return { ...AGREEMENT, version };
      },
    });
    assert.equal(await page.locator("#agree").isChecked(), false);
    await page.locator("#address").fill("13800138000");
    await page.locator("button[type=submit]").click();
    await sees(page, "Please read and tick this");
    assert.equal(calls.length, 0);
    await page.getByText("I agree to the").click();
    await giveAddress(page, "13800138000");
    await page.locator("#code").fill("123456");
    await page.locator(".details").waitFor();
    assert.equal(calls.find(({ call }) => call === "POST /sessions").body.consent, 3);

    await page.reload();
    assert.equal(await page.locator("#agree").isChecked(), true);
    version = 4;
    await page.reload();
    assert.equal(await page.locator("#agree").isChecked(), false);
  });
});

test("a text that turns out to be newer than the page asks for the tick again, and for its own version", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const calls = await answering(page, {
      "GET /agreements": () => ({ ...TEXTS, version: 5 }),
      "POST /codes": () => sent(),
      "POST /sessions": () => ({ step: "consent", ticket: "t", version: 5 }),
    });
    await openAs(page, portal, { agreement: AGREEMENT });
    await agree(page);
    await page.getByRole("button", { name: "privacy policy" }).click();
    await sees(page, "我们只收集需要的信息。");
    await page.getByRole("button", { name: "Close" }).click();
    assert.equal(await page.locator("#agree").isChecked(), false);
    await agree(page);
    await giveAddress(page, "13800138000");
    await page.locator("#code").fill("123456");
    await page.locator(".emblem").waitFor();
    assert.equal(calls.find(({ call }) => call === "POST /sessions").body.consent, 5);
  });
});

test("a version that changed has a page of its own, never ticked beforehand", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const calls = await answering(page, {
      "POST /codes": () => sent(),
      "POST /sessions": () => ({ step: "consent", ticket: "ticket-6", version: 3 }),
      "POST /registration": () => ({ step: "signedIn", user: sessionOf(portal).user, expiresAt: sessionOf(portal).expiresAt }),
      "GET /v1/session": () => sessionOf(portal),
    });
    await openAs(page, portal, { agreement: AGREEMENT });
    await agree(page);
    await giveAddress(page, "13800138000");
    await page.locator("#code").fill("123456");
    await page.locator(".emblem").waitFor();
    assert.equal(await heading(page), "Our terms have changed");
    assert.equal(await page.locator("#agree").isChecked(), false);
    await page.reload();
    await page.locator("button[type=submit]").click();
    await sees(page, "Please read and tick this");
    await agree(page);
    await page.locator("button[type=submit]").click();
    await page.locator(".details").waitFor();
    assert.deepEqual(calls.find(({ call }) => call === "POST /registration").body, { ticket: "ticket-6", consent: 3 });
  });
});

test("whatever the server sent, the dialog holds only what is on the page's own list", async () => {
  const portal = await demoPortal();
  // Without handlers and styles, whose parsing alone the policy would report; those are in web/portal/test/rich.test.ts.
  const html = `<h2>Kept</h2><script>document.title = "owned"</script><p class="card" id="page">text</p>
    <a href="javascript:document.title='owned'">script</a><a href="https://example.com/" target="_self" rel="opener">page</a><a href=" JaVaScRiPt:x ">odd</a><a href="mailto:a@example.com">mail</a>
    <iframe src="https://example.com"></iframe><svg><a href="https://example.com"><text>svg</text></a></svg><form action="/x"><button>press</button></form><unknown>stays</unknown>`;
  await asVisitor({ size: DESKTOP }, async (page) => {
    await answering(page, { "GET /agreements": () => ({ version: 3, terms: { title: "T", html } }) });
    await openAs(page, portal, { agreement: { version: 3, terms: true, privacy: false } });
    assert.equal(await page.locator("#agree-words button").count(), 1);
    await page.locator("#agree-words button").click();
    await sees(page, "Kept");
    const built = await page.locator(".paper-text").innerHTML();
    assert.equal(
      built.replace(/\s+/g, " ").trim(),
      '<h4>Kept</h4><p>text</p> script<a href="https://example.com/" target="_blank" rel="noopener noreferrer">page</a>odd<a href="mailto:a@example.com" target="_blank" rel="noopener noreferrer">mail</a> pressstays',
    );
    assert.ok(!(await page.title()).includes("owned"));
  });
});

test("texts that do not load can be loaded again", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    const answers = [{ status: 503, body: "" }, TEXTS];
    await answering(page, { "GET /agreements": () => answers.shift() });
    await openAs(page, portal, { agreement: AGREEMENT });
    await page.getByRole("button", { name: "user agreement" }).click();
    await sees(page, "The server can’t be reached");
    await page.getByRole("button", { name: "Load again" }).click();
    await sees(page, "第一条");
  });
});
