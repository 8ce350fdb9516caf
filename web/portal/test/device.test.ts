import assert from "node:assert/strict";
import { test } from "node:test";
import { deviceOf } from "../src/device.ts";

const AGENTS: [agent: string | null, browser: string | null, system: string | null, small: boolean][] = [
  ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", "Edge", "Windows", false],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15", "Safari", "Mac", false],
  ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49", "WeChat", "iPhone", true],
  ["Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36", "Chrome", "Android", true],
  ["Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox", "Linux", false],
  ["curl/8.5.0", null, null, false],
  ["", null, null, false],
  [null, null, null, false],
];

test("a browser and its device are known by what they say of themselves", () => {
  for (const [agent, browser, system, small] of AGENTS) assert.deepEqual(deviceOf(agent), { browser, system, small }, String(agent));
});
