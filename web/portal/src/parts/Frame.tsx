import type { ComponentChildren } from "preact";
import type { Design } from "../portal.ts";
import { Brand } from "./Brand.tsx";
import { LanguageSwitch } from "./LanguageSwitch.tsx";

interface Props {
  design: Design;
  /** No portal, hence no name to show. */
  nameless: boolean;
  children: ComponentChildren;
}

/** The portal's own face around every step (F8, F9). */
export function Frame({ design, nameless, children }: Props) {
  const picture = Boolean(design.backgroundImage);
  const side = design.layout === "sideBySide";
  return (
    <div class={`frame ${side ? "side" : "centered"} ${picture ? "picture" : "plain"}`}>
      {side && (
        // Over a picture no text can be promised to be readable, so there the panel is the picture alone.
        <aside class="panel" aria-hidden="true">
          {!picture && <Brand design={design} large />}
        </aside>
      )}
      <main class="card">
        <header class="top">
          {nameless ? <span /> : <Brand design={design} />}
          <LanguageSwitch />
        </header>
        <div class="steps">
          {children}
        </div>
      </main>
    </div>
  );
}
