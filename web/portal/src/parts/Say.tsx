import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { Problem } from "../http.ts";
import { spokenTime, useSpeech, type Texts } from "../texts/index.ts";
import { useSecondsUntil } from "./hooks.ts";

/** What is wrong, beside what it is wrong with; read out as it appears. */
export function Fault({ id, children }: { id?: string; children: ComponentChildren }) {
  return (
    <p class="fault" role="alert" id={id}>
      {children}
    </p>
  );
}

export function Note({ children, live = false }: { children: ComponentChildren; live?: boolean }) {
  return (
    <p class="note" role={live ? "status" : undefined}>
      {children}
    </p>
  );
}

/** The moment another try makes sense, or null. */
export function useRetryAt(problem: Problem | null): number | null {
  return useMemo(() => (problem?.retryAfter && problem.status === 429 ? Date.now() + problem.retryAfter * 1000 : null), [problem]);
}

/** Own words for a problem that concerns no single field. */
export function Trouble({ problem, retryAt, id }: { problem: Problem; retryAt: number | null; id?: string }) {
  const { texts } = useSpeech();
  const seconds = useSecondsUntil(retryAt);
  // Nobody at this end can wait for a balance (F42).
  if (problem.status !== 429 || problem.body.pause === "no-balance") return <Fault {...(id ? { id } : {})}>{wordsOf(problem, texts)}</Fault>;
  const kind = problem.kind === "locked" ? "locked" : "too-many-requests";
  if (retryAt === null) return <Fault {...(id ? { id } : {})}>{texts.trouble[`${kind}-plain`]}</Fault>;
  if (seconds === 0) return <Note live>{texts.trouble["too-many-requests-now"]}</Note>;
  const say = (left: number) => texts.trouble[kind](spokenTime(left, texts));
  return (
    <Fault {...(id ? { id } : {})}>
      {/* Read out once, not at every tick. */}
      <span class="unseen">{say(problem.retryAfter ?? seconds)}</span>
      <span aria-hidden="true">{say(seconds)}</span>
    </Fault>
  );
}

function wordsOf(problem: Problem, texts: Texts): string {
  const { trouble } = texts;
  switch (problem.kind) {
    case "offline":
      return navigator.onLine ? trouble.unreachable : trouble.offline;
    case "too-many-requests":
      return trouble["no-balance"];
    case "send-failed":
    case "undeliverable":
    case "method-off":
    case "forbidden":
      return trouble[problem.kind];
    default: {
      if (problem.status === 503) return trouble.unreachable;
      const id = problem.body.requestId;
      return id ? `${trouble.unknown} ${trouble.request(id)}` : trouble.unknown;
    }
  }
}
