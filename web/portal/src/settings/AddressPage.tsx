import { useState } from "preact/hooks";
import { spaced } from "../address.ts";
import { requestCode, type Sent } from "../codes.ts";
import { ask, type Problem } from "../http.ts";
import type { Me } from "../me.ts";
import { AskAddress } from "../parts/AskAddress.tsx";
import { SentCode } from "../parts/SentCode.tsx";
import { useSpeech } from "../texts/index.ts";
import { useErrand } from "./errand.ts";
import { Head, type Room } from "./Settings.tsx";

const NOTHING: { address: string; sent?: Sent | null } = { address: "" };

/** Another phone or mailbox, proven by a code before it counts (F80). */
export function AddressPage({ room, kind }: { room: Room; kind: "phone" | "email" }) {
  const { stage, me } = room;
  const { locale, texts } = useSpeech();
  const said = texts.settings.address;
  const [errand, change, forget] = useErrand(stage.portal, kind, NOTHING);
  const [taken, setTaken] = useState<string | null>(null);
  const { address, sent } = errand;
  const now = me.user[kind];
  const head = <Head stage={stage} heading={now ? said[kind].change : said[kind].add} above="settings" focus={false} />;
  const send = async () => change({ sent: await requestCode(stage.portal, locale, { purpose: "change-address", address }) });
  const wordsOf = (problem: Problem) => (problem.kind === "already-bound" ? texts.bind.taken[kind] : null);

  if (!sent) {
    return (
      <AskAddress
        key="address"
        intro={
          <>
            {head}
            {now && <p class="lead">{said.now(spaced(now))}</p>}
            <p class="lead">{said.lead[kind]}</p>
          </>
        }
        accounts={{ phone: kind === "phone", email: kind === "email" }}
        label={said[kind].fresh}
        value={address}
        onType={(typed) => change({ address: typed })}
        taken={taken}
        wordsOf={wordsOf}
        leave={room.leave}
        send={send}
      />
    );
  }
  return (
    <SentCode
      key="code"
      heading={head}
      sent={sent}
      to={spaced(address)}
      change={() => {
        setTaken(null);
        change({ sent: null });
      }}
      verify={async (code) => {
        room.learn(await ask<Me>("PUT", "/v1/me/address", { flow: sent.flow, code }));
        forget();
        room.done(said[kind].saved);
      }}
      resend={send}
      leave={(problem) => {
        const words = wordsOf(problem);
        if (!words) return room.leave(problem);
        setTaken(words);
        change({ sent: null });
        return true;
      }}
    />
  );
}
