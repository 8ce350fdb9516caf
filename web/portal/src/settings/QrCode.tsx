import { correction, generate } from "lean-qr/nano";
import { useMemo } from "preact/hooks";

/** A QR code as one path; dark on light in both schemes, since many readers know nothing else. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const { size, path } = useMemo(() => {
    const dots = generate(text, { minCorrectionLevel: correction.M });
    let path = "";
    for (let y = 0; y < dots.size; y += 1) {
      for (let x = 0; x < dots.size; x += 1) if (dots.get(x, y)) path += `M${x} ${y}h1v1h-1z`;
    }
    return { size: dots.size, path };
  }, [text]);
  return (
    <div class="qr">
      <svg viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shape-rendering="crispEdges">
        <path d={path} fill="#000" />
      </svg>
    </div>
  );
}
