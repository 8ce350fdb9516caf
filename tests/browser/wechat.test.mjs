import assert from "node:assert/strict";
import { test } from "node:test";
import { administer, advance, bindWeChat, change, changeSignIn, codeFor, codesOf, demoPortal, freshPortal, scanAndFollow, someEmail, somePhone } from "./lib/portico.mjs";
import { answering, openAs, refusal, sent } from "./lib/pretend.mjs";
import { asVisitor, at, comeIn, DESKTOP, entered, fits, giveAddress, heading, inspect, open, openSettings, PHONE, sees, send } from "./lib/visitor.mjs";

const IN_WECHAT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49";
const WECHAT = { wechat: { follow: false } };
const SCAN = { id: "scn_01", url: "https://portico.example/v1/portals/por_01kf3m1nqmgv2qk8c2x1x2/wechat?scan=scn_01kf3m1nqmgv2qk8c2x1x2", expiresIn: 120 };
const FOLLOW = { step: "follow", ticket: "ticket-7", qr: "http://weixin.qq.com/q/02abcdEFGH1234", expiresIn: 300 };

/** As if this tab had sent somebody to WeChat: tickets that come otherwise are not taken (S31). */
const begun = (page, portal) => page.addInitScript((key) => sessionStorage.setItem(key, JSON.stringify(Date.now())), `portico.wechat.begun.${portal.portal}`);

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
      await begun(page, portal);
      await answering(page, { "POST /status": () => FOLLOW });
      await openAs(page, portal, WECHAT, "#ticket=ticket-7");
      await page.locator(".qr img").waitFor();
      await look(page, "4-follow");
    });
    await asVisitor(inWeChat, async (page) => {
      await begun(page, portal);
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

/** A portal that anyone enters, by WeChat too. */
async function portalWithWeChat(signIn) {
  const portal = await freshPortal();
  await change(portal, { access: "anyone" });
  portal.app = await bindWeChat(portal, signIn);
  return portal;
}

/** At the stand-in: says who looks at the page. It remembers, as WeChat does. */
async function am(page, person) {
  await page.locator(`#${person}`).click();
}

const submit = (page) => page.locator("button[type=submit]").click();
const inWeChat = { size: PHONE, userAgent: IN_WECHAT };

/** The first time: an address is proven, and the name given. */
async function bindFirst(page, address, name = "王小明") {
  await sees(page, "This is your first time");
  const known = await codesOf(address);
  await giveAddress(page, address);
  await page.locator("#code").fill(await codeFor(address, known));
  if (!name) return;
  await page.locator("#field-name").fill(name);
  await submit(page);
}

test("inside WeChat: the first sign-in binds an address, the second is silent, and signing out is not undone (F15, F18)", async () => {
  const portal = await portalWithWeChat();
  const phone = somePhone();
  await asVisitor(inWeChat, async (page) => {
    await open(page, portal);
    await am(page, "xiaoming");
    await sees(page, "Bind your WeChat");
    assert.equal(new URL(page.url()).hash, "");
    await inspect(page, "wechat-first-bind");
    // Phones drop pages, here too.
    await page.reload();
    await bindFirst(page, phone);
    await entered(page);
    await openSettings(page, "sessions");
    await sees(page, "By WeChat");
    await page.goto(at(`/p/${portal.suffix}`));
    await entered(page);

    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await sees(page, "You’re signed out.");
    await page.reload();
    await page.locator("#address").waitFor();
    // Not by itself, but when asked: at once, and without a word.
    await page.getByRole("button", { name: "Sign in with WeChat" }).click();
    await entered(page);
    await sees(page, "Hello, 王小明");

    // Another visit: a tab without a memory.
    await page.context().clearCookies({ name: "__Host-portico" });
    const other = await page.context().newPage();
    await open(other, portal);
    await entered(other);
  });
});

test("WeChat leads to the account that the address has already; another WeChat does not take it over (F18, S34, S35)", async () => {
  const portal = await portalWithWeChat();
  const phone = somePhone();
  await asVisitor({ size: PHONE }, (page) => comeIn(page, portal, phone, { name: "李小红" }));
  await asVisitor(inWeChat, async (page) => {
    await advance(61);
    await open(page, portal);
    await am(page, "xiaoming");
    await bindFirst(page, phone, null);
    await entered(page);
    await sees(page, "Hello, 李小红");
  });
  await asVisitor(inWeChat, async (page) => {
    await advance(61);
    await open(page, portal);
    await am(page, "wei");
    await bindFirst(page, phone, null);
    await sees(page, "is bound to another one already");
    await page.locator("#address").waitFor();
    await inspect(page, "wechat-bound-elsewhere");
  });
});

test("agreement and seven days hold on the way by WeChat as on the others (F10, F25)", async () => {
  const portal = await portalWithWeChat();
  await administer(portal, "PUT", "/agreements", { terms: { title: "User agreement", html: "<p>Be kind.</p>" } });
  const email = someEmail();
  await asVisitor(inWeChat, async (page) => {
    await open(page, portal);
    await am(page, "xiaoming");
    await page.locator("#address").fill(email);
    await submit(page);
    await sees(page, "Please read and tick this");
    assert.deepEqual(await codesOf(email), []);
    await page.locator("#agree").check({ force: true });
    await bindFirst(page, email);
    await entered(page);
    assert.equal((await send(page, "GET", "/v1/me")).consent.version, 1);
    // A new version is asked for on the silent way too.
    await administer(portal, "PUT", "/agreements", { terms: { title: "User agreement", html: "<p>Be kinder.</p>" } });
    // Remembered: there after a day.
    await advance(30 * 60 * 60);
    await page.reload();
    await entered(page);
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.getByRole("button", { name: "Sign in with WeChat" }).click();
    await sees(page, "Our terms have changed");
    await page.locator("#agree").check({ force: true });
    await submit(page);
    await entered(page);
  });
});

test("who has to follow first sees the code, and goes on by itself after the push (F17)", async () => {
  const portal = await portalWithWeChat({ follow: true });
  await asVisitor(inWeChat, async (page) => {
    await open(page, portal);
    const [answer] = await Promise.all([page.waitForResponse(/registration\/status/), am(page, "hong")]);
    const { qr } = await answer.json();
    await page.locator(".qr img").waitFor();
    assert.equal(await heading(page), "Follow the service account first");
    await inspect(page, "wechat-follow-with-the-server");
    await page.reload();
    await page.locator(".qr img").waitFor();
    await scanAndFollow("hong", qr);
    await bindFirst(page, somePhone(), "小红");
    await entered(page);
  });
  await asVisitor(inWeChat, async (page) => {
    await open(page, portal);
    await am(page, "xiaoming");
    await sees(page, "Bind your WeChat");
  });
});

test("the second step comes after WeChat as after a password (F19)", async () => {
  const portal = await portalWithWeChat();
  const phone = somePhone();
  await asVisitor(inWeChat, async (page) => {
    await open(page, portal);
    await am(page, "xiaoming");
    await bindFirst(page, phone);
    await entered(page);
    await changeSignIn(portal, { secondStep: true });
    await advance(61);
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    const known = await codesOf(phone);
    await page.getByRole("button", { name: "Sign in with WeChat" }).click();
    await sees(page, "One more step");
    await page.locator("#code").fill(await codeFor(phone, known));
    await entered(page);
  });
});

test("WeChat's refusals and a link that somebody sends are told kindly, and lead in a circle never (S31, S36)", async () => {
  const portal = await portalWithWeChat();
  await asVisitor(inWeChat, async (page) => {
    let sentThere = 0;
    page.on("request", (request) => (sentThere += Number(/\/v1\/portals\/[^/]+\/wechat\?/.test(request.url()))));
    await open(page, portal);
    await am(page, "anon");
    await sees(page, "WeChat shows a snapshot of this page");
    await page.waitForTimeout(500);
    await page.reload();
    await page.locator("#address").waitFor();
    await page.waitForTimeout(500);
    assert.equal(sentThere, 1);
  });
  // Half a sign-in of somebody else's, as a link.
  let ticket;
  await asVisitor({ size: PHONE }, async (page) => {
    await open(page, portal);
    const [answer] = await Promise.all([page.waitForResponse(/\/sessions$/), giveCode(page, somePhone())]);
    ({ ticket } = await answer.json());
  });
  await asVisitor(inWeChat, async (page) => {
    const asked = [];
    page.on("request", (request) => request.method() === "POST" && asked.push(request.url()));
    await page.goto(at(`/p/${portal.suffix}#ticket=${ticket}`));
    await sees(page, "was started in another browser");
    assert.deepEqual(asked, []);
  });
  // A way back that began elsewhere.
  await asVisitor(inWeChat, async (page) => {
    const answer = await page.goto(at("/v1/wechat/callback?code=abc&state=def"));
    assert.equal(answer.status(), 403);
  });
});

async function giveCode(page, phone) {
  await giveAddress(page, phone);
  await page.locator("#code").fill(await codeFor(phone));
}

for (const { name, ...eyes } of [
  { name: "zh", size: DESKTOP, locale: "zh-CN" },
  { name: "en-dark", size: DESKTOP, locale: "en-GB", colorScheme: "dark" },
]) {
  test(`a desktop is signed in by the phone that scans it and confirms, ${name} (F16, S36)`, async () => {
    const portal = await portalWithWeChat();
    const look = async (page, screen) => {
      await inspect(page, `scan-${name}-${screen}`);
      await fits(page, screen);
    };
    await asVisitor(eyes, async (desktop) => {
      const next = codesOn(desktop);
      await open(desktop, portal);
      const { url } = await next();
      await look(desktop, "1-desktop");
      await asVisitor({ ...inWeChat, locale: eyes.locale, colorScheme: eyes.colorScheme ?? "light" }, async (phone) => {
        await phone.goto(url);
        await am(phone, "xiaoming");
        await phone.locator(".button.main").waitFor();
        assert.ok((await heading(phone)).includes((await administer(portal, "GET", "")).settings.name));
        await look(phone, "2-phone");
        await desktop.locator(".veil").waitFor();
        await phone.locator(".button.main").click();
        await phone.locator(".button.main").waitFor({ state: "detached" });
        assert.match(await heading(phone), /已确认|Confirmed/);
        await look(phone, "3-phone-confirmed");
      });
      // The first time the address is proven on the desktop; a code of its own as everywhere.
      await desktop.locator("h1", { hasText: /绑定你的微信|Bind your WeChat/ }).waitFor();
      await look(desktop, "4-desktop-bind");
      await giveCode(desktop, somePhone());
      await desktop.locator("#field-name").fill("王小明");
      await submit(desktop);
      await entered(desktop);
      await desktop.getByRole("button", { name: /^(退出登录|Sign out)$/ }).click();

      // Known by now: in as soon as the phone says so.
      const { url: again } = await next();
      await asVisitor({ ...inWeChat, locale: eyes.locale }, async (phone) => {
        await phone.goto(again);
        await am(phone, "xiaoming");
        await phone.locator(".button.main").click();
        await entered(desktop);
      });
    });
  });
}

/** The codes that a desktop shows, one after the other: `next()` is the scan of the next one. */
function codesOn(page) {
  const shown = [];
  page.on("response", async (response) => {
    if (response.url().endsWith("/wechat/scans")) shown.push(await response.json());
  });
  return async () => {
    for (let tries = 0; tries < 100 && !shown.length; tries += 1) await page.waitForTimeout(50);
    await page.locator(".scan-code svg[role=img]").waitFor();
    return shown.shift();
  };
}

test("a scan that is declined, expires or comes from another phone lets nobody in, and can be renewed (S36)", async () => {
  const portal = await portalWithWeChat();
  await asVisitor({ size: DESKTOP }, async (desktop) => {
    const next = codesOn(desktop);
    await open(desktop, portal);
    const first = await next();
    await asVisitor(inWeChat, async (phone) => {
      await phone.goto(first.url);
      await am(phone, "xiaoming");
      await phone.getByRole("button", { name: "Cancel" }).click();
      await sees(phone, "The computer won’t be signed in");
    });
    await sees(desktop, "Cancelled on the phone");
    await desktop.getByRole("button", { name: "Get a new code" }).click();
    const second = await next();
    await asVisitor(inWeChat, async (phone) => {
      await phone.goto(second.url);
      await am(phone, "xiaoming");
      await phone.getByRole("button", { name: "Confirm sign-in" }).waitFor();
      // The same page on a phone that scanned nothing.
      await asVisitor(inWeChat, async (other) => {
        await other.goto(at(`/p/${portal.suffix}#scan=${second.id}`));
        await other.getByRole("button", { name: "Confirm sign-in" }).click();
        await sees(other, "This scan no longer counts");
        await inspect(other, "wechat-scan-over");
      });
      await advance(121);
      await sees(desktop, "This code has expired");
      await phone.getByRole("button", { name: "Confirm sign-in" }).click();
      await sees(phone, "This scan no longer counts");
    });
    await desktop.locator("#address").waitFor();
  });
});

test("who scans a desktop and has to follow first does so on the phone, and then confirms (F16, F17)", async () => {
  const portal = await portalWithWeChat({ follow: true });
  await asVisitor({ size: DESKTOP }, async (desktop) => {
    const next = codesOn(desktop);
    await open(desktop, portal);
    const { url } = await next();
    await asVisitor(inWeChat, async (phone) => {
      await phone.goto(url);
      const [answer] = await Promise.all([phone.waitForResponse(/registration\/status/), am(phone, "hong")]);
      await phone.locator(".qr img").waitFor();
      await sees(desktop, "Please follow the service account on your phone first");
      await scanAndFollow("hong", (await answer.json()).qr);
      await phone.getByRole("button", { name: "Confirm sign-in" }).click();
      await sees(phone, "Confirmed");
    });
    await sees(desktop, "Bind your WeChat");
  });
});

test("nothing moves when the code has come late, and coming back to the form shows the same one", async () => {
  const portal = await portalWithWeChat();
  await asVisitor({ size: DESKTOP }, async (page, context) => {
    await context.route("**/wechat/scans", async (route) => {
      await page.waitForTimeout(400);
      await route.continue();
    });
    const next = codesOn(page);
    await open(page, portal);
    await next();
    await page.waitForTimeout(300);
    const moved = await page.evaluate(
      () =>
        new Promise((resolve) => {
          let total = 0;
          new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (total += value))).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => resolve(total), 200);
        }),
    );
    assert.ok(moved < 0.01, `moved by ${moved}`);
    const drawn = () => page.locator(".scan-code path").getAttribute("d");
    const before = await drawn();
    await giveAddress(page, someEmail());
    await page.getByRole("button", { name: "Change phone number or email" }).click();
    await page.locator(".scan-code svg[role=img]").waitFor();
    assert.equal(await drawn(), before);
    // The tick goes with the scan.
    await page.locator("#remember").setChecked(false, { force: true });
    await next();
    await page.waitForFunction((known) => document.querySelector(".scan-code path")?.getAttribute("d") !== known, before);
  });
});

