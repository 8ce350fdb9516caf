// A person with a browser, and everything the browser complained about.
import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { advance, BASE, codeFor, codesOf } from "./portico.mjs";

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

const SCREENSHOTS = fileURLToPath(new URL("../screenshots/", import.meta.url));
mkdirSync(SCREENSHOTS, { recursive: true });

/** A page just built, in place of the one that the server was built with: spares the build of the server. */
const BUILT = process.env.PORTICO_PAGE ? readFileSync(process.env.PORTICO_PAGE, "utf8") : null;

/** The page as it would be for a portal of other settings; a picture stands in the style that the server writes. */
export function pageAs(html, change = {}) {
  const part = (pattern) => pattern.exec(html)?.[1] ?? "";
  const nonce = part(/nonce="([^"]+)"/);
  const told = JSON.parse(part(/<script[^>]* id="portal"[^>]*>([^]*?)<\/script>/));
  const portal = JSON.stringify(told.error ? told : { ...told, ...change, design: { ...told.design, ...change.design } }).replace(/</g, "\\u003c");
  const picture = change.design?.backgroundImage;
  const style = picture ? `<style nonce="${nonce}">:root{--background-image:url("${picture}")}</style></head>` : "</head>";
  let page = html;
  if (BUILT) {
    const filled = { __NONCE__: nonce, __LANG__: part(/<html lang="([^"]+)"/), __TITLE__: part(/<title>([^<]*)/), __STYLE__: part(/<style[^>]*>(:root\{--accent[^<]*)/), __PORTAL__: "{}" };
    page = Object.entries(filled).reduce((text, [slot, value]) => text.replaceAll(slot, () => value), BUILT);
  }
  return page.replace("</head>", () => style).replace(/(<script[^>]* id="portal"[^>]*>)[^]*?(<\/script>)/, (_, start, end) => start + portal + end);
}

let launched;
async function browser() {
  launched ??= await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  return launched;
}
after(async () => launched?.close());

/**
 * Runs `visit(page)` as a new visitor, then holds that the browser reported nothing: no violation of the policy, no
 * error in the console, no request to anywhere else; `uploads` lets it send files to the object store.
 */
