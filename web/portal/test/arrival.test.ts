import assert from "node:assert/strict";
import { test } from "node:test";
import { arrivalIn } from "../src/arrival.ts";

const TOKEN = "AZ-_09azAZ-_09azAZ-_09azAZ-_09azAZ-_09azAZ-";

test("the token of an invitation is read from the address, whatever a message has put around the link", () => {
  for (const hash of [`#invitation=${TOKEN}`, `#invitation=${TOKEN}.`, `#invitation=${TOKEN}&from=singlemessage`, `#invitation=${TOKEN}。`]) {
    assert.deepEqual(arrivalIn(hash), { by: "invitation", token: TOKEN }, hash);
  }
});

test("what WeChat sends back with is read the same way", () => {
  assert.deepEqual(arrivalIn("#ticket=eyJhbGciOi.eyJmaWQi.sig-_"), { by: "ticket", ticket: "eyJhbGciOi.eyJmaWQi.sig-_" });
  assert.deepEqual(arrivalIn("#problem=wechat-state"), { by: "problem", kind: "wechat-state" });
  assert.deepEqual(arrivalIn("#scan=scn_01"), { by: "scan", scan: "scn_01" });
});

test("pages of the settings and anything else are no arrival", () => {
  for (const hash of ["", "#", "#settings", "#settings/phone", "#invitation", "#invitation=", "#invitation=.", "#other=x", `#settings#invitation=${TOKEN}`]) assert.equal(arrivalIn(hash), null, hash);
});
