import assert from "node:assert/strict";
import { test } from "node:test";
import { answerOf, checkAnswers } from "../src/fields/answers.ts";
import { Problem } from "../src/http.ts";
import { NOTHING_TYPED, refusalOf, stepOf, withAnswers } from "../src/journey.ts";
import type { Field, FieldType } from "../src/portal.ts";

const field = (type: FieldType, more: Partial<Field> = {}): Field => ({
  id: type,
  type,
  label: { zh: type, en: type },
  required: true,
  ...more,
});

test("refusals end the try, everything else is shown where it happened", () => {
  assert.equal(refusalOf(new Problem("rejected", 403, { reason: "no" }))?.reason, "no");
  assert.equal(refusalOf(new Problem("registration-closed", 403, { closesAt: "2026-11-20T10:00:00Z" }))?.window?.closesAt, "2026-11-20T10:00:00Z");
  assert.equal(refusalOf(new Problem("whatever", 404))?.kind, "not-found");
  for (const kind of ["code-wrong", "code-expired", "too-many-requests", "send-failed", "offline", "toString"]) {
    assert.equal(refusalOf(new Problem(kind, 422)), null, kind);
  }
});

test("an outcome this page does not know is no step", () => {
  assert.equal(stepOf({ step: "later", ticket: "t" } as never), null);
});

test("every outcome leads to its step, with what that step needs", () => {
  const channels = [{ channel: "sms", hint: "138****8000" }] as const;
  assert.deepEqual(stepOf({ step: "secondStep", ticket: "t", channels: [...channels], totp: true, recoveryCodes: false }), { at: "second", ticket: "t", channels, totp: true, recoveryCodes: false });
  assert.deepEqual(stepOf({ step: "bind", ticket: "t", missing: "email" }), { at: "bind", ticket: "t", missing: "email" });
  assert.deepEqual(stepOf({ step: "bind", ticket: "t", missing: "any", wechat: true }), { at: "bind", ticket: "t", missing: "any", wechat: true });
  assert.deepEqual(stepOf({ step: "scanned", scan: "s" }), { at: "scan", scan: "s" });
  assert.deepEqual(stepOf({ step: "consent", ticket: "t", version: 4 }), { at: "consent", ticket: "t", version: 4 });
  assert.deepEqual(stepOf({ step: "collect", ticket: "t", fields: [], reason: "why" }), { at: "collect", ticket: "t", fields: [], reason: "why" });
});

test("a form that is asked for again is filled in, and what was typed since wins", () => {
  const typed = { ...NOTHING_TYPED, answers: { company: "new" } };
  const outcome = { step: "collect", ticket: "t", fields: [], answers: { company: "old", cars: 3, areas: ["n"], news: true } } as const;
  assert.deepEqual(withAnswers(typed, { ...outcome, fields: [], answers: { ...outcome.answers, areas: ["n"] } }).answers, { company: "new", cars: "3", areas: ["n"], news: true });
  assert.equal(withAnswers(typed, { step: "collect", ticket: "t", fields: [] }), typed);
});

test("too many wrong guesses and a taken address are told where they happened", () => {
  for (const kind of ["locked", "already-bound", "password-wrong", "totp-wrong", "no-account"]) assert.equal(refusalOf(new Problem(kind, 409)), null, kind);
});

test("answers become values of the field's type", () => {
  assert.equal(answerOf(field("number"), "１２"), 12);
  assert.equal(answerOf(field("switch"), undefined), false);
  assert.deepEqual(answerOf(field("multiple"), ["a"]), ["a"]);
  assert.equal(answerOf(field("multiple"), []), null);
  assert.equal(answerOf(field("text"), "  王 "), "王");
  assert.equal(answerOf(field("phone"), "１３８00138000"), "13800138000");
  assert.equal(answerOf(field("date"), ""), null);
});

test("what is missing or wrong is seen before the server is asked", () => {
  const fields = [field("text", { maxLength: 2 }), field("number"), field("email", { required: false }), field("single"), field("switch")];
  assert.deepEqual(checkAnswers(fields, { text: "三个字", number: "x", email: "nobody" }), {
    text: { code: "too-long" },
    number: { code: "invalid" },
    email: { code: "invalid" },
    single: { code: "required" },
  });
  assert.deepEqual(checkAnswers(fields, { text: "两字", number: "1", single: "a" }), {});
});
