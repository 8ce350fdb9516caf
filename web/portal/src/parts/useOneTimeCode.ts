import { useEffect } from "preact/hooks";
import { codeOf } from "../digits.ts";
import type { Channel } from "../portal.ts";

type OneTimeCredential = Credential & { code: string };

/** A code on its way. */
export interface Awaited {
  channel: Channel;
  flow: string;
}

/** Takes the code out of the text message where the browser can (WebOTP); anew for each code sent. */
export function useOneTimeCode(awaited: Awaited | null, onCode: (code: string) => void): void {
  useEffect(() => {
    if (awaited?.channel !== "sms" || !("OTPCredential" in window)) return;
    const stop = new AbortController();
    const wanted = { otp: { transport: ["sms"] }, signal: stop.signal } as CredentialRequestOptions;
    navigator.credentials.get(wanted).then(
      (credential) => credential && onCode(codeOf((credential as OneTimeCredential).code)),
      // Refused, timed out or unsupported here: the person types it.
      () => {},
    );
    return () => stop.abort();
  }, [awaited?.channel, awaited?.flow]);
}
