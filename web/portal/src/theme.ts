import { BLACK, contrast, hex, inked, mix, parse, readable, WHITE, type Colour } from "./colours.ts";
import type { Design } from "./portal.ts";

/** Used where a portal has none, or one that is no colour. */
const OWN_ACCENT: Colour = [47, 93, 98];
const DARK_SURFACE: Colour = [23, 25, 29];
const NIGHT: Colour = [12, 13, 16];

/** The custom properties of the page for a design, in light or dark. Every pair of text and ground holds 4.5:1. */
export function properties(design: Pick<Design, "accent" | "background">, dark: boolean): Record<string, string> {
  const accent = parse(design.accent) ?? OWN_ACCENT;
  const background = parse(design.background);
  const surface = dark ? DARK_SURFACE : WHITE;
  const button = inked(accent);
  const soft = mix(surface, accent, dark ? 0.16 : 0.07);

  const ground = dark ? mix(background ?? accent, NIGHT, background ? 0.87 : 0.93) : (background ?? mix(WHITE, accent, 0.08));
  const panel = inked(dark ? mix(background ?? accent, NIGHT, 0.72) : (background ?? accent));

  const colours: Record<string, Colour> = {
    surface,
    "accent-fill": button.fill,
    "accent-ink": button.ink,
    // Away from the ink, so that hovering never costs contrast.
    "accent-hover": mix(button.fill, button.ink === WHITE ? BLACK : WHITE, 0.12),
    "accent-text": readable(readable(accent, soft), surface),
    // Borders and the focus ring: 3:1 is what they need (WCAG 2.2, 1.4.11).
    "accent-edge": readable(accent, surface, 3),
    "accent-soft": soft,
    ground,
    "ground-glow": mix(ground, accent, dark ? 0.1 : 0.14),
    panel: panel.fill,
    "panel-ink": panel.ink,
    "panel-shade": shadeOf(panel, accent, dark),
  };
  return Object.fromEntries(Object.entries(colours).map(([name, colour]) => [`--${name}`, hex(colour)]));
}

/** What the panel is decorated with: never so near to its ink that the title suffers. */
function shadeOf({ fill, ink }: { fill: Colour; ink: Colour }, accent: Colour, dark: boolean): Colour {
  const tinted = mix(fill, accent, 0.4);
  if (hex(fill) !== hex(accent) && contrast(tinted, ink) >= 4.5) return tinted;
  return mix(fill, ink === WHITE ? BLACK : WHITE, dark ? 0.25 : 0.13);
}

/** The letter a portal is known by when it has no logo. */
export function monogram(title: string): string {
  return (Array.from(title.trim())[0] ?? "·").toUpperCase();
}

/** Paints the page, now and whenever light turns to dark. Through CSSOM: the policy allows no style attributes. */
export function paint(design: Design): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const style = document.documentElement.style;
    const painted = properties(design, dark.matches);
    for (const [name, value] of Object.entries(painted)) style.setProperty(name, value);
    const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
    if (icon) icon.href = iconOf(design, painted);
  };
  apply();
  // Safari before 14 knows no listener here; it keeps the colours it loaded with.
  dark.addEventListener?.("change", apply);
}

function iconOf(design: Design, painted: Record<string, string>): string {
  const letter = monogram(design.title).replace(/[<>&]/g, "");
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="${painted["--accent-fill"]}"/>` +
    `<text x="16" y="22.5" font-family="sans-serif" font-weight="600" font-size="18" text-anchor="middle" fill="${painted["--accent-ink"]}">${letter}</text></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