test("on a phone outside WeChat there is no code and no button that could not work", async () => {
  const portal = await portalWithWeChat();
  await asVisitor({ size: PHONE }, async (page) => {
    const scans = [];
    page.on("request", (request) => request.url().includes("/wechat") && scans.push(request.url()));
    await open(page, portal);
    await sees(page, "Open this page in WeChat to sign in with WeChat.");
    assert.equal(await page.locator(".scan").count(), 0);
    assert.equal(await page.getByRole("button", { name: /WeChat/ }).count(), 0);
    assert.deepEqual(scans, []);
  });
});

test("the settings say whether WeChat is bound, and end it (F18)", async () => {
  const portal = await portalWithWeChat();
  const phone = somePhone();
  await asVisitor(inWeChat, async (page) => {
    await open(page, portal);
    await am(page, "xiaoming");
    await bindFirst(page, phone);
    await entered(page);
    await openSettings(page);
    await page.locator('a[href="#settings/wechat"]').getByText("Bound", { exact: true }).waitFor();
    await page.locator('a[href="#settings/wechat"]').click();
    await inspect(page, "wechat-settings-bound");
    await page.getByRole("button", { name: "Unbind WeChat" }).click();
    await sees(page, "Are you sure?");
    await inspect(page, "wechat-settings-sure");
    await fits(page, "wechat-settings-sure");
    await page.getByRole("button", { name: "Unbind WeChat" }).click();
    await sees(page, "WeChat is no longer bound.");
    await page.reload();
    await page.locator('a[href="#settings/wechat"]').getByText("Not bound").waitFor();
    await page.locator('a[href="#settings/wechat"]').click();
    await inspect(page, "wechat-settings-unbound");
    await page.goto(at(`/p/${portal.suffix}`));
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.getByRole("button", { name: "Sign in with WeChat" }).click();
    await sees(page, "This is your first time");
  });
});
