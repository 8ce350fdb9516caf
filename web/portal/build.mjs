// Builds the one file the portal-page function serves: dist/index.html, script and style inlined.
//
// The function replaces five placeholders in it at each request: __NONCE__, __LANG__, __TITLE__, __STYLE__ and
// __PORTAL__. Nothing else of the file changes, so nothing else of it may look like a placeholder.
import { mkdir, readFile, watch, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

/** @returns {Promise<string>} the whole page */
export async function buildPage() {
  const template = await readFile(join(here, "src/page.html"), "utf8");
  const bundle = await build({
    absWorkingDir: here,
    entryPoints: { page: "src/main.tsx" },
    outdir: "dist",
    bundle: true,
    write: false,
    minify: true,
    legalComments: "none",
    charset: "utf8",
    // A classic script: it runs while the document is parsed, hence before the first paint.
    format: "iife",
    jsx: "automatic",
    jsxImportSource: "preact",
    // What the browser inside WeChat and phones of five years ago understand.
    target: ["chrome86", "safari14.1", "firefox88"],
  });
  const script = inlineable(textOf(bundle.outputFiles, ".js"), "</script");
  const style = inlineable(textOf(bundle.outputFiles, ".css"), "</style");
  const page = template
    .replace(/<!--[^]*?-->\n?/g, "")
    .replace(/\n\s*/g, "\n")
    // Functions, because `$&` and its like in the script must not be read as patterns.
    .replace("/* page.css */", () => style)
    .replace("/* page.js */", () => script);
  return page;
}

/**
 * @param {{ path: string, text: string }[]} files
 * @param {string} extension
 */
function textOf(files, extension) {
  const file = files.find(({ path }) => path.endsWith(extension));
  if (!file) throw new Error(`the build made no ${extension} file`);
  return file.text.trim();
}

/**
 * What would end its own element, or be taken for a placeholder by the server, fails the build.
 * @param {string} text
 * @param {string} end
 */
function inlineable(text, end) {
  for (const forbidden of [end, "<!--", "__NONCE__", "__LANG__", "__TITLE__", "__STYLE__", "__PORTAL__"]) {
    if (text.toLowerCase().includes(forbidden.toLowerCase())) throw new Error(`the bundle contains ${forbidden}`);
  }
  return text;
}

async function write() {
  const page = await buildPage();
  await mkdir(join(here, "dist"), { recursive: true });
  await writeFile(join(here, "dist/index.html"), page);
  console.log(`dist/index.html: ${Buffer.byteLength(page)} bytes`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await write();
  if (process.argv.includes("--watch")) {
    for await (const _ of watch(join(here, "src"), { recursive: true })) await write().catch(console.error);
  }
}
