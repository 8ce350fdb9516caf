import assert from "node:assert/strict";
import { test } from "node:test";
import { contrast, parse, type Colour } from "../src/colours.ts";
import { monogram, properties } from "../src/theme.ts";

const INK = { light: parse("#191c20")!, dark: parse("#f2f3f5")! };
const INK_SOFT = { light: parse("#565e69")!, dark: parse("#a8b0bb")! };
const FAULT = { light: parse("#b3261e")!, dark: parse("#ff9a91")! };

/** A grid over all colours, the grey ones and the usual brands included. */
function palette(): string[] {
  const steps = ["00", "33", "66", "80", "99", "cc", "ff"];
  const grid = steps.flatMap((red) => steps.flatMap((green) => steps.map((blue) => `#${red}${green}${blue}`)));
  return [...grid, "#2f5d62", "#ffd60a", "#e4572e", "#07c160", "#1677ff", "#777777"];
}

test("contrast follows WCAG", () => {
  assert.equal(contrast([0, 0, 0], [255, 255, 255]), 21);
  assert.ok(Math.abs(contrast(parse("#777777")!, [255, 255, 255]) - 4.48) < 0.01);
});

test("colours are read in their short form, and nothing else is a colour", () => {
  assert.deepEqual(parse("#fa0"), [255, 170, 0]);
  for (const wrong of ["", "red", "#12", "#12345", "url(x)", null]) assert.equal(parse(wrong), null);
});

test("whatever an administrator picks, text holds 4.5:1 and edges 3:1", () => {
  const colours = palette();
  for (const dark of [false, true]) {
    const mode = dark ? "dark" : "light";
    for (const [index, accent] of colours.entries()) {
      const background = index % 3 === 0 ? null : colours[(index * 7) % colours.length]!;
      const painted = properties({ accent, background }, dark);
      const of = (name: string) => parse(painted[`--${name}`])!;
      const hold = (text: Colour, ground: Colour, ratio: number, what: string) =>
        assert.ok(contrast(text, ground) >= ratio, `${what}: ${contrast(text, ground).toFixed(2)} for ${accent} on ${background}, ${mode}`);
      hold(of("accent-ink"), of("accent-fill"), 4.5, "button");
      hold(of("accent-ink"), of("accent-hover"), 4.5, "hovered button");
      hold(of("accent-text"), of("surface"), 4.5, "link");
      hold(of("accent-text"), of("accent-soft"), 4.5, "emblem");
      hold(of("accent-edge"), of("surface"), 3, "edge");
      hold(of("panel-ink"), of("panel"), 4.5, "panel");
      hold(of("panel-ink"), of("panel-shade"), 4.5, "decorated panel");
      for (const ground of [of("surface"), of("accent-soft")]) {
        hold(INK[mode], ground, 4.5, "text");
        hold(INK_SOFT[mode], ground, 4.5, "soft text");
      }
      hold(FAULT[mode], of("surface"), 4.5, "fault");
    }
  }
});

test("a monogram is one whole character", () => {
  assert.equal(monogram("customer"), "C");
  assert.equal(monogram(" 海港"), "海");
  assert.equal(monogram("😀 x"), "😀");
  assert.equal(monogram(""), "·");
});
