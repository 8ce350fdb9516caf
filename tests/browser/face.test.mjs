import assert from "node:assert/strict";
import { test } from "node:test";
import { change, codeFor, demoPortal, freshPortal, someEmail } from "./lib/portico.mjs";
import { openAs } from "./lib/pretend.mjs";
import { asVisitor, at, DESKTOP, fits, giveAddress, inspect, open, PHONE, prove, sees } from "./lib/visitor.mjs";

// A page that stands in for the server's own is sent as it is.
const skip = process.env.PORTICO_PAGE ? "PORTICO_PAGE is not compressed" : false;

test("the page weighs at most 60 KB over the wire and asks for nothing else before it is painted", { skip }, async (t) => {
  const { suffix } = await demoPortal();
  await asVisitor({ size: PHONE, serviceWorkers: "block" }, async (page, context) => {
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    const wire = await context.newCDPSession(page);
    await wire.send("Network.enable");
    const sizes = [];
    wire.on("Network.loadingFinished", ({ encodedDataLength }) => sizes.push(encodedDataLength));
    const response = await page.goto(at(`/p/${suffix}`), { waitUntil: "networkidle" });
    const painted = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint").length);
    assert.equal(painted, 1);
    assert.deepEqual(asked.filter((address) => !address.startsWith("data:")), [response.url()]);
    t.diagnostic(`${sizes[0]} bytes on the wire, encoding ${response.headers()["content-encoding"] ?? "none"}`);
    assert.ok(sizes[0] <= 60_000, `${sizes[0]} bytes`);
    assert.ok(response.headers()["content-encoding"], "the page is sent compressed");
  });
});

test("the policy is the strict one, with a nonce that is never used twice", async () => {
  const { suffix } = await demoPortal();
  const policies = await Promise.all([1, 2].map(async () => (await fetch(at(`/p/${suffix}`))).headers.get("content-security-policy")));
  for (const policy of policies) {
    for (const part of ["default-src 'none'", "script-src 'nonce-", "style-src 'nonce-", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"]) {
      assert.ok(policy.includes(part), `${part} in ${policy}`);
    }
    assert.ok(!policy.includes("unsafe"));
  }
  assert.notEqual(policies[0], policies[1]);
});

test("nothing moves once the page is painted", async () => {
  const portal = await freshPortal();
  for (const size of [PHONE, DESKTOP]) {
    await asVisitor({ size }, async (page) => {
      await open(page, portal);
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
    });
  }
});

/** Half dark, half light: the worst ground there is. */
const PICTURE = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><path fill="#a22" d="M0 0h4v8H0z"/><path fill="#eee" d="M4 0h4v8H4z"/></svg>')}`;
const FACES = {
  "side by side": { layout: "sideBySide" },
  "side by side with a picture": { layout: "sideBySide", backgroundImage: PICTURE, logo: PICTURE },
  "a picture behind": { backgroundImage: PICTURE, logo: PICTURE, title: "海港供应商门户" },
  "white on white": { accent: "#ffffff", background: "#ffffff", layout: "sideBySide" },
  "yellow on yellow": { accent: "#ffee00", background: "#fff3b0", layout: "sideBySide" },
  "black on black": { accent: "#000000", background: "#000000" },
  "middling grey": { accent: "#808080", background: "#777777", layout: "sideBySide" },
};

for (const [face, design] of Object.entries(FACES)) {
  for (const scheme of ["light", "dark"]) {
    test(`${face}, ${scheme}: still readable, nothing cut off`, async () => {
      const portal = await demoPortal();
      for (const [device, size] of Object.entries({ desktop: DESKTOP, narrow: { width: 320, height: 568 } })) {
        await asVisitor({ size, colorScheme: scheme }, async (page) => {
          await openAs(page, portal, { design });
          const name = `face-${face.replaceAll(" ", "-")}-${scheme}-${device}`;
          await inspect(page, name);
          await fits(page, name);
        });
      }
    });
  }
}

test("on phones the layout is centred whatever was chosen", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    await openAs(page, portal, { design: { layout: "sideBySide" } });
    assert.equal(await page.locator(".panel").isVisible(), false);
    const card = await page.locator(".card").boundingBox();
    assert.ok(Math.abs(card.x + card.width / 2 - PHONE.width / 2) < 1);
  });
});

test("a logo that does not load becomes the first letter", async () => {
  const portal = await demoPortal();
  await asVisitor({}, async (page) => {
    await openAs(page, portal, { design: { logo: "data:image/png;base64,broken" } });
    await page.locator(".monogram").waitFor();
  });
});

test("at 320 pixels, which is 200% zoom of a small phone, every step fits", async () => {
  const portal = await freshPortal();
  const email = someEmail();
  await asVisitor({ size: { width: 320, height: 480 } }, async (page) => {
    await open(page, portal);
    await fits(page, "address");
    await giveAddress(page, email);
    await fits(page, "code");
    await page.locator("#code").fill(await codeFor(email));
    await page.locator("#field-name").fill("W".repeat(60));
    await fits(page, "collect");
    await page.locator("button[type=submit]").click();
    await page.locator(".pulse").waitFor();
    await fits(page, "waiting");
  });
});

