import { useRef, useState } from "preact/hooks";
import { ask, upload } from "../http.ts";
import type { Me } from "../me.ts";
import { Button } from "../parts/Button.tsx";
import { useCall } from "../parts/hooks.ts";
import { Fault, Trouble, useRetryAt } from "../parts/Say.tsx";
import { useSpeech } from "../texts/index.ts";
import { Portrait } from "./Portrait.tsx";
import type { Room } from "./Settings.tsx";
import { squared, type Squared } from "./squared.ts";

/** The own picture: chosen, cut square in the browser, seen, then uploaded (F80). */
export function Picture({ room }: { room: Room }) {
  const { me } = room;
  const { texts } = useSpeech();
  const said = texts.settings.picture;
  const file = useRef<HTMLInputElement>(null);
  const [chosen, setChosen] = useState<Squared | null>(null);
  const [unreadable, setUnreadable] = useState(false);
  const { busy, problem, setProblem, run } = useCall(room.leave);
  const retryAt = useRetryAt(problem);

  const choose = async (picked: File | undefined) => {
    setProblem(null);
    room.tell(null);
    const picture = picked ? await squared(picked) : null;
    setUnreadable(Boolean(picked) && !picture);
    setChosen(picture);
    if (file.current) file.current.value = "";
  };
  const use = (picture: Squared) =>
    run(async () => {
      const place = await ask<{ url: string; fields: Record<string, string>; key: string }>("POST", "/v1/me/picture", { type: picture.blob.type, bytes: picture.blob.size });
      await upload(place.url, place.fields, picture.blob);
      room.learn(await ask<Me>("PUT", "/v1/me/picture", { key: place.key }));
      setChosen(null);
      room.tell(said.saved);
    });
  const remove = () =>
    run(async () => {
      const now = await ask<Me | undefined>("DELETE", "/v1/me/picture");
      room.learn(now ?? { ...me, picture: null });
      room.tell(said.removed);
    });

  if (!me.mayChange.name) return null;
  return (
    <div class="picture-row">
      <div class="who">
        <Portrait me={me} preview={chosen?.preview ?? null} />
        {chosen ? (
          <span role="status">{said.preview}</span>
        ) : (
          <>
            <label class="file">
              <input type="file" accept="image/jpeg,image/png,image/webp" ref={file} onChange={({ currentTarget }) => void choose(currentTarget.files?.[0])} />
              <span>{me.picture ? said.change : said.choose}</span>
            </label>
            {me.picture && (
              <button type="button" class="link" onClick={() => void remove()}>
                {said.remove}
              </button>
            )}
          </>
        )}
      </div>
      {(unreadable || problem?.status === 422) && <Fault>{said.unreadable}</Fault>}
      {problem && problem.status !== 422 && <Trouble problem={problem} retryAt={retryAt} />}
      {chosen && (
        <div class="pair">
          <Button type="button" busy={busy} onClick={() => void use(chosen)}>
            {said.use}
          </Button>
          <Button type="button" look="quiet" onClick={() => setChosen(null)}>
            {texts.settings.cancel}
          </Button>
        </div>
      )}
    </div>
  );
}
