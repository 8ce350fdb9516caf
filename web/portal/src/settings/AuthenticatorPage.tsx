import { useState } from "preact/hooks";
import { ask, type Problem } from "../http.ts";
import { Button } from "../parts/Button.tsx";
import { CodeForm } from "../parts/CodeForm.tsx";
import { useCall } from "../parts/hooks.ts";
import { RecoveryForm } from "../parts/RecoveryForm.tsx";
import { Trouble, useRetryAt } from "../parts/Say.tsx";
import { useSpeech } from "../texts/index.ts";
import { useErrand } from "./errand.ts";
import { QrCode } from "../parts/QrCode.tsx";
import { RecoveryCodes } from "./RecoveryCodes.tsx";
import { Head, Page, type Room } from "./Settings.tsx";

interface Secret {
  secret: string;
  uri: string;
}

/**
 * The secret survives a reload of the tab until it is confirmed: on a phone the way to the authenticator app leads out
 * of this page, and with another secret the app would show other digits.
 */
const NOTHING: { secret?: Secret | null } = {};

/** The authenticator app: turned on with a code of it, turned off with another (RFC 6238). */
export function AuthenticatorPage({ room }: { room: Room }) {
  const { stage, me } = room;
  const { texts } = useSpeech();
  const said = texts.settings.totp;
  const [errand, change, forget] = useErrand(stage.portal, "authenticator", NOTHING);
  const [lost, setLost] = useState(false);
  const [codes, setCodes] = useState<string[] | null>(null);
  const { busy, problem, run } = useCall(room.leave);
  const retryAt = useRetryAt(problem);
  const wrong = (met: Problem) => (met.kind === "totp-wrong" ? texts.second.totp.wrong : null);

  if (codes) return <RecoveryCodes room={room} codes={codes} done={() => room.done(said.turnedOn)} />;
  if (me.totp) {
    const turnOff = async (code: string) => {
      await ask("DELETE", "/v1/me/totp", { code });
      room.learn({ ...me, totp: false, recoveryCodesLeft: 0 });
      room.done(said.turnedOff);
    };
    const intro = (lead: string) => (
      <>
        <Head stage={stage} heading={said.heading} above="settings" focus={false} />
        <p class="state">
          <strong>{said.on}</strong> · {said.codesLeft(me.recoveryCodesLeft)}
        </p>
        <p class="lead" id="sent">
          {lead}
        </p>
      </>
    );
    if (lost) {
      return (
        <RecoveryForm key="lost" intro={intro(said.lostLead)} submit={said.turnOff} leave={room.leave} prove={turnOff}>
          <button type="button" class="link lone" onClick={() => setLost(false)}>
            {texts.second.useTotp}
          </button>
        </RecoveryForm>
      );
    }
    return (
      <CodeForm
        key="off"
        intro={intro(said.turnOffLead)}
        label={texts.second.totp.label}
        submit={said.turnOff}
        manual
        faultOf={wrong}
        leave={room.leave}
        verify={turnOff}
      >
        {me.recoveryCodesLeft > 0 && (
          <button type="button" class="link lone" onClick={() => setLost(true)}>
            {said.lost}
          </button>
        )}
      </CodeForm>
    );
  }
  if (!errand.secret) {
    return (
      <Page stage={stage} heading={said.heading} above="settings">
        <p class="lead">{said.lead}</p>
        <p class="lead">{said.apps}</p>
        {problem && <Trouble problem={problem} retryAt={retryAt} />}
        <Button type="button" busy={busy} onClick={() => void run(async () => change({ secret: await ask<Secret>("POST", "/v1/me/totp") }))}>
          {said.start}
        </Button>
      </Page>
    );
  }
  const { secret, uri } = errand.secret;
  return (
    <CodeForm
      key="on"
      intro={
        <>
          <Head stage={stage} heading={said.heading} above="settings" focus={false} />
          <h2 class="section">{said.scan}</h2>
          <QrCode text={uri} label={said.qr} />
          <p class="centred">
            <a class="link" href={uri}>
              {said.open}
            </a>
          </p>
          <p class="secret">
            <span class="hint">{said.secret}</span>
            <code>{secret.replace(/(.{4})(?=.)/g, "$1 ")}</code>
          </p>
          <h2 class="section" id="sent">
            {said.enter}
          </h2>
        </>
      }
      label={texts.second.totp.label}
      focus={false}
      faultOf={wrong}
      leave={room.leave}
      verify={async (code) => {
        const { recoveryCodes } = await ask<{ recoveryCodes: string[] }>("PUT", "/v1/me/totp", { code });
        forget();
        setCodes(recoveryCodes);
        room.learn({ ...me, totp: true, recoveryCodesLeft: recoveryCodes.length });
      }}
    />
  );
}
