import type { RefObject } from "preact";
import { kindOf, type AddressFault } from "../address.ts";
import type { Accounts } from "../portal.ts";
import { useSpeech } from "../texts/index.ts";
import { Icon } from "./Icon.tsx";
import { Fault } from "./Say.tsx";

export type AddressTrouble = AddressFault | "country-not-allowed";

interface Props {
  accounts: Accounts;
  value: string;
  /** A known trouble, or words of the caller's own. */
  fault: AddressTrouble | { words: string } | null;
  input: RefObject<HTMLInputElement | null>;
  onType: (value: string) => void;
  label?: string;
  /** In front of a password the field is the user name that password managers keep. */
  username?: boolean;
}

/** One field that knows a phone from an email (F11). */
export function AddressInput({ accounts, value, fault, input, onType, label, username = false }: Props) {
  const said = useSpeech().texts.address;
  const sort = sortOf(accounts);
  const words = fault && (typeof fault === "object" ? fault.words : said.faults[fault]);
  return (
    <div class="row">
      <label for="address">{label ?? said.label[sort]}</label>
      <div class="with-icon">
        <input
          ref={input}
          id="address"
          name="address"
          {...keyboardOf(sort)}
          {...(username ? { autocomplete: "username" } : {})}
          autoCapitalize="none"
          autoCorrect="off"
          spellcheck={false}
          maxLength={254}
          value={value}
          aria-invalid={fault ? "true" : undefined}
          aria-describedby={fault ? "address-fault" : undefined}
          onInput={({ currentTarget }) => onType(currentTarget.value)}
        />
        <Icon name={kindOf(value) ?? (sort === "both" ? "person" : sort)} />
      </div>
      {words && <Fault id="address-fault">{typeof words === "string" ? words : words[sort]}</Fault>}
    </div>
  );
}

export type Sort = "both" | "phone" | "email";

export function sortOf({ phone, email }: Accounts): Sort {
  return phone && email ? "both" : phone ? "phone" : "email";
}

/** `type="text"` throughout: the browser's own email field would rewrite or refuse full-width characters. */
function keyboardOf(sort: Sort) {
  if (sort === "phone") return { type: "text", inputMode: "tel", autocomplete: "tel" } as const;
  if (sort === "email") return { type: "text", inputMode: "email", autocomplete: "email" } as const;
  return { type: "text", inputMode: "email", autocomplete: "username" } as const;
}
