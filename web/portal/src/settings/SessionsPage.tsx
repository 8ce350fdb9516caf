import { useEffect, useState } from "preact/hooks";
import { localMoment } from "../dates.ts";
import { deviceOf } from "../device.ts";
import { ask, Problem } from "../http.ts";
import type { SignIn } from "../me.ts";
import { Button } from "../parts/Button.tsx";
import { useCall } from "../parts/hooks.ts";
import { Icon } from "../parts/Icon.tsx";
import { Trouble } from "../parts/Say.tsx";
import { useSpeech, type Texts } from "../texts/index.ts";
import { Page, type Room } from "./Settings.tsx";

/** Where the account is signed in, and an end to any of it (F28). */
export function SessionsPage({ room }: { room: Room }) {
  const { texts } = useSpeech();
  const said = texts.settings.sessions;
  const [sessions, setSessions] = useState<SignIn[] | null>(null);
  const { busy, problem, run } = useCall(room.leave);
  const load = () => run(async () => setSessions(hereFirst((await ask<{ sessions: SignIn[] }>("GET", "/v1/me/sessions")).sessions)));
  useEffect(() => void load(), []);

  const others = sessions?.filter(({ current }) => !current) ?? [];
  const end = async (session: SignIn) => {
    await endOne(session.id);
    setSessions((known) => known && known.filter(({ id }) => id !== session.id));
  };
  const endAll = () =>
    run(async () => {
      for (const session of others) await end(session);
      room.tell(said.endedOthers);
    });

  return (
    <Page stage={room.stage} heading={said.heading} above="settings">
      <p class="lead">{said.lead}</p>
      {sessions ? (
        <>
          <ul class="sessions">
            {sessions.map((session) => (
              <SessionRow key={session.id} session={session} end={() => run(() => end(session)).then((met) => met ?? room.tell(said.ended(nameOf(session, texts))))} />
            ))}
          </ul>
          {problem && <Trouble problem={problem} retryAt={null} />}
          {others.length > 1 && (
            <Button type="button" look="quiet" busy={busy} onClick={() => void endAll()}>
              {said.endOthers}
            </Button>
          )}
          {others.length === 0 && <p class="hint centred">{said.only}</p>}
        </>
      ) : problem ? (
        <>
          <Trouble problem={problem} retryAt={null} />
          <Button type="button" look="quiet" onClick={() => void load()}>
            {texts.settings.again}
          </Button>
        </>
      ) : (
        <p class="loading" role="status">
          {texts.settings.loading}
        </p>
      )}
    </Page>
  );
}

function SessionRow({ session, end }: { session: SignIn; end: () => void }) {
  const { locale, texts } = useSpeech();
  const said = texts.settings.sessions;
  const name = nameOf(session, texts);
  return (
    <li>
      <Icon name={deviceOf(session.agent).small ? "phone" : "screen"} />
      <div class="row-words">
        <strong>{name}</strong>
        {session.current && <span class="badge">{said.here}</span>}
        <small>{said.since(localMoment(session.authenticatedAt, locale))}</small>
        {session.seenAt && !session.current && <small>{said.seen(localMoment(session.seenAt, locale))}</small>}
        <small>{[said.method[session.method], session.client].filter(Boolean).join(" · ")}</small>
      </div>
      {!session.current && (
        <button type="button" class="link" aria-label={said.endLong(name)} onClick={end}>
          {said.end}
        </button>
      )}
    </li>
  );
}

function nameOf({ agent }: SignIn, texts: Texts): string {
  const said = texts.settings.sessions;
  const { browser, system } = deviceOf(agent);
  return browser && system ? said.device(browser, system) : (browser ?? system ?? said.unknown);
}

const hereFirst = (sessions: SignIn[]) => [...sessions.filter(({ current }) => current), ...sessions.filter(({ current }) => !current)];

/** One that has ended already is as ended as can be. */
async function endOne(id: string): Promise<void> {
  try {
    await ask("DELETE", `/v1/me/sessions/${encodeURIComponent(id)}`);
  } catch (failure) {
    if (!(failure instanceof Problem && failure.status === 404)) throw failure;
  }
}
