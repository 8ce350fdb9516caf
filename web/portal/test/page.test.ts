import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { buildPage } from "../build.mjs";

const page = await buildPage();

test("the whole page weighs at most 60 KB gzipped", (t) => {
  const weight = gzipSync(page, { level: 9 }).length;
  t.diagnostic(`${weight} bytes gzipped, ${Buffer.byteLength(page)} plain`);
  assert.ok(weight <= 60_000, `${weight} bytes`);
  // Not the promise, but what it weighs today with some room: growth should be noticed.
  assert.ok(weight <= 56_000, `${weight} bytes`);
});

test("each placeholder stands where the server expects it, and nowhere else", () => {
  const count = (name: string) => page.split(name).length - 1;
  assert.deepEqual(
    ["__NONCE__", "__LANG__", "__TITLE__", "__STYLE__", "__PORTAL__"].map((name) => [name, count(name)]),
    [["__NONCE__", 4], ["__LANG__", 1], ["__TITLE__", 1], ["__STYLE__", 1], ["__PORTAL__", 1]],
  );
  assert.equal((page.match(/<(script|style)\b/g) ?? []).length, 4);
  assert.equal((page.match(/<(script|style) nonce="__NONCE__"/g) ?? []).length, 4);
});

test("the page keeps to the strict policy", () => {
  assert.doesNotMatch(page, /<[^>]+ style=/);
  assert.doesNotMatch(page, /<[^>]+ on[a-z]+=/);
  assert.doesNotMatch(page, /\beval\(|new Function\b|javascript:/);
  assert.equal((page.match(/<\/script>/g) ?? []).length, 2);
});

test("the page asks nobody else for anything", () => {
  const elsewhere = (page.match(/https?:\/\/[^\s"'`)]+/g) ?? []).filter((address) => !address.startsWith("http://www.w3.org/"));
  assert.deepEqual(elsewhere, []);
});
