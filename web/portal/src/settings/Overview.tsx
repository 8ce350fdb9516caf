import { spaced } from "../address.ts";
import { ask } from "../http.ts";
import type { Me } from "../me.ts";
import { useCall } from "../parts/hooks.ts";
import { RowLink } from "../parts/RowLink.tsx";
import { Trouble } from "../parts/Say.tsx";
import type { Locale } from "../portal.ts";
import { TEXTS, useSpeech } from "../texts/index.ts";
import { Portrait } from "./Portrait.tsx";
import { Page, type Room } from "./Settings.tsx";

/** Everything at a glance; each line leads to the page that changes it. */
export function Overview({ room }: { room: Room }) {
  const { me, stage } = room;
  const { texts } = useSpeech();
  const said = texts.settings;
  const authenticator = me.totp ? `${said.totp.on} · ${said.totp.codesLeft(me.recoveryCodesLeft)}` : said.totp.off;
  return (
    <Page stage={stage} heading={said.heading} above="">
      <h2 class="section">{said.sections.profile}</h2>
      <div class="rows">
        <RowLink route="settings/profile" icon={<Portrait me={me} />} title={me.user.name ?? said.none} detail={said.profile.row} />
      </div>
      <h2 class="section">{said.sections.signIn}</h2>
      <div class="rows">
        <RowLink route="settings/phone" icon="phone" title={said.address.phone.row} detail={me.user.phone ? spaced(me.user.phone) : said.none} />
        <RowLink route="settings/email" icon="email" title={said.address.email.row} detail={me.user.email ?? said.none} />
        <RowLink route="settings/password" icon="key" title={said.password.row} detail={me.password ? said.password.set : said.password.unset} />
        <RowLink route="settings/authenticator" icon="shield" title={said.totp.row} detail={authenticator} />
        {(stage.portal.wechat || me.wechat) && <RowLink route="settings/wechat" icon="chat" title={said.wechat.row} detail={me.wechat ? said.wechat.bound : said.wechat.unbound} />}
        <RowLink route="settings/sessions" icon="screen" title={said.sessions.row} detail={said.sessions.rowHint} />
      </div>
      <h2 class="section">{said.sections.language}</h2>
      <Language room={room} />
      <h2 class="section">{said.sections.account}</h2>
      <div class="rows">
        <RowLink route="settings/delete" icon="bin" title={said.remove.row} grave />
      </div>
    </Page>
  );
}

/** The language of the page and of messages: taken at once, kept by the server too. */
function Language({ room }: { room: Room }) {
  const { locale, texts, speak } = useSpeech();
  const { problem, run } = useCall(room.leave);
  const choose = (chosen: Locale) => {
    speak(chosen);
    void run(async () => {
      room.learn(await ask<Me>("PATCH", "/v1/me", { locale: chosen }));
      room.tell(TEXTS[chosen].settings.language.saved);
    });
  };
  return (
    <fieldset class="row flush">
      <legend class="unseen">{texts.settings.language.label}</legend>
      <div class="options">
        {(["zh", "en"] as const).map((known) => (
          <label class="tick round" key={known} for={`language-${known}`}>
            <input type="radio" id={`language-${known}`} name="language" checked={locale === known} onChange={() => choose(known)} />
            <span class="mark" aria-hidden="true" />
            <span lang={known === "zh" ? "zh-CN" : "en"}>{TEXTS[known].language}</span>
          </label>
        ))}
      </div>
      <p class="hint below">{texts.settings.language.label}</p>
      {problem && <Trouble problem={problem} retryAt={null} />}
    </fieldset>
  );
}
