import { useRef, useState } from "preact/hooks";
import { ask } from "../http.ts";
import { Button } from "../parts/Button.tsx";
import { useCall } from "../parts/hooks.ts";
import { Fault, Trouble, useRetryAt } from "../parts/Say.tsx";
import { replace } from "../route.ts";
import { keepingPreferences } from "../storage.ts";
import { useSpeech } from "../texts/index.ts";
import { holdBack } from "../wechat.ts";
import { forgetErrands } from "./errand.ts";
import { Page, type Room } from "./Settings.tsx";

/** The end of an account, by a word typed on purpose (F64). */
export function DeletePage({ room }: { room: Room }) {
  const { stage, me } = room;
  const { texts } = useSpeech();
  const said = texts.settings.remove;
  const input = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState("");
  const [mismatch, setMismatch] = useState(false);
  const { busy, problem, run } = useCall(room.leave);
  const retryAt = useRetryAt(problem);

  const submit = async () => {
    const right = plain(typed) === said.word;
    setMismatch(!right);
    if (!right) return input.current?.focus();
    await run(async () => {
      await keepingPreferences(() => ask("DELETE", "/v1/me"));
      forgetErrands();
      holdBack(stage.portal.id);
      replace("");
      stage.go({ at: "address", notice: "deleted" });
    });
  };
  return (
    <Page stage={stage} heading={said.heading} above="settings">
      <p class="lead">{said.lead(me.portal.name)}</p>
      <form
        noValidate
        aria-labelledby="heading"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <div class="row">
          <label for="confirm">{said.type(said.word)}</label>
          <input
            ref={input}
            id="confirm"
            type="text"
            autocomplete="off"
            autoCapitalize="none"
            autoCorrect="off"
            spellcheck={false}
            value={typed}
            aria-invalid={mismatch ? "true" : undefined}
            aria-describedby={mismatch ? "confirm-fault" : undefined}
            onInput={({ currentTarget }) => {
              setTyped(currentTarget.value);
              setMismatch(false);
            }}
          />
          {mismatch && <Fault id="confirm-fault">{said.mismatch(said.word)}</Fault>}
        </div>
        {problem && <Trouble problem={problem} retryAt={retryAt} />}
        <Button busy={busy} look="grave">
          {said.submit}
        </Button>
      </form>
    </Page>
  );
}

/** Quotation marks and capitals are no reason to ask again. */
const plain = (typed: string) => typed.trim().replace(/^["“'「]|["”'」]$/g, "").toLowerCase();
