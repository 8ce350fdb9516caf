import { useState } from "preact/hooks";
import { spaced } from "../address.ts";
import { requestCode, type Sent } from "../codes.ts";
import { ask } from "../http.ts";
import { Button } from "../parts/Button.tsx";
import { useCall } from "../parts/hooks.ts";
import { NewPasswordForm, type Proof } from "../parts/NewPasswordForm.tsx";
import { Trouble, useRetryAt } from "../parts/Say.tsx";
import { SentTo } from "../parts/SentCode.tsx";
import { Tick } from "../parts/Tick.tsx";
import { useSpeech } from "../texts/index.ts";
import { useErrand } from "./errand.ts";
import { Head, Page, type Room } from "./Settings.tsx";

const NOTHING: { byCode: boolean; address: string; sent?: Sent | null } = { byCode: false, address: "" };

/** Sets the password, or another one: with the current one, or with a code where there is none or it is forgotten (F14). */
export function PasswordPage({ room }: { room: Room }) {
  const { stage, me } = room;
  const { locale, texts } = useSpeech();
  const said = texts.settings.password;
  const [errand, change, forget] = useErrand(stage.portal, "password", NOTHING);
  const [endOthers, setEndOthers] = useState(true);
  const addresses = [me.user.phone, me.user.email].filter((known): known is string => Boolean(known));
  const address = addresses.includes(errand.address) ? errand.address : (addresses[0] ?? "");
  const heading = me.password ? said.changeHeading : said.setHeading;
  const { sent } = errand;

  const send = async () => change({ address, sent: await requestCode(stage.portal, locale, { purpose: "reset-password", address }) });
  const save = async (proof: Proof, password: string) => {
    await ask("PUT", "/v1/me/password", { ...("code" in proof ? { flow: sent?.flow, code: proof.code } : proof), password, endOthers });
    forget();
    room.learn({ ...me, password: true });
    room.done(said.saved);
  };
  const toCurrent = me.password && (
    <button type="button" class="link lone" onClick={() => change({ byCode: false, sent: null })}>
      {said.useCurrent}
    </button>
  );
  const shared = {
    username: address,
    least: me.passwordMinLength,
    submit: texts.settings.save,
    save,
    leave: room.leave,
    ticks: <Tick id="end-others" checked={endOthers} label={said.endOthers} onTick={setEndOthers} />,
  };

  if (sent) {
    const intro = (
      <>
        <Head stage={stage} heading={heading} above="settings" focus={false} />
        <SentTo sent={sent} to={spaced(address)} />
      </>
    );
    return (
      <NewPasswordForm key="code" {...shared} intro={intro} sent={sent} resend={send}>
        {toCurrent}
      </NewPasswordForm>
    );
  }
  if (me.password && !errand.byCode) {
    return (
      <NewPasswordForm key="current" {...shared} intro={<Head stage={stage} heading={heading} above="settings" focus={false} />}>
        <button type="button" class="link lone" onClick={() => change({ byCode: true })}>
          {said.forgot}
        </button>
      </NewPasswordForm>
    );
  }
  return (
    <Page stage={stage} heading={heading} above="settings">
      <p class="lead">{said.leadCode}</p>
      <SendCode room={room} addresses={addresses} address={address} choose={(chosen) => change({ address: chosen })} send={send} />
      {toCurrent}
    </Page>
  );
}

interface SendProps {
  room: Room;
  addresses: string[];
  address: string;
  choose: (address: string) => void;
  send: () => Promise<void>;
}

/** To which of the own addresses the code goes. */
function SendCode({ room, addresses, address, choose, send }: SendProps) {
  const { texts } = useSpeech();
  const { busy, problem, run } = useCall(room.leave);
  const retryAt = useRetryAt(problem);
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void run(send);
      }}
    >
      <fieldset class="row">
        <legend>{texts.settings.password.sendTo}</legend>
        <div class="options">
          {addresses.map((known) => (
            <label class="tick round" key={known}>
              <input type="radio" name="to" checked={known === address} onChange={() => choose(known)} />
              <span class="mark" aria-hidden="true" />
              <span>{spaced(known)}</span>
            </label>
          ))}
        </div>
      </fieldset>
      {problem && <Trouble problem={problem} retryAt={retryAt} />}
      <Button busy={busy}>{texts.address.submit}</Button>
    </form>
  );
}
