import { useEffect, useRef } from "preact/hooks";
import { ask, Problem } from "./http.ts";
import type { Session } from "./portal.ts";
import { useRoute } from "./route.ts";
import { Settings } from "./settings/Settings.tsx";
import type { Stage } from "./SignIn.tsx";
import { Home } from "./steps/Home.tsx";

/** Signed in: the home page, and the personal settings below it. */
export function Inside({ stage, session }: { stage: Stage; session: Session }) {
  const route = useRoute();
  const first = useRef(route);
  const wandered = useRef(false);
  if (route !== first.current) wandered.current = true;
  useStillSignedIn(stage);
  const moved = { ...stage, moved: stage.moved || wandered.current };
  if (route.split("/")[0] === "settings") return <Settings stage={moved} session={session} route={route} />;
  return <Home stage={moved} session={session} />;
}

/** Signing out elsewhere, an end of time or a disabled account (F28) shows as soon as the person looks again. */
function useStillSignedIn(stage: Stage): void {
  const now = useRef(stage);
  now.current = stage;
  useEffect(() => {
    const look = async () => {
      if (document.visibilityState !== "visible") return;
      try {
        now.current.go({ at: "home", session: await ask<Session>("GET", "/v1/session") });
      } catch (failure) {
        const refused = failure instanceof Problem && (failure.status === 401 || failure.status === 403);
        if (refused && !now.current.leave(failure)) now.current.go({ at: "address", notice: "ended" });
      }
    };
    const listen = () => void look();
    document.addEventListener("visibilitychange", listen);
    return () => document.removeEventListener("visibilitychange", listen);
  }, []);
}
