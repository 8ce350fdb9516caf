import assert from "node:assert/strict";
import { test } from "node:test";
import { administer, advance, change, changeSignIn, codeFor, codesOf, decide, failSending, freshPortal, someEmail, somePhone } from "./lib/portico.mjs";
import { apply, asVisitor, at, comeIn, giveAddress, heading, inspect, open, PHONE, prove, sees } from "./lib/visitor.mjs";

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

/** What an administrator does while a code is out, and what is said then. */
const MEANWHILE = {
  "registration-closed": {
    happens: (portal) => change(portal, { registration: { window: { closesAt: "2020-11-20T18:00", zone: "Asia/Shanghai" } } }),
    heading: "Not open for new sign-ups",
    text: /20 November 2020.*18:00 \(China Standard Time\)/,
  },
  "portal-off": { happens: (portal) => change(portal, { enabled: false }), heading: "This portal is closed", text: /come back later/ },
  "method-off": { happens: (portal) => changeSignIn(portal, { accounts: { phone: true, email: false } }), heading: "Sign in or sign up", text: /turned off this way/ },
  disabled: {
    happens: async (portal) => {
      const { users } = await administer(portal, "GET", "/users");
      await administer(portal, "PATCH", `/users/${users[0].id}`, { status: "disabled" });
    },
    heading: "Account disabled",
    text: /has disabled your account/,
  },
  "not-invited": { happens: (portal) => change(portal, { access: "invited" }), heading: "You need an invitation", text: /hasn’t been invited/ },
};

for (const [kind, { happens, heading: expected, text }] of Object.entries(MEANWHILE)) {
  test(`${kind} is told in its own words`, async () => {
    const portal = await freshPortal();
    const email = someEmail();
    if (kind === "disabled") {
      await change(portal, { access: "anyone" });
      await asVisitor({ size: PHONE }, (page) => comeIn(page, portal, email));
      await advance(61);
    }
    await asVisitor({ size: PHONE }, async (page) => {
      const known = await codesOf(email);
      await open(page, portal);
      await giveAddress(page, email);
      await happens(portal);
      await page.locator("#code").fill(await codeFor(email, known));
      await sees(page, text);
      assert.equal(await heading(page), expected);
      await inspect(page, `refused-${kind}`);
    });
  });
}

for (const [locale, text] of [["en-GB", /Mail to this address comes back/], ["zh-CN", /邮件被退回/]]) {
  test(`a mailbox whose mail comes back is told of, nothing typed is lost (${locale})`, async () => {
    const portal = await freshPortal();
    const email = `${someEmail().split("@")[0]}@bounce.test`;
    await asVisitor({ size: PHONE, locale }, async (page) => {
      await open(page, portal);
      await giveAddress(page, email);
    });
    // What the provider of mail tells comes within a moment; another code is asked for in a minute.
    await new Promise((done) => setTimeout(done, 2_000));
    await advance(61);
    await asVisitor({ size: PHONE, locale }, async (page) => {
      await open(page, portal);
      await page.locator("#address").fill(email);
      await page.locator("button[type=submit]").click();
      await sees(page, text);
      assert.equal(await page.locator("#address").inputValue(), email);
      await inspect(page, `refused-undeliverable-${locale}`);
    });
  });
}

/** Refusals that take much to bring about, or do not exist yet; the rules are covered by the server's own tests, here it is the words that count. */
const TOLD = {
  "no-seats": { status: 409, heading: "All places are taken", text: /no free place/ },
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
    await page.locator("#address").fill(email);
    await failSending("ses");
    await page.locator("button[type=submit]").click();
    await sees(page, "The code couldn’t be sent");
    assert.equal(await page.locator("#address").inputValue(), email);
    await failSending(null);
    await advance(61);
    await page.locator("button[type=submit]").click();
    await page.locator("#code").waitFor();
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
