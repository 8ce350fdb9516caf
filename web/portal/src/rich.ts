import { h, type ComponentChildren } from "preact";

/**
 * What may stand in the texts of an agreement, by the element it becomes. The server has cleaned them already; this
 * holds even if it had not: nothing is ever parsed into the page, it is built anew from what is listed here.
 * Headings are lowered, since the dialog has its own above them.
 */
const ELEMENTS = new Map(
  "p h1:h3 h2:h4 h3:h5 h4:h6 strong b:strong em i:em u s ul ol li blockquote a br hr table caption thead tbody tfoot tr th td"
    .split(" ")
    .map((pair) => pair.split(":"))
    .map(([name, becomes]) => [name!, becomes ?? name!]),
);

/** Left out with all that is in them; of other unknown elements the content stays. */
const DROPPED = new Set(["script", "style", "template", "iframe", "object", "embed", "svg", "math", "noscript", "textarea", "select", "title", "head"]);

/** As much of a DOM node as is looked at. */
export interface Piece {
  nodeType: number;
  nodeName: string;
  textContent: string | null;
  childNodes: ArrayLike<Piece>;
  getAttribute?: (name: string) => string | null;
}

const ELEMENT = 1;
const TEXT = 3;

/** Deeper than anybody writes; a bomb of nested elements ends here. */
const DEEPEST = 30;

/** HTML of the server as nodes of ours. */
export function rich(html: string): ComponentChildren {
  return inside(new DOMParser().parseFromString(html, "text/html").body as unknown as Piece);
}

/** The children of a node, cleaned. */
export function inside(node: Piece, depth = 0): ComponentChildren[] {
  return depth > DEEPEST ? [] : Array.from(node.childNodes).map((child) => clean(child, depth + 1));
}

function clean(node: Piece, depth: number): ComponentChildren {
  if (node.nodeType === TEXT) return node.textContent;
  const name = node.nodeName.toLowerCase();
  if (node.nodeType !== ELEMENT || DROPPED.has(name)) return null;
  const element = ELEMENTS.get(name);
  const content = inside(node, depth);
  if (!element) return content;
  if (element === "br" || element === "hr") return h(element, null);
  if (element !== "a") return h(element, null, content);
  const href = safeHref(node.getAttribute?.("href") ?? null);
  return href ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, content) : content;
}

/** Secure pages and mailboxes; anything else is text. */
export function safeHref(href: string | null): string | null {
  const plain = href?.trim() ?? "";
  return /^(https:\/\/|mailto:)[^\s\u0000-\u001f]+$/i.test(plain) ? plain : null;
}
