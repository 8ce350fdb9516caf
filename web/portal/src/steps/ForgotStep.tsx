import { pathOf, requestCode } from "../codes.ts";
import { ask } from "../http.ts";
import { AskAddress } from "../parts/AskAddress.tsx";
import { useTitle } from "../parts/hooks.ts";
import type { Portal } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";

/** Whose password is to be set anew (F14). */
export function ForgotStep({ stage }: { stage: Stage }) {
  const { portal, typed, type } = stage;
  const { locale, texts } = useSpeech();
  const said = texts.forgot;
  useTitle(said.heading, portal.design.title);
  return (
    <AskAddress
      intro={
        <>
          <h1 id="heading">{said.heading}</h1>
          <p class="lead">{said.lead}</p>
        </>
      }
      accounts={portal.accounts}
      value={typed.address}
      username
      onType={(address) => type({ address })}
      leave={stage.leave}
      send={async () => {
        const [sent, least] = await Promise.all([requestCode(portal, locale, { purpose: "reset-password", address: typed.address }), leastOf(portal)]);
        stage.go({ at: "newPassword", least, ...sent });
      }}
    >
      <button type="button" class="link lone" onClick={() => stage.go({ at: "address" })}>
        {said.back}
      </button>
    </AskAddress>
  );
}

/** The more cautious one, should the rules not come: the server judges anyway. */
const LEAST = 15;

/** Characters that a password here needs; known before anybody types too few. */
async function leastOf(portal: Portal): Promise<number> {
  try {
    return (await ask<{ minLength: number }>("GET", pathOf(portal, "password"))).minLength ?? LEAST;
  } catch {
    return LEAST;
  }
}
