/** Colour arithmetic of WCAG 2.2: whatever an administrator picks, text stays readable. */

export type Colour = readonly [red: number, green: number, blue: number];

export const WHITE: Colour = [255, 255, 255];
export const BLACK: Colour = [0, 0, 0];

/** `#rgb` or `#rrggbb`; anything else is null. */
export function parse(text: string | null | undefined): Colour | null {
  const short = /^#([\da-f])([\da-f])([\da-f])$/i.exec(text ?? "");
  const full = short ? short.slice(1).map((digit) => digit + digit) : /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(text ?? "")?.slice(1);
  if (!full) return null;
  const [red = 0, green = 0, blue = 0] = full.map((pair) => parseInt(pair, 16));
  return [red, green, blue];
}

export function hex(colour: Colour): string {
  return `#${colour.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

/** Relative luminance, 0 to 1 (WCAG 2.2). */
export function luminance(colour: Colour): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** 1 to 21 (WCAG 2.2). */
export function contrast(one: Colour, other: Colour): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** `share` of `over` laid on `under`, in whole bytes: what is measured is what is painted. */
export function mix(under: Colour, over: Colour, share: number): Colour {
  const part = (index: 0 | 1 | 2) => Math.round(under[index] + (over[index] - under[index]) * share);
  return [part(0), part(1), part(2)];
}

/** Softer than black, and enough wherever white is too little (see `inked`). */
export const DARK_INK: Colour = [22, 24, 28];

/**
 * A fill and the ink on it, 4.5:1 apart. Where white is nearly enough the fill gives way a little, since people expect
 * white on their orange; where it is far from enough the ink is dark.
 */
export function inked(fill: Colour): { fill: Colour; ink: Colour } {
  return contrast(WHITE, fill) >= 3 ? { fill: readable(fill, WHITE), ink: WHITE } : { fill, ink: DARK_INK };
}

/** The colour itself where it stands out enough from the ground, else as little of black or white in it as it needs. */
export function readable(colour: Colour, ground: Colour, ratio = 4.5): Colour {
  const towards = luminance(ground) > 0.18 ? BLACK : WHITE;
  for (let share = 0; share < 1; share += 0.04) {
    const tried = mix(colour, towards, share);
    if (contrast(tried, ground) >= ratio) return tried;
  }
  return towards;
}
