import { requestCode } from "../codes.ts";
import { AskAddress } from "../parts/AskAddress.tsx";
import { useTitle } from "../parts/hooks.ts";
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
      send={async () => stage.go({ at: "newPassword", ...(await requestCode(portal, locale, { purpose: "reset-password", address: typed.address })) })}
    >
      <button type="button" class="link lone" onClick={() => stage.go({ at: "address" })}>
        {said.back}
      </button>
    </AskAddress>
  );
}
