import type { ComponentChildren } from "preact";
import { useSpeech } from "../texts/index.ts";

interface Props {
  children: ComponentChildren;
  busy?: boolean;
  /** Stays focusable: a button that vanishes from under the focus loses the person's place. */
  blocked?: boolean;
  type?: "submit" | "button";
  look?: "main" | "quiet" | "grave";
  onClick?: () => void;
}

export function Button({ children, busy = false, blocked = false, type = "submit", look = "main", onClick }: Props) {
  const { texts } = useSpeech();
  return (
    <button
      type={type}
      class={`button ${look} ${busy ? "busy" : ""}`}
      aria-disabled={busy || blocked ? "true" : undefined}
      onClick={(event) => {
        if (busy || blocked) event.preventDefault();
        else onClick?.();
      }}
    >
      <span class="button-label">{children}</span>
      {busy && (
        <span class="spinner">
          <span class="unseen">{texts.busy}</span>
        </span>
      )}
    </button>
  );
}