test("the page offers what the portal allows", async () => {
  const portal = await demoPortal();
  await asVisitor({ size: PHONE }, async (page) => {
    await openAs(page, portal, { accounts: { phone: true, email: false }, sevenDays: false });
    assert.equal(await page.locator("label[for=address]").innerText(), "Phone number");
    assert.equal(await page.locator("#address").getAttribute("inputmode"), "tel");
    assert.equal(await page.locator("#address").getAttribute("autocomplete"), "tel");
    assert.equal(await page.locator("#remember").count(), 0);
    await page.locator("#address").fill("wang@example.com");
    await page.locator("button[type=submit]").click();
    await sees(page, "Please use a phone number here");
  });
  await asVisitor({ size: PHONE }, async (page) => {
    await openAs(page, portal, { registration: { state: "closed", closesAt: "2020-11-20T10:00:00Z", zone: "Asia/Shanghai" } });
    await sees(page, /New sign-ups closed on 20 November 2020/);
    await inspect(page, "notice-closed");
  });
  await asVisitor({ size: PHONE, locale: "zh-CN" }, async (page) => {
    await openAs(page, portal, { registration: { state: "notYet", opensAt: "2036-01-04T01:00:00Z", zone: "Asia/Shanghai" } });
    await sees(page, "2036年1月4日 09:00（中国标准时间）");
  });
  await asVisitor({ size: PHONE }, async (page) => {
    await openAs(page, portal, { access: "invited" });
    await sees(page, "By invitation only");
  });
  await asVisitor({ size: PHONE }, async (page) => {
    await openAs(page, portal, { enabled: false });
    await sees(page, "This portal is closed");
  });
});

const FIELDS = [
  { id: "name", type: "text", label: { zh: "姓名", en: "Name" }, collect: true, required: true },
  { id: "cars", type: "number", label: { zh: "车辆数", en: "Cars" }, collect: true, required: true },
  { id: "phone", type: "phone", label: { zh: "电话", en: "Contact phone" }, collect: true, required: false },
  { id: "email", type: "email", label: { zh: "邮箱", en: "Contact email" }, collect: true, required: false },
  { id: "since", type: "date", label: { zh: "日期", en: "Since" }, collect: true, required: true },
  { id: "kind", type: "single", label: { zh: "类型", en: "Kind" }, collect: true, required: true, options: ["a", "b"].map((id) => ({ id, label: { zh: id, en: `Kind ${id}` } })) },
  { id: "size", type: "single", label: { zh: "规模", en: "Size" }, collect: true, required: false, options: [..."abcdef"].map((id) => ({ id, label: { zh: id, en: `Size ${id}` } })) },
  { id: "areas", type: "multiple", label: { zh: "区域", en: "Areas" }, collect: true, required: false, options: ["n", "s"].map((id) => ({ id, label: { zh: id, en: `Area ${id}` } })) },
  { id: "news", type: "switch", label: { zh: "通知", en: "News" }, collect: true, required: false },
  { id: "region", type: "region", label: { zh: "地区", en: "Region" }, collect: true, required: false },
  { id: "about", type: "text", label: { zh: "简介", en: "About" }, collect: true, required: false, maxLength: 500 },
];

for (const scheme of ["light", "dark"]) {
  test(`every type of field can be answered and is sent as its type, ${scheme}`, async () => {
    const portal = await freshPortal();
    await change(portal, { fields: FIELDS });
    const email = someEmail();
    await asVisitor({ size: PHONE, colorScheme: scheme }, async (page) => {
      await open(page, portal);
      await prove(page, email);
      let sent;
      page.on("request", (request) => {
        if (request.url().endsWith("/registration")) sent = request.postDataJSON();
      });
      await page.locator("#field-name").waitFor();
      assert.equal(await page.locator("[data-field]").first().getAttribute("data-field"), "name");

      await page.locator("button[type=submit]").click();
      await sees(page, "answers need a change");
      await inspect(page, `fields-faults-${scheme}`);
      await page.locator("#field-name").fill("Wang");
      await page.locator("#field-cars").fill("１２");
      await page.locator("#field-phone").fill("138 0013 8000");
      await page.locator("#field-since").fill("2026-11-22");
      await page.getByLabel("Kind b").check();
      await page.locator("#field-size").selectOption("c");
      await page.getByLabel("Area s").check();
      await page.getByLabel("Area n").check();
      await page.getByLabel("News").check();
      await page.locator("#field-region").fill("Zhejiang");
      await page.locator("#field-about").fill("A line");
      await inspect(page, `fields-${scheme}`);
      await fits(page, "fields");
      await page.locator("button[type=submit]").click();
      await page.locator(".pulse").waitFor();
      assert.deepEqual(sent.fields, { name: "Wang", cars: 12, phone: "138 0013 8000", since: "2026-11-22", kind: "b", size: "c", areas: ["n", "s"], news: true, region: "Zhejiang", about: "A line" });
    });
  });
}
