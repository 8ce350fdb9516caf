import assert from "node:assert/strict";
import { test } from "node:test";
import { codeInMessage, codeOf, lengthOf, narrow, numberOf } from "../src/digits.ts";

test("full-width characters become their plain twins", () => {
  assert.equal(narrow("１３８　００１３＠ｑｑ．ｃｏｍ"), "138 0013@qq.com");
});

test("a code is the first six digits of what was typed", () => {
  assert.equal(codeOf("１２３ 456"), "123456");
  assert.equal(codeOf("12a34567"), "123456");
  assert.equal(codeOf("12"), "12");
});

test("the code is found in a pasted message", () => {
  assert.equal(codeInMessage("【Portico】验证码 042137，5 分钟内有效。"), "042137");
  assert.equal(codeInMessage("1068 8888 code: 123 456"), "123456");
  assert.equal(codeInMessage("13800138000 is not a code, 654321 is"), "654321");
  assert.equal(codeInMessage("１２３４５６"), "123456");
  assert.equal(codeInMessage("nothing"), "");
});

test("numbers are read as people type them", () => {
  assert.equal(numberOf("１，２００．５"), 1200.5);
  assert.equal(numberOf("-3"), -3);
  for (const wrong of ["", "12a", "1.2.3", "0x10", "1e3"]) assert.equal(numberOf(wrong), null, wrong);
});

test("a password is as long as the server counts it", () => {
  assert.equal(lengthOf("密码🔑"), 3);
  assert.equal(lengthOf("e\u0301"), 1);
});
