import { useLayoutEffect } from "preact/hooks";
import type { Stage } from "../SignIn.tsx";
import { useSpeech } from "../texts/index.ts";
import { Button } from "./Button.tsx";
import { Icon, type IconName } from "./Icon.tsx";
import { QrCode } from "./QrCode.tsx";
import { Trouble, useRetryAt } from "./Say.tsx";
import { useScan, type ShownScan } from "./useScan.ts";

/** What covers the code, by the state of the scan. */
const VEILS: Partial<Record<ShownScan["state"], IconName>> = { scanned: "phone", mustFollow: "phone", confirmed: "check", declined: "cross", expired: "clock", failed: "clock" };

/** Beside the form on a computer: a code for WeChat to scan (F16). */
export function WeChatScan({ stage }: { stage: Stage }) {
  const said = useSpeech().texts.wechat.beside;
  const scan = useScan(stage);
  const veil = VEILS[scan.state];
  const retryAt = useRetryAt(scan.problem ?? null);
  const ended = scan.state === "expired" || scan.state === "declined" || scan.state === "failed";
  useLayoutEffect(() => {
    document.documentElement.classList.add("two-ways");
    return () => document.documentElement.classList.remove("two-ways");
  }, []);
  return (
    <section class="scan" aria-labelledby="scan-heading">
      <h2 id="scan-heading" class="section">
        {said.heading}
      </h2>
      <div class={veil ? "scan-code veiled" : "scan-code"}>
        {scan.url ? <QrCode text={scan.url} label={said.qr} /> : <div class="qr empty" />}
        {veil && (
          <span class="veil">
            <Icon name={veil} />
          </span>
        )}
      </div>
      {scan.problem ? (
        <Trouble problem={scan.problem} retryAt={retryAt} />
      ) : (
        <p class="hint" role="status">
          {said.states[scan.state === "failed" ? "expired" : scan.state]}
        </p>
      )}
      {ended && (
        <Button type="button" look="quiet" onClick={scan.renew}>
          {said.renew}
        </Button>
      )}
    </section>
  );
}
