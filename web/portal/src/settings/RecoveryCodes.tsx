import { useState } from "preact/hooks";
import { Button } from "../parts/Button.tsx";
import { useArrival, useTitle } from "../parts/hooks.ts";
import { useSpeech } from "../texts/index.ts";
import type { Room } from "./Settings.tsx";

/** Shown once: to be copied, downloaded or printed. */
export function RecoveryCodes({ room, codes, done }: { room: Room; codes: string[]; done: () => void }) {
  const { texts } = useSpeech();
  const said = texts.settings.codes;
  const heading = useArrival<HTMLHeadingElement>(true);
  const [copied, setCopied] = useState<"copied" | "copyFailed" | null>(null);
  const { portal } = room.stage;
  useTitle(said.heading, portal.design.title);
  const text = `${portal.name} · ${said.heading}\n\n${codes.join("\n")}\n`;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(codes.join("\n"));
      setCopied("copied");
    } catch {
      setCopied("copyFailed");
    }
  };
  return (
    <section class="step" aria-labelledby="heading">
      <h1 id="heading" ref={heading} tabIndex={-1}>
        {said.heading}
      </h1>
      <p class="lead">{said.lead}</p>
      <ol class="recovery">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <div class="tools">
        <button type="button" class="tool" onClick={() => void copy()}>
          {said.copy}
        </button>
        <a class="tool" href={`data:text/plain;charset=utf-8,${encodeURIComponent(text)}`} download={said.file(portal.name)}>
          {said.download}
        </a>
        <button type="button" class="tool" onClick={() => print()}>
          {said.print}
        </button>
      </div>
      <p class="hint centred" role="status">
        {copied && said[copied]}
      </p>
      <Button type="button" onClick={done}>
        {said.done}
      </Button>
    </section>
  );
}
