import assert from "node:assert/strict";
import { test } from "node:test";
import { administer, advance, change, codeFor, codesOf, demoPortal, freshPortal, somePhone } from "./lib/portico.mjs";
import { answering, openAs } from "./lib/pretend.mjs";
import { asVisitor, DESKTOP, entered, fits, giveAddress, heading, inspect, open, PHONE, sees } from "./lib/visitor.mjs";

const TERMS = {
  title: "用户协议",
  html: `<h1>一、总则</h1><p>本协议由你与<strong>海港物流</strong>共同缔结。详见 <a href="https://example.com/terms">附件</a>。</p>
    <ul><li>第一条</li><li>第二条</li></ul><blockquote>引用</blockquote><table><tbody><tr><th>项目</th><td>说明</td></tr></tbody></table>${"<p>内容很长，需要滚动。</p>".repeat(40)}`,
};
const PRIVACY = { title: "隐私政策", html: "<p>我们只收集需要的信息。</p>" };

/** A portal that anyone enters who agrees. */
async function agreedPortal() {
  const portal = await freshPortal();
  await change(portal, { access: "anyone" });
  await publish(portal, TERMS);
  return portal;
}
/** The next version. */
const publish = (portal, terms) => administer(portal, "PUT", "/agreements", { terms, privacy: PRIVACY });

/** The box can be clicked by its drawing only where it is drawn. */
const agree = (page) => page.locator("#agree").check({ force: true });
const submit = (page) => page.locator("button[type=submit]").click();
const consentOf = (page) => page.evaluate(async () => (await (await fetch("/v1/me")).json()).consent?.version);

/** From the address to whatever comes after the code. */
async function proveAgain(page, phone) {
  await advance(61);
  const known = await codesOf(phone);
  await giveAddress(page, phone);
  await page.locator("#code").fill(await codeFor(phone, known));
}

for (const { name, ...eyes } of [
  { name: "phone-zh", size: PHONE, locale: "zh-CN" },
  { name: "desktop-en", size: DESKTOP, locale: "en-GB" },
  { name: "phone-en-dark", size: PHONE, locale: "en-GB", colorScheme: "dark" },
  { name: "desktop-zh", size: DESKTOP, locale: "zh-CN" },
  { name: "narrow-en", size: { width: 320, height: 568 }, locale: "en-GB" },
]) {
  test(`the agreement: every screen can be read and used, ${name} (F10)`, async () => {
    const portal = await agreedPortal();
    const phone = somePhone();
    const look = async (page, screen) => {
      await inspect(page, `agreement-${name}-${screen}`);
      await fits(page, screen);
    };
    await asVisitor(eyes, async (page) => {
      await open(page, portal);
      await page.locator("#address").fill(phone);
      await submit(page);
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
      await giveAddress(page, phone);
      // Published while the code is out: the version that was ticked is no longer the one that counts.
      await publish(portal, { ...TERMS, html: "<p>第二版</p>" });
      await page.locator("#code").fill(await codeFor(phone));
      await page.locator(".emblem").waitFor();
      await look(page, "3-consent");
    });
  });
}

test("nothing is sent before the box is ticked; the version is stored, and remembered in this browser until it is another's (F10)", async () => {
  const portal = await agreedPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    const sent = [];
    page.on("request", (request) => request.method() === "POST" && sent.push(request.url()));
    await open(page, portal);
    assert.equal(await page.locator("#agree").isChecked(), false);
    await page.locator("#address").fill(phone);
    await submit(page);
    await sees(page, "Please read and tick this");
    assert.deepEqual(sent, []);
    await page.getByText("I agree to the").click();
    await giveAddress(page, phone);
    await page.locator("#code").fill(await codeFor(phone));
    await page.locator("#field-name").fill("王小明");
    await submit(page);
    await entered(page);
    assert.equal(await consentOf(page), 1);

    // Signed out the box forgets who ticked it; a sign-in that merely ended leaves it.
    await page.context().clearCookies();
    await page.reload();
    assert.equal(await page.locator("#agree").isChecked(), true);
    await publish(portal, { ...TERMS, html: "<p>第二版</p>" });
    await page.reload();
    assert.equal(await page.locator("#agree").isChecked(), false);
  });
});

test("who agreed once is asked again by a new version, on a page of its own, never ticked beforehand (F10)", async () => {
  const portal = await agreedPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await agree(page);
    await giveAddress(page, phone);
    await page.locator("#code").fill(await codeFor(phone));
    await page.locator("#field-name").fill("王小明");
    await submit(page);
    await entered(page);
    await page.context().clearCookies();
    await page.reload();
    // The same version: in at once.
    await proveAgain(page, phone);
    await entered(page);
    await page.context().clearCookies();
    await page.reload();
    await page.locator("#address").waitFor();
    await publish(portal, { ...TERMS, html: "<p>第二版</p>" });
    await proveAgain(page, phone);
    await page.locator(".emblem").waitFor();
    assert.equal(await heading(page), "Our terms have changed");
    assert.equal(await page.locator("#agree").isChecked(), false);
    await page.getByRole("button", { name: "user agreement" }).click();
    await sees(page, "第二版");
    await page.getByRole("button", { name: "Close" }).click();
    await page.reload();
    await submit(page);
    await sees(page, "Please read and tick this");
    await agree(page);
    await submit(page);
    await entered(page);
    assert.equal(await consentOf(page), 2);
  });
});

test("a text that turns out to be newer than the page asks for the tick again, and its version is what counts", async () => {
  const portal = await agreedPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await agree(page);
    await publish(portal, { ...TERMS, html: "<p>第二版</p>" });
    await page.getByRole("button", { name: "user agreement" }).click();
    await sees(page, "第二版");
    await page.getByRole("button", { name: "Close" }).click();
    assert.equal(await page.locator("#agree").isChecked(), false);
    await agree(page);
    await giveAddress(page, phone);
    await page.locator("#code").fill(await codeFor(phone));
    await page.locator("#field-name").fill("王小明");
    await submit(page);
    await entered(page);
    assert.equal(await consentOf(page), 2);
  });
});

// The server sanitises too (S57), so that only a pretended answer shows this.
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
  const portal = await agreedPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    await page.route("**/agreements", (route) => route.fulfill({ status: 503, body: "" }), { times: 1 });
    await open(page, portal);
    await page.getByRole("button", { name: "user agreement" }).click();
    await sees(page, "The server can’t be reached");
    await page.getByRole("button", { name: "Load again" }).click();
    await sees(page, "第一条");
  });
});
