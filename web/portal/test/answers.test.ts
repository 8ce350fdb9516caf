import assert from "node:assert/strict";
import { test } from "node:test";
import { answerOf } from "../src/fields/answers.ts";
import type { Field } from "../src/portal.ts";

const field = (type: Field["type"]): Field => ({ id: "x", type, label: { zh: "x", en: "x" }, required: false }) as Field;

test("a text is one line, however it was typed", () => {
  assert.equal(answerOf(field("text"), " two\nlines \t of text "), "two lines of text");
  assert.equal(answerOf(field("text"), " \n "), null);
});

test("phones and email addresses are narrowed, numbers are numbers", () => {
  assert.equal(answerOf(field("phone"), "１３８００１３８０００"), "13800138000");
  assert.equal(answerOf(field("number"), " 1.5 "), 1.5);
});
