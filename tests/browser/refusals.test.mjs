import assert from "node:assert/strict";
import { test } from "node:test";
import { advance, codeFor, decide, freshPortal, someEmail, somePhone } from "./lib/portico.mjs";
import { apply, asVisitor, at, giveAddress, heading, inspect, open, PHONE, prove, sees } from "./lib/visitor.mjs";

test("who is rejected while waiting is told so, with the reason", async () => {
  const portal = await freshPortal();
  await asVisitor({ size: PHONE, locale: "zh-CN" }, async (page) => {
    await open(page, portal);
    await apply(page, somePhone());
    await decide(portal, "reject", "请注明合同编号。");
    await page.locator(".reason").waitFor({ timeout: 20_000 });
    assert.equal(await heading(page), "申请未通过");
    await sees(page, "请注明合同编号。");
    await inspect(page, "refused-rejected");
  });
});

test("an address that leads to no portal says so", async () => {
  await asVisitor({ size: PHONE }, async (page) => {
    const response = await page.goto(at("/p/there-is-no-such-portal"));
    assert.equal(response.status(), 404);
    assert.equal(await heading(page), "There’s no portal here");
    await inspect(page, "refused-not-found");
  });
});

/** Refusals whose rules the server's own tests cover; here it is the words that count. */
const TOLD = {
  "registration-closed": {
    status: 403,
    more: { closesAt: "2020-11-20T10:00:00Z", zone: "Asia/Shanghai" },
    heading: "Not open for new sign-ups",
    text: /20 November 2020.*18:00 \(China Standard Time\)/,
  },
  "not-invited": { status: 403, heading: "You need an invitation", text: /hasn’t been invited/ },
  disabled: { status: 403, heading: "Account disabled", text: /has disabled your account/ },
  "no-seats": { status: 409, heading: "All places are taken", text: /no free place/ },
  "portal-off": { status: 403, heading: "This portal is closed", text: /come back later/ },
  "method-off": { status: 403, heading: "Sign in or sign up", text: /turned off this way/ },
  "ticket-expired": { status: 401, heading: "Sign in or sign up", text: /verify yourself again/ },
  "a-later-invention": { status: 418, more: { requestId: "request-42" }, heading: "Enter your code", text: /request-42/ },
};

for (const [kind, { status, more, heading: expected, text }] of Object.entries(TOLD)) {
  test(`${kind} is told in its own words`, async () => {
    const portal = await freshPortal();
    await asVisitor({ size: PHONE }, async (page) => {
      await open(page, portal);
      await giveAddress(page, someEmail());
      await page.route("**/sessions", (route) =>
        route.fulfill({
          status,
          contentType: "application/problem+json",
          body: JSON.stringify({ type: `https://portico.dev/problems/${kind}`, title: "Never shown", status, ...more }),
        }),
      );
      await page.locator("#code").fill("123456");
      await sees(page, text);
      assert.equal(await heading(page), expected);
      assert.equal(await page.getByText("Never shown").count(), 0);
      await inspect(page, `refused-${kind}`);
    });
  });
}

test("a code that cannot be sent is told beside the form", async () => {
  const portal = await freshPortal();
  const email = someEmail();
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await page.route("**/codes", (route) =>
      route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ type: "https://portico.dev/problems/send-failed", status: 503 }) }),
    );
    await page.locator("#address").fill(email);
    await page.locator("button[type=submit]").click();
    await sees(page, "The code couldn’t be sent");
    assert.equal(await page.locator("#address").inputValue(), email);
  });
});

test("a lost line is told, and the same button goes on once it is back", async () => {
  const portal = await freshPortal();
  const email = someEmail();
  await asVisitor({ size: PHONE }, async (page, context) => {
    await open(page, portal);
    await page.locator("#address").fill(email);
    await context.setOffline(true);
    await page.locator("button[type=submit]").click();
    await sees(page, "You seem to be offline");
    await inspect(page, "fault-offline");
    await context.setOffline(false);
    await page.locator("button[type=submit]").click();
    await page.locator("#code").fill(await codeFor(email));
    await page.locator("#field-name").waitFor();
  });
});

test("a ticket that ran out costs a new code, not the answers", async () => {
  const portal = await freshPortal();
  const email = someEmail();
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    const first = await prove(page, email);
    await page.locator("#field-name").fill("Wang");
    await advance(11 * 60);
    await page.locator("button[type=submit]").click();
    await sees(page, "verify yourself again");
    await page.locator("button[type=submit]").click();
    await page.locator("#code").fill(await codeFor(email, [first]));
    await page.locator("#field-name").waitFor();
    assert.equal(await page.locator("#field-name").inputValue(), "Wang");
  });
});
