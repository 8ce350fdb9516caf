import { useState } from "preact/hooks";
import type { Part } from "../agreement.ts";
import type { Agreement } from "../portal.ts";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";
import { AgreementDialog } from "./AgreementDialog.tsx";
import { Fault } from "./Say.tsx";

interface Props {
  stage: Stage;
  parts: Pick<Agreement, Part>;
  checked: boolean;
  faulty: boolean;
  onTick: (checked: boolean) => void;
}

/** "I agree to the … and …": the names open the texts, the box is never ticked by itself (F10). */
export function AgreementTick({ stage, parts, checked, faulty, onTick }: Props) {
  const said = useSpeech().texts.agreement;
  const [shown, setShown] = useState<Part | null>(null);
  const names = (["terms", "privacy"] as const).filter((part) => parts[part]);
  return (
    <div class="row">
      <div class="agree">
        <label class="tick" for="agree">
          <input
            type="checkbox"
            id="agree"
            checked={checked}
            aria-labelledby="agree-words"
            aria-required="true"
            aria-invalid={faulty ? "true" : undefined}
            aria-describedby={faulty ? "agree-fault" : undefined}
            onChange={({ currentTarget }) => onTick(currentTarget.checked)}
          />
          <span class="mark" aria-hidden="true" />
        </label>
        <p id="agree-words" class="agree-words">
          <label for="agree">{said.agree}</label>{said.space}
          {names.map((part, index) => (
            <span key={part}>
              {index > 0 && `${said.space}${said.and}${said.space}`}
              <button type="button" class="link" aria-haspopup="dialog" onClick={() => setShown(part)}>
                {said[`${part}Link`]}
              </button>
            </span>
          ))}
        </p>
      </div>
      {faulty && <Fault id="agree-fault">{said.missing}</Fault>}
      {shown && <AgreementDialog stage={stage} part={shown} onClose={() => setShown(null)} />}
    </div>
  );
}