export async function asVisitor({ size = DESKTOP, locale = "en-GB", uploads = false, ...options } = {}, visit) {
  const small = size.width < 600;
  const context = await (await browser()).newContext({
    viewport: size,
    locale,
    isMobile: small,
    hasTouch: small,
    // Half-faded text has no contrast to measure.
    reducedMotion: "reduce",
    ...options,
  });
  if (BUILT) {
    await context.route("**/p/*", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: pageAs(await response.text()) });
    });
    // What a redirect leads to is not routed; so the way to WeChat and back is gone step by step.
    await context.route(/\/connect\/oauth2\/authorize|\/v1\/wechat\/callback|\/v1\/portals\/[^/]+\/wechat\?/, async (route) => {
      const response = await route.fetch({ maxRedirects: 0 });
      const { location, "content-security-policy": _, ...headers } = response.headers();
      if (!location) return route.fulfill({ response });
      return route.fulfill({ status: 200, headers: { ...headers, "content-type": "text/html" }, body: `<script>location.replace(${JSON.stringify(location)})</script>` });
    });
  }
  const complaints = [];
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("request", (request) => {
    const address = request.url();
    const upload = uploads && request.method() === "POST" && !request.headers().cookie;
    if (!address.startsWith(BASE) && !upload && !/^(data|blob):/.test(address)) complaints.push(`asked elsewhere: ${address}`);
  });
  page.on("console", (message) => {
    // The browser logs every refusal of the server as an error; those are answers.
    const answer = message.text().startsWith("Failed to load resource");
    if (["error", "warning"].includes(message.type()) && !answer) complaints.push(`console: ${message.text()}`);
  });
  await page.exposeFunction("reportViolation", (what) => complaints.push(`policy: ${what}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) => {
      globalThis.reportViolation(`${violatedDirective} ${blockedURI} ${sample}`);
    });
  });
  page.setDefaultTimeout(10_000);
  try {
    await visit(page, context);
    assert.deepEqual(complaints, []);
  } catch (failure) {
    await page.screenshot({ path: `${SCREENSHOTS}failure-${Date.now()}.png` }).catch(() => {});
    if (complaints.length) console.error(complaints.join("\n"));
    throw failure;
  } finally {
    await context.close();
  }
}

export const at = (path) => BASE + path;
export const open = (page, portal) => page.goto(at(`/p/${portal.suffix}`));

/** The heading of the step the page shows. */
export const heading = (page) => page.locator("h1").innerText();

export async function sees(page, text) {
  await page.getByText(text).first().waitFor();
}

/** A picture for people, and axe for everybody. */
export async function inspect(page, name) {
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png`, fullPage: true });
  // The page has no frames: legacy mode spares axe a tab of its own for each analysis.
  const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).setLegacyMode().analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("\n  ")}`);
  assert.deepEqual(found, [], name);
}

/** Nothing sticks out sideways, and everything to be touched is 44 pixels high; links in a running text are as high as it is. No words leave their box. */
export async function fits(page, name) {
  const { over, small, spilt } = await page.evaluate(() => {
    const targets = [...document.querySelectorAll("button, input, select, textarea, a:not(.paper-text *)")].filter((target) => target.checkVisibility());
    const spilt = targets.map((target) => target.closest("label") ?? target).filter((box) => !box.matches("input, select, textarea") && (box.scrollHeight > box.clientHeight + 2 || box.scrollWidth > box.clientWidth + 2) && getComputedStyle(box).display !== "inline");
    const reach = (target) => (target.closest("label") ?? target).getBoundingClientRect();
    return {
      over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      spilt: spilt.map((box) => box.outerHTML),
      small: targets.filter((target) => reach(target).height < 43.5 || reach(target).width < 43.5).map((target) => target.outerHTML),
    };
  });
  assert.ok(over <= 0, `${name} is ${over} pixels too wide`);
  assert.deepEqual(small, [], name);
  assert.deepEqual(spilt, [], `${name}: content outside of its box`);
}

export async function giveAddress(page, address) {
  await page.locator("#address").fill(address);
  await page.locator("button[type=submit]").click();
  await page.locator("#code").waitFor();
}

/** From the address to whatever comes after a right code. */
export async function prove(page, address) {
  await giveAddress(page, address);
  const code = await codeFor(address);
  await page.locator("#code").fill(code);
  await page.locator("#code").waitFor({ state: "detached" });
  return code;
}

/** From the address to the waiting page. */
export async function apply(page, address, name = "王小明") {
  await prove(page, address);
  await page.locator("#field-name").fill(name);
  await page.locator("button[type=submit]").click();
  await page.locator(".pulse").waitFor();
}

/**
 * Signs somebody up and in without the page: for tests of what comes after. The portal lets anyone in. Leaves the home page open.
 */
export async function comeIn(page, portal, address, fields = { name: "王小明" }) {
  await advance(61);
  await open(page, portal);
  const known = await codesOf(address);
  const path = (name) => `/v1/portals/${portal.portal}/${name}`;
  const { flow } = await send(page, "POST", path("codes"), { address, purpose: "sign-in", link: portal.suffix });
  const outcome = await send(page, "POST", path("sessions"), { flow, code: await codeFor(address, known), remember: true });
  if (outcome.step === "collect") await send(page, "POST", path("registration"), { ticket: outcome.ticket, fields });
  await page.reload();
  await entered(page);
}

/** Proves an address of one's own, without the page: another one, or one to set a password with. */
export async function proveOwn(page, portal, address, purpose) {
  await advance(61);
  const known = await codesOf(address);
  const { flow } = await send(page, "POST", `/v1/portals/${portal.portal}/codes`, { address, purpose });
  return { flow, code: await codeFor(address, known) };
}

/** A call that the page could make, with the cookies of its browser. */
export async function send(page, method, path, body) {
  const [status, text] = await page.evaluate(
    async ([verb, where, what]) => {
      const answer = await fetch(where, { method: verb, headers: { "Content-Type": "application/json" }, body: what && JSON.stringify(what) });
      return [answer.status, await answer.text()];
    },
    [method, path, body],
  );
  assert.ok(status < 300, `${method} ${path}: ${status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** The page let the person in. */
export async function entered(page) {
  await page.locator(".details").waitFor({ timeout: 20_000 });
}

/** Signs in by password; what comes next is the caller's to wait for. */
export async function givePassword(page, address, password) {
  if (!(await page.locator("#password").isVisible())) await page.locator(".link.lone").click();
  await page.locator("#address").fill(address);
  await page.locator("#password").fill(password);
  await page.locator("button[type=submit]").click();
}

/** Sets a password anew from the sign-in page: address, code, password. `code` may be a promise. */
export async function resetPassword(page, address, codeOf, password) {
  await page.locator(".aside .link").click();
  await page.locator("#address").fill(address);
  await page.locator("button[type=submit]").click();
  await page.locator("#code").waitFor();
  await page.locator("#code").fill(await codeOf());
  await page.locator("#password").fill(password);
  await page.locator("button[type=submit]").click();
}

/** Opens a page of the personal settings from the home page. */
export async function openSettings(page, name) {
  await page.locator('a[href="#settings"]').click();
  await page.locator('a[href="#settings/profile"]').waitFor();
  if (name) await page.locator(`a[href="#settings/${name}"]`).click();
}
