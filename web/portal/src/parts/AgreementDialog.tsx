import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { agreementsOf, type AgreementText, type Part } from "../agreement.ts";
import { Problem } from "../http.ts";
import { rich } from "../rich.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";
import { Button } from "./Button.tsx";
import { Icon } from "./Icon.tsx";
import { Trouble } from "./Say.tsx";

/** A text of the agreement over the page; Escape, the cross and the ground around it close it. */
export function AgreementDialog({ stage, part, onClose }: { stage: Stage; part: Part; onClose: () => void }) {
  const { texts } = useSpeech();
  const said = texts.agreement;
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState<AgreementText | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);

  const load = () => {
    setProblem(null);
    agreementsOf(stage.portal).then(
      (agreements) => {
        setText(agreements[part] ?? { title: said[part], html: "" });
        // What counts is the version that is read, also when it has changed since the page was opened.
        stage.agreementIs(agreements.version);
      },
      (failure) => setProblem(failure instanceof Problem ? failure : new Problem("unknown", 0)),
    );
  };
  useEffect(load, []);
  useLayoutEffect(() => {
    const before = document.activeElement;
    // Safari before 15.4 knows no dialogs; there it lies over the page all the same.
    if (dialog.current?.showModal) dialog.current.showModal();
    else dialog.current?.setAttribute("open", "");
    return () => before instanceof HTMLElement && before.focus();
  }, []);

  const content = useMemo(() => text && rich(text.html), [text]);
  return (
    <dialog
      ref={dialog}
      class="paper"
      aria-labelledby="paper-title"
      onClose={onClose}
      onClick={(event) => event.target === event.currentTarget && onClose()}
    >
      <header class="paper-top">
        <h2 id="paper-title">{text?.title ?? said[part]}</h2>
        <button type="button" class="icon-button" aria-label={said.close} onClick={onClose}>
          <Icon name="cross" />
        </button>
      </header>
      {/* Scrolls by keyboard too, hence the tab stop. */}
      <div class="paper-text" tabIndex={0} role="region" aria-labelledby="paper-title">
        {content}
        {!text && !problem && (
          <p class="loading" role="status">
            {texts.busy}
          </p>
        )}
        {problem && (
          <>
            <Trouble problem={problem} retryAt={null} />
            <Button type="button" look="quiet" onClick={load}>
              {said.again}
            </Button>
          </>
        )}
      </div>
    </dialog>
  );
}
