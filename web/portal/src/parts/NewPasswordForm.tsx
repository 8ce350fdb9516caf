import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Sent } from "../codes.ts";
import { CODE_LENGTH, lengthOf } from "../digits.ts";
import type { Problem } from "../http.ts";
import { useSpeech, type Texts } from "../texts/index.ts";
import { Button } from "./Button.tsx";
import { CodeInput } from "./CodeInput.tsx";
import { useCall, useSecondsUntil } from "./hooks.ts";
import { PasswordInput } from "./PasswordInput.tsx";
import { Trouble, useRetryAt, Fault } from "./Say.tsx";
import { codeFault, Resend } from "./SentCode.tsx";
import { useOneTimeCode } from "./useOneTimeCode.ts";

export type Proof = { code: string } | { current: string };

interface Props {
  /** Heading and what else stands above the fields. */
  intro: ComponentChildren;
  /** The account, for password managers; not shown. */
  username: string;
  least: number;
  /** The code that proves who is there; without it the current password does. */
  sent?: Sent | undefined;
  resend?: () => Promise<void>;
  submit: string;
  save: (proof: Proof, password: string) => Promise<void>;
  leave: (problem: Problem) => boolean;
  /** Between the fields and the button. */
  ticks?: ComponentChildren;
  children?: ComponentChildren;
}

interface Faults {
  code?: string | null;
  current?: string | null;
  password?: string | null;
}

/** A new password, with the proof that it may be set: in one form, so that nothing is typed twice when either is wrong (F14). */
export function NewPasswordForm({ intro, username, least, sent, resend, submit, save, leave, ticks, children }: Props) {
  const { texts } = useSpeech();
  const said = texts.password;
  const [code, setCode] = useState("");
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const [needed, setNeeded] = useState(least);
  const [faults, setFaults] = useState<Faults>({});
  const [resent, setResent] = useState(false);
  const inputs = { code: useRef<HTMLInputElement>(null), current: useRef<HTMLInputElement>(null), password: useRef<HTMLInputElement>(null) };
  const { busy, problem, setProblem, run } = useCall(leave);
  const retryAt = useRetryAt(problem);
  const wait = useSecondsUntil(retryAt);
  useEffect(() => (sent ? inputs.code : inputs.current).current?.focus(), []);

  const show = (found: Faults) => {
    setFaults(found);
    const first = (["code", "current", "password"] as const).find((name) => found[name]);
    if (first) inputs[first].current?.focus();
    return Boolean(first);
  };
  const edit = (name: keyof Faults) => {
    setFaults(({ [name]: _, ...others }) => others);
    setProblem(null);
    setResent(false);
  };
  const enterCode = (entered: string) => {
    setCode(entered);
    edit("code");
    if (entered.length === CODE_LENGTH && !password) inputs.password.current?.focus();
  };
  useOneTimeCode(sent ?? null, enterCode);

  const send = async () => {
    const found: Faults = {
      ...(sent && code.length < CODE_LENGTH ? { code: texts.code.incomplete } : {}),
      ...(!sent && !current ? { current: said.empty } : {}),
      password: password ? tooShort(password, needed, texts) : said.emptyFresh,
    };
    if (show(found)) return;
    const met = await run(() => save(sent ? { code } : { current }, password));
    if (!met) return;
    const most = met.body.minLength ?? needed;
    setNeeded(most);
    show({
      code: codeFault(met, texts),
      current: met.kind === "password-wrong" ? said.wrongCurrent : null,
      password: passwordFault(met, most, texts),
    });
  };

  const placed = Boolean(faults.code || faults.current || faults.password);
  return (
    <form
      class="step"
      noValidate
      aria-labelledby="heading"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {intro}
      {/* Password managers keep a password together with the account it is for. */}
      <input hidden type="text" name="username" autocomplete="username" value={username} readOnly />
      {sent ? (
        <div class="row">
          <label for="code">{texts.code.label}</label>
          <CodeInput input={inputs.code} value={code} locked={busy} faulty={Boolean(faults.code)} describedBy={faults.code ? "code-fault sent" : "sent"} onCode={enterCode} />
          {faults.code && <Fault id="code-fault">{faults.code}</Fault>}
        </div>
      ) : (
        <PasswordInput
          id="current"
          label={said.current}
          value={current}
          fault={faults.current ?? null}
          input={inputs.current}
          onType={(value) => {
            setCurrent(value);
            edit("current");
          }}
        />
      )}
      <PasswordInput
        id="password"
        label={said.fresh}
        value={password}
        fault={faults.password ?? null}
        input={inputs.password}
        least={needed}
        onType={(value) => {
          setPassword(value);
          edit("password");
        }}
      />
      {ticks}
      {problem && !placed && <Trouble problem={problem} retryAt={retryAt} />}
      <Button busy={busy} blocked={problem?.kind === "locked" && wait > 0}>
        {submit}
      </Button>
      {sent && resend && (
        <Resend
          sent={sent}
          resent={resent}
          leave={leave}
          resend={async () => {
            await resend();
            setCode("");
            setFaults({});
            setProblem(null);
            setResent(true);
          }}
        />
      )}
      {children}
    </form>
  );
}

function tooShort(password: string, least: number, texts: Texts): string | null {
  return lengthOf(password) < least ? texts.password["too-short"](least) : null;
}

/** Words for what the server says of the new password, or null when it says nothing. */
function passwordFault(problem: Problem, least: number, texts: Texts): string | null {
  const said = texts.password;
  const pointed = problem.body.errors?.find(({ pointer }) => pointer === "/password");
  switch (pointed?.code) {
    case undefined:
      return null;
    case "too-short":
      return said["too-short"](least);
    case "too-common":
    case "too-long":
      return said[pointed!.code as "too-common" | "too-long"];
    default:
      return said.invalid;
  }
}
