// Answers in place of the server's, for screens whose rules the server's own tests cover: here it is the page that counts.
import { at, pageAs } from "./visitor.mjs";

/** A refusal (RFC 9457). */
export const refusal = (status, kind, more = {}) => ({
  status,
  contentType: "application/problem+json",
  body: JSON.stringify({ type: `https://portico.dev/problems/${kind}`, title: "Never shown", status, ...more }),
});

export const done = { status: 204, body: "" };

/**
 * Answers calls of the page, by method and the end of the path: `{ "POST /codes": (body) => answer }`. An answer is JSON, or
 * a `refusal`. Other calls reach the server. Returns the calls that were answered, oldest first.
 */
export async function answering(page, answers) {
  const calls = [];
  await page.route("**/v1/**", async (route) => {
    const request = route.request();
    const path = new URL(request.url()).pathname;
    const known = Object.keys(answers).find((name) => {
      const [method, end] = name.split(" ");
      return method === request.method() && path.endsWith(end);
    });
    if (!known) return route.fallback();
    const body = request.postData() ? request.postDataJSON() : undefined;
    calls.push({ call: known, path, body });
    const answer = await answers[known](body, path);
    return route.fulfill(answer.status ? answer : { json: answer });
  });
  return calls;
}

/** Opens a portal as if its settings, or who is signed in there, were others. */
export async function openAs(page, portal, change, hash = "") {
  await page.route(`**/p/${portal.suffix}`, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: pageAs(await response.text(), change) });
  });
  await page.goto(at(`/p/${portal.suffix}${hash}`));
}

/** A code is on its way. */
export const sent = (channel = "sms") => ({ status: 202, json: { flow: `flow-${channel}`, channel, expiresIn: 300, resendIn: 60 } });

export const USER = { id: "usr_1", name: "王小明", role: "Customer", phone: "+8613800138000", email: "wang@example.com", status: "active" };
export const sessionOf = (portal) => ({ user: USER, portal: { id: portal.portal, name: portal.name ?? "Portico", link: portal.suffix }, expiresAt: "2036-11-29T02:00:00Z" });

/** What `GET /v1/me` answers, with changes. */
export const meOf = (portal, change = {}) => ({
  user: USER,
  portal: sessionOf(portal).portal,
  fields: [
    { id: "name", type: "text", label: { zh: "姓名", en: "Name" }, required: true, maxLength: 50 },
    { id: "company", type: "text", label: { zh: "公司", en: "Company" }, required: false, maxLength: 100 },
    { id: "kind", type: "single", label: { zh: "类型", en: "Kind" }, required: true, options: ["a", "b"].map((id) => ({ id, label: { zh: `类型 ${id}`, en: `Kind ${id}` } })) },
  ],
  answers: { name: "王小明", company: "海港物流", kind: "a" },
  locale: "zh",
  picture: null,
  password: true,
  totp: false,
  recoveryCodesLeft: 0,
  mayChange: { name: true, fields: true },
  registeredAt: "2026-01-02T03:04:05Z",
  passwordMinLength: 15,
  ...change,
});
