import { useEffect, useState } from "preact/hooks";
import type { Me } from "../me.ts";
import { monogram } from "../theme.ts";

/** The picture of a person, else the first letter. */
export function Portrait({ me, preview = null }: { me: Me; preview?: string | null }) {
  const [broken, setBroken] = useState(false);
  const source = preview ?? me.picture;
  useEffect(() => setBroken(false), [source]);
  return source && !broken ? (
    <img class="portrait" src={source} alt="" width={64} height={64} onError={() => setBroken(true)} />
  ) : (
    <span class="portrait" aria-hidden="true">
      {monogram(me.user.name ?? me.portal.name)}
    </span>
  );
}
