import assert from "node:assert/strict";
import { test } from "node:test";
import type { VNode } from "preact";
import { inside, safeHref, type Piece } from "../src/rich.ts";

const text = (words: string): Piece => ({ nodeType: 3, nodeName: "#text", textContent: words, childNodes: [] });
const element = (name: string, attributes: Record<string, string> = {}, ...childNodes: Piece[]): Piece => ({
  nodeType: 1,
  nodeName: name.toUpperCase(),
  textContent: null,
  childNodes,
  getAttribute: (wanted) => attributes[wanted] ?? null,
});
const comment: Piece = { nodeType: 8, nodeName: "#comment", textContent: "secret", childNodes: [] };

/** What was built, as HTML. */
function written(built: unknown): string {
  if (built === null || built === undefined) return "";
  if (Array.isArray(built)) return built.map(written).join("");
  if (typeof built !== "object") return String(built);
  const { type, props } = built as VNode<Record<string, unknown>>;
  const attributes = Object.entries(props).filter(([name]) => name !== "children");
  return `<${String(type)}${attributes.map(([name, value]) => ` ${name}="${String(value)}"`).join("")}>${written(props["children"])}</${String(type)}>`;
}
const clean = (...pieces: Piece[]) => written(inside(element("body", {}, ...pieces)));

test("of an agreement only listed elements are built, and none of their attributes", () => {
  assert.equal(clean(element("p", { onclick: "x()", style: "color:red", class: "card", id: "page" }, text("a"), element("strong", {}, text("b")))), "<p>a<strong>b</strong></p>");
  assert.equal(clean(element("ul", {}, element("li", {}, text("1")))), "<ul><li>1</li></ul>");
  assert.equal(clean(element("h1", {}, text("t")), element("h4", {}, text("t"))), "<h3>t</h3><h6>t</h6>");
});

test("what runs, loads or asks is left out with its content; of the unknown the words stay", () => {
  for (const name of ["script", "style", "iframe", "object", "embed", "svg", "math", "template", "noscript"]) {
    assert.equal(clean(element(name, {}, text("x")), text("y")), "y", name);
  }
  assert.equal(clean(element("img", { src: "x", onerror: "x()" }), comment, element("font", {}, text("words")), element("__proto__", {}, text("!"))), "words!");
});

test("links lead to secure pages and mailboxes, in a page of their own", () => {
  assert.equal(clean(element("a", { href: "https://example.com/a?b#c", target: "_self" }, text("x"))), '<a href="https://example.com/a?b#c" target="_blank" rel="noopener noreferrer">x</a>');
  assert.equal(safeHref("mailto:a@example.com"), "mailto:a@example.com");
  for (const wrong of ["javascript:alert(1)", " JaVaScRiPt:alert(1)", "java\nscript:x", "data:text/html,x", "http://example.com", "//example.com", "/p/x", "#x", "https://", "https://a b", "", null]) {
    assert.equal(safeHref(wrong), null, String(wrong));
  }
  assert.equal(clean(element("a", { href: "javascript:x" }, text("x"))), "x");
});

test("a bomb of nested elements ends", () => {
  let deep = text("core");
  for (let depth = 0; depth < 1000; depth += 1) deep = element("blockquote", {}, deep);
  assert.ok(!clean(deep).includes("core"));
});
