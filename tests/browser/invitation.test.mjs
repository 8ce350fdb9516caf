import assert from "node:assert/strict";
import { test } from "node:test";
import { administer, advance, change, codeFor, DAY, freshPortal, invite, someEmail, somePhone } from "./lib/portico.mjs";
import { asVisitor, at, DESKTOP, entered, fits, heading, inspect, open, PHONE, prove, sees } from "./lib/visitor.mjs";

/** A portal for invited people. */
async function closedPortal() {
  const portal = await freshPortal();
  await change(portal, { access: "invited" });
  return portal;
}
const follow = (page, { url }) => page.goto(at(new URL(url).pathname + new URL(url).hash));
const submit = (page) => page.locator("button[type=submit]").click();

for (const { name, ...eyes } of [
  { name: "phone-zh", size: PHONE, locale: "zh-CN" },
  { name: "desktop-en", size: DESKTOP, locale: "en-GB" },
  { name: "phone-en-dark", size: PHONE, locale: "en-GB", colorScheme: "dark" },
  { name: "desktop-zh", size: DESKTOP, locale: "zh-CN" },
]) {
  test(`the link of an invitation leads in without a word typed twice, ${name} (F31, F49, S48)`, async () => {
    const portal = await closedPortal();
    const address = (eyes.size === PHONE ? somePhone : someEmail)();
    const invitation = await invite(portal, address, "王小明");
    const look = async (page, screen) => {
      await inspect(page, `invitation-${name}-${screen}`);
      await fits(page, screen);
    };
    await asVisitor(eyes, async (page) => {
      await follow(page, invitation);
      await page.locator(".invited").waitFor();
      assert.equal(new URL(page.url()).hash, "", "the token is gone from the address bar");
      assert.match(await heading(page), /邀请你加入|invites you/);
      await sees(page, /王小明/);
      await look(page, "1-invited");
      // Phones drop pages: what the link carried stays with the tab.
      await page.reload();
      await page.locator(".invited").waitFor();
      await submit(page);
      await page.locator("#code").waitFor();
      await page.reload();
      await look(page, "2-code");
      await page.locator("#code").fill(await codeFor(address));
      await page.locator("#field-name").fill("王小明");
      await submit(page);
      await entered(page);
      // Opened once more the link is used, and they are in.
      await follow(page, invitation);
      await entered(page);
    });
    await asVisitor(eyes, async (page) => {
      await follow(page, invitation);
      await page.locator(".button.quiet").waitFor();
      assert.match(await heading(page), /已失效|no longer works/);
      await look(page, "3-used");
      await page.locator(".button.quiet").click();
      await page.locator("#address").waitFor();
    });
  });
}

test("an invitation that is withdrawn or too old is told kindly, with the way on (S48)", async () => {
  const portal = await closedPortal();
  const [phone, email] = [somePhone(), someEmail()];
  const [withdrawn, old] = [await invite(portal, phone), await invite(portal, email)];
  await asVisitor({ size: PHONE }, async (page) => {
    await follow(page, withdrawn);
    await page.locator(".invited").waitFor();
    await administer(portal, "DELETE", `/invitations/${withdrawn.id}`);
    await submit(page);
    await sees(page, "This invitation no longer works");
    // A reload does not ask for it again.
    await page.reload();
    await page.locator("#address").waitFor();
    await page.evaluate((hash) => (location.hash = hash), new URL(old.url).hash);
    // In a tab that shows the page already the link works too.
    await page.locator(".invited").waitFor();
    await submit(page);
    await page.locator("#code").waitFor();
    await advance(31 * DAY);
    await page.getByRole("button", { name: "Change phone number or email" }).click();
    await submit(page);
    await sees(page, "This invitation no longer works");
    await page.getByRole("button", { name: "Go to sign-in" }).click();
    await page.locator("#address").waitFor();
  });
});

test("a stranger's link, a lost line and somebody else signed in here are no dead ends", async () => {
  const [portal, other] = [await freshPortal(), await closedPortal()];
  await change(portal, { access: "anyone" });
  const invitation = await invite(portal, someEmail());
  await asVisitor({ size: PHONE }, async (page) => {
    await page.goto(at(`/p/${other.suffix}${new URL(invitation.url).hash}`));
    await sees(page, "This invitation no longer works");
  });
  await asVisitor({ size: PHONE }, async (page, context) => {
    await context.route("**/invitation", (route) => route.abort());
    await follow(page, invitation);
    await sees(page, "The server can’t be reached");
    await inspect(page, "invitation-unreachable");
    await context.unroute("**/invitation");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".invited").waitFor();
    await page.getByRole("button", { name: "Use another phone number or email" }).click();
    await page.locator("#address").waitFor();
  });
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    await prove(page, somePhone());
    await page.locator("#field-name").fill("李小红");
    await submit(page);
    await entered(page);
    await follow(page, invitation);
    await page.locator(".invited").waitFor();
    await page.getByRole("button", { name: "Not now, back to my account" }).click();
    await sees(page, "Hello, 李小红");
  });
});
