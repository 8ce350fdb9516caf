import assert from "node:assert/strict";
import { test } from "node:test";
import { faultOf, kindOf, spaced } from "../src/address.ts";

const BOTH = { phone: true, email: true };

test("the field knows a phone from an email while it is typed", () => {
  const phones = ["1", "138 0013 8000", "+86138", "0086 138", "１３８", "(010) 6"];
  const emails = ["a", "wang@", "12345@qq.com", "１２３＠ｑｑ．ｃｏｍ", "8848peak"];
  for (const phone of phones) assert.equal(kindOf(phone), "phone", phone);
  for (const email of emails) assert.equal(kindOf(email), "email", email);
  for (const nothing of ["", " ", "王"]) assert.equal(kindOf(nothing), null, nothing);
});

test("every way of writing a number goes through to the server", () => {
  for (const phone of ["13800138000", "138 0013 8000", "138-0013-8000", "+86 13800138000", "008613800138000", "１３８００１３８０００"]) {
    assert.equal(faultOf(phone, BOTH), null, phone);
  }
});

test("what is wrong beyond doubt is said at once", () => {
  assert.equal(faultOf("  ", BOTH), "empty");
  assert.equal(faultOf("123", BOTH), "invalid");
  assert.equal(faultOf("wang@", BOTH), "invalid");
  assert.equal(faultOf("王小明", BOTH), "invalid");
  assert.equal(faultOf("wang@example.com", { phone: true, email: false }), "phone-only");
  assert.equal(faultOf("13800138000", { phone: false, email: true }), "email-only");
});

test("a Chinese mobile number is shown in its usual groups", () => {
  assert.equal(spaced("+8613800138000"), "138 0013 8000");
  assert.equal(spaced("１３８００１３８０００"), "138 0013 8000");
  assert.equal(spaced("wang@example.com "), "wang@example.com");
});
