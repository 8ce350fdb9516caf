import { useState } from "preact/hooks";
import type { Design } from "../portal.ts";
import { monogram } from "../theme.ts";

/** Logo (or the first letter) and title. */
export function Brand({ design, large = false }: { design: Design; large?: boolean }) {
  const [broken, setBroken] = useState(false);
  return (
    <div class={large ? "brand large" : "brand"}>
      {design.logo && !broken ? (
        <img class="logo" src={design.logo} alt="" onError={() => setBroken(true)} />
      ) : (
        <span class="monogram" aria-hidden="true">
          {monogram(design.title)}
        </span>
      )}
      <span class="brand-title">{design.title}</span>
    </div>
  );
}
