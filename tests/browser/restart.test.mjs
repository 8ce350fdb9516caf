import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const binary = process.env.PORTICO_BINARY;
const root = fileURLToPath(new URL("../..", import.meta.url));

/** A Portico over a folder; on the same port again it is the same site to a browser. */
async function start(folder, port) {
  const server = spawn(binary, ["run"], { cwd: root, env: { ...process.env, PORT: String(port), DATA_DIR: folder }, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface(server.stdout)) {
    const found = /http:\/\/127\.0\.0\.1:(\d+)\/_local\/inbox/.exec(line);
    if (found) return { port: Number(found[1]), stop: async () => (server.kill(), once(server, "exit")) };
  }
  throw new Error("the server did not start");
}

test("data and sessions survive a restart", { skip: !binary && "PORTICO_BINARY names no server" }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "portico-"));
  let server = await start(folder, 0);
  try {
    process.env.PORTICO_URL = `http://localhost:${server.port}`;
    const { decide, freshPortal, someEmail } = await import("./lib/portico.mjs");
    const { apply, asVisitor, entered, heading, open } = await import("./lib/visitor.mjs");
    const portal = await freshPortal();
    await asVisitor({}, async (page) => {
      await open(page, portal);
      await apply(page, someEmail());
      await decide(portal, "approve");
      await entered(page);
      await server.stop();
      server = await start(folder, server.port);
      await page.reload();
      await entered(page);
      assert.equal(await heading(page), "Hello, 王小明");
    });
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
});
