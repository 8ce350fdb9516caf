import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ask, Problem } from "../http.ts";
import type { Me } from "../me.ts";
import { Button } from "../parts/Button.tsx";
import { useArrival, useTitle } from "../parts/hooks.ts";
import { Icon } from "../parts/Icon.tsx";
import { Trouble } from "../parts/Say.tsx";
import type { Session } from "../portal.ts";
import { leaveTo } from "../route.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";
import { AddressPage } from "./AddressPage.tsx";
import { AuthenticatorPage } from "./AuthenticatorPage.tsx";
import { DeletePage } from "./DeletePage.tsx";
import { forgetErrands } from "./errand.ts";
import { Overview } from "./Overview.tsx";
import { PasswordPage } from "./PasswordPage.tsx";
import { ProfilePage } from "./ProfilePage.tsx";
import { SessionsPage } from "./SessionsPage.tsx";
import { WeChatPage } from "./WeChatPage.tsx";

/** What every page of the settings is given. */
export interface Room {
  stage: Stage;
  me: Me;
  /** Takes in what the server now knows. */
  learn: (me: Me) => void;
  /** Says what was done, where it stays to be read. */
  tell: (words: string | null) => void;
  /** Back to the overview, with a word about what was done. */
  done: (words: string) => void;
  leave: (problem: Problem) => boolean;
}

const PAGES: Record<string, (room: Room) => ComponentChildren> = {
  settings: (room) => <Overview room={room} />,
  "settings/profile": (room) => <ProfilePage room={room} />,
  "settings/phone": (room) => <AddressPage key="phone" room={room} kind="phone" />,
  "settings/email": (room) => <AddressPage key="email" room={room} kind="email" />,
  "settings/password": (room) => <PasswordPage room={room} />,
  "settings/authenticator": (room) => <AuthenticatorPage room={room} />,
  "settings/wechat": (room) => <WeChatPage room={room} />,
  "settings/sessions": (room) => <SessionsPage room={room} />,
  "settings/delete": (room) => <DeletePage room={room} />,
};

/** The personal settings (F80): an overview, and a page for each thing to change. */
export function Settings({ stage, session, route }: { stage: Stage; session: Session; route: string }) {
  const { texts } = useSpeech();
  const said = texts.settings;
  const [me, setMe] = useState<Me | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [word, setWord] = useState<string | null>(null);
  const done = useRef(false);

  const leave = (met: Problem) => {
    if (met.status === 401) {
      forgetErrands();
      stage.go({ at: "address", notice: "ended" });
      return true;
    }
    return met.kind === "disabled" || met.kind === "portal-off" ? stage.leave(met) : false;
  };
  const load = async () => {
    setProblem(null);
    try {
      setMe(await ask<Me>("GET", "/v1/me"));
    } catch (failure) {
      const met = failure instanceof Problem ? failure : new Problem("unknown", 0);
      if (!leave(met)) setProblem(met);
    }
  };
  useEffect(() => void load(), []);
  useLayoutEffect(() => {
    document.documentElement.classList.add("from-top");
    return () => document.documentElement.classList.remove("from-top");
  }, []);
  // A word about what was done stays for one page.
  useEffect(() => {
    if (!done.current) setWord(null);
    done.current = false;
  }, [route]);

  const room: Room | null = me && {
    stage,
    me,
    learn: (now) => {
      setMe(now);
      stage.go({ at: "home", session: { ...session, user: { ...session.user, ...now.user } } });
    },
    tell: setWord,
    done: (words) => {
      done.current = true;
      setWord(words);
      leaveTo("settings");
    },
    leave,
  };
  const page = PAGES[route] ?? PAGES["settings"]!;
  return (
    <>
      <div class="told" role="status">
        {word && <p class="note">{word}</p>}
      </div>
      {room ? (
        page(room)
      ) : (
        <Page stage={stage} heading={said.heading} above="">
          {problem ? (
            <>
              <Trouble problem={problem} retryAt={null} />
              <Button type="button" look="quiet" onClick={() => void load()}>
                {said.again}
              </Button>
            </>
          ) : (
            <p class="loading" role="status">
              {said.loading}
            </p>
          )}
        </Page>
      )}
    </>
  );
}

/** The way back and the heading of a page. */
export function Head({ stage, heading, above, focus = true }: { stage: Stage; heading: string; above: string; focus?: boolean }) {
  const said = useSpeech().texts.settings;
  const title = useArrival<HTMLHeadingElement>(stage.moved && focus);
  useTitle(heading, stage.portal.design.title);
  return (
    <div class="head">
      <a
        class="icon-button"
        href={`#${above}`}
        aria-label={above ? said.back : said.home}
        onClick={(event) => {
          event.preventDefault();
          leaveTo(above);
        }}
      >
        <Icon name="back" />
      </a>
      <h1 id="heading" ref={title} tabIndex={-1}>
        {heading}
      </h1>
    </div>
  );
}

interface PageProps {
  stage: Stage;
  heading: string;
  above: string;
  children: ComponentChildren;
}

export function Page({ stage, heading, above, children }: PageProps) {
  return (
    <section class="step" aria-labelledby="heading">
      <Head stage={stage} heading={heading} above={above} />
      {children}
    </section>
  );
}
