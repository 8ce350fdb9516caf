import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";
import type { Place } from "../wechat.ts";
import { Button } from "./Button.tsx";

/** Below the form: the way by WeChat inside it, and elsewhere on a phone the word that there is one (F15). */
export function WeChatWay({ stage, place }: { stage: Stage; place: Place }) {
  const said = useSpeech().texts.wechat;
  if (place === "beside") return null;
  if (place === "elsewhere") return <p class="hint centred">{said.elsewhere}</p>;
  return (
    <div class="others">
      <Button type="button" look="quiet" onClick={() => stage.go({ at: "toWeChat", asked: true })}>
        {said.use}
      </Button>
    </div>
  );
}
