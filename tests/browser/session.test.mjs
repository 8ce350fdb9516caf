import assert from "node:assert/strict";
import { test } from "node:test";
import { advance, DAY, decide, freshPortal, someEmail, somePhone } from "./lib/portico.mjs";
import { apply, asVisitor, entered, inspect, open, PHONE, prove, sees } from "./lib/visitor.mjs";

/** A visitor who is in, with or without the seven-day tick. */
async function signedIn(page, portal, address, { tick = true } = {}) {
  await open(page, portal);
  await page.locator("#remember").setChecked(tick);
  await apply(page, address);
  await decide(portal, "approve");
  await entered(page);
}

/** How one came in is kept too; its key carries the portal. */
const wayOf = (page) => page.evaluate(() => Object.fromEntries(Object.entries({ ...localStorage }).filter(([key]) => key.startsWith("portico.way."))));

test("a reload stays signed in", async () => {
  const portal = await freshPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    await signedIn(page, portal, somePhone());
    await page.reload();
    await entered(page);
  });
});

test("with the tick the sign-in outlives a day, but not eight", async () => {
  const portal = await freshPortal();
  await asVisitor({}, async (page) => {
    await signedIn(page, portal, someEmail(), { tick: true });
    await advance(DAY);
    await page.reload();
    await entered(page);
    await advance(7 * DAY);
    await page.reload();
    await page.locator("#address").waitFor();
  });
});

test("without the tick the sign-in is over a day later", async () => {
  const portal = await freshPortal();
  await asVisitor({}, async (page) => {
    await signedIn(page, portal, someEmail(), { tick: false });
    await page.reload();
    await entered(page);
    await advance(DAY);
    await page.reload();
    await page.locator("#address").waitFor();
  });
});

test("signing out ends the session here, and the next sign-in needs no registration", async () => {
  const portal = await freshPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (page) => {
    await signedIn(page, portal, phone);
    await page.evaluate(() => {
      for (const key of ["portico.language", "somebody.else"]) localStorage.setItem(key, "en");
    });
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await sees(page, "You’re signed out.");
    await inspect(page, "signed-out");
    // Signing out empties the storage (S28); the language tells nothing of anybody.
    assert.deepEqual(await page.evaluate(() => ({ ...localStorage })), { "portico.language": "en", ...(await wayOf(page)) });
    await page.reload();
    await page.locator("#address").waitFor();
    assert.equal(await page.locator("#address").inputValue(), "");

    await advance(61);
    await prove(page, phone);
    await entered(page);
  });
});

test("signing out everywhere ends the session in the other browser too", async () => {
  const portal = await freshPortal();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, async (here) => {
    await signedIn(here, portal, phone);
    await advance(61);
    await asVisitor({}, async (there) => {
      await open(there, portal);
      await prove(there, phone);
      await entered(there);

      await here.getByRole("button", { name: "Sign out everywhere" }).click();
      await sees(here, "Are you sure?");
      await inspect(here, "sign-out-everywhere");
      await here.getByRole("button", { name: "Sign out everywhere" }).click();
      await sees(here, "You’re signed out.");

      await there.reload();
      await there.locator("#address").waitFor();
    });
  });
});
