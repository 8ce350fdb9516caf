import { useState } from "preact/hooks";
import { ask } from "../http.ts";
import { Button } from "../parts/Button.tsx";
import { useArrival, useCall } from "../parts/hooks.ts";
import { Trouble, useRetryAt } from "../parts/Say.tsx";
import { useSpeech } from "../texts/index.ts";
import { holdBack } from "../wechat.ts";
import { Page, type Room } from "./Settings.tsx";

/** Whether the account is bound to somebody's WeChat, and the end of that (F18). */
export function WeChatPage({ room }: { room: Room }) {
  const { stage, me } = room;
  const { texts } = useSpeech();
  const said = texts.settings.wechat;
  const [asked, setAsked] = useState(false);
  const { busy, problem, run } = useCall(room.leave);
  const retryAt = useRetryAt(problem);
  const unbind = () =>
    run(async () => {
      await ask("DELETE", "/v1/me/wechat");
      // Else the next sign-in in this tab would bind it again.
      holdBack(stage.portal.id);
      room.learn({ ...me, wechat: false });
      room.done(said.done);
    });
  return (
    <Page stage={stage} heading={said.row} above="settings">
      <p class="state">
        <strong>{me.wechat ? said.bound : said.unbound}</strong>
      </p>
      <p class="lead">{me.wechat ? said.leadBound : said.leadUnbound}</p>
      {problem && <Trouble problem={problem} retryAt={retryAt} />}
      {me.wechat && !asked && (
        <Button type="button" look="quiet" onClick={() => setAsked(true)}>
          {said.unbind}
        </Button>
      )}
      {me.wechat && asked && <Sure busy={busy} yes={() => void unbind()} no={() => setAsked(false)} />}
    </Page>
  );
}

function Sure({ busy, yes, no }: { busy: boolean; yes: () => void; no: () => void }) {
  const { texts } = useSpeech();
  const said = texts.settings.wechat;
  const question = useArrival<HTMLParagraphElement>(true);
  return (
    <div class="ways-out sure">
      <p ref={question} tabIndex={-1}>
        {said.sure}
      </p>
      <Button type="button" look="grave" busy={busy} onClick={yes}>
        {said.unbind}
      </Button>
      <Button type="button" look="quiet" onClick={no}>
        {texts.settings.cancel}
      </Button>
    </div>
  );
}
