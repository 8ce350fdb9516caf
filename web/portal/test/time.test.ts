import assert from "node:assert/strict";
import { test } from "node:test";
import { clockOf, pollDelay, secondsUntil } from "../src/countdown.ts";
import { zonedMoment } from "../src/dates.ts";
import { spokenTime } from "../src/texts/index.ts";
import { en } from "../src/texts/en.ts";
import { zh } from "../src/texts/zh.ts";

test("a countdown rounds up and ends at zero", () => {
  assert.equal(secondsUntil(60_000, 0), 60);
  assert.equal(secondsUntil(60_000, 59_001), 1);
  assert.equal(secondsUntil(60_000, 60_000), 0);
  assert.equal(secondsUntil(60_000, 99_000), 0);
});

test("long waits are told as a clock", () => {
  assert.equal(clockOf(125), "2:05");
  assert.equal(clockOf(7_325), "2:02:05");
  assert.equal(spokenTime(1, en), "1 second");
  assert.equal(spokenTime(60, zh), "60 秒");
  assert.equal(spokenTime(125, en), "2:05");
});

test("polling starts soon, slows down and never stops", () => {
  const delays = Array.from({ length: 50 }, (_, poll) => pollDelay(poll));
  assert.equal(delays[0], 2_000);
  assert.deepEqual(delays, [...delays].sort((a, b) => a - b));
  assert.equal(delays.at(-1), 30_000);
  // A ticket lives ten minutes; each poll renews it.
  assert.ok(Math.max(...delays) < 10 * 60_000);
});

test("the window is told in the portal's zone", () => {
  assert.equal(zonedMoment("2026-11-20T10:00:00Z", "Asia/Shanghai", "zh"), "2026年11月20日 18:00（中国标准时间）");
  assert.match(zonedMoment("2026-11-20T10:00:00Z", "Asia/Shanghai", "en"), /^20 November 2026.*18:00 \(China Standard Time\)$/);
  assert.match(zonedMoment("2026-11-20T10:00:00Z", "Mars/Olympus", "en"), /20 Nov 2026/);
});
