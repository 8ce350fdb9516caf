import { correction, generate } from "lean-qr/nano";
import { useMemo } from "preact/hooks";

interface Props {
  text: string;
  label: string;
  /** As a picture: what WeChat reads when it is pressed long, on the very phone that shows it. */
  pressed?: boolean;
}

/** A QR code; dark on light in both schemes, since many readers know nothing else. */
export function QrCode({ text, label, pressed = false }: Props) {
  const { size, path } = useMemo(() => {
    const dots = generate(text, { minCorrectionLevel: correction.M });
    let path = "";
    for (let y = 0; y < dots.size; y += 1) {
      for (let x = 0; x < dots.size; x += 1) if (dots.get(x, y)) path += `M${x} ${y}h1v1h-1z`;
    }
    return { size: dots.size, path };
  }, [text]);
  const picture = useMemo(() => (pressed ? pictureOf(size, path) : null), [pressed, size, path]);
  return (
    <div class={picture ? "qr picture" : "qr"}>
      {picture ? (
        <img src={picture} alt={label} width={220} height={220} />
      ) : (
        <svg viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shape-rendering="crispEdges">
          <path d={path} fill="#000" />
        </svg>
      )}
    </div>
  );
}

/** Whole pixels for a dot, and the light margin that readers want around a picture. */
const DOT = 8;
const MARGIN = 4;

function pictureOf(size: number, path: string): string | null {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = (size + 2 * MARGIN) * DOT;
  const pen = canvas.getContext("2d");
  if (!pen) return null;
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.setTransform(DOT, 0, 0, DOT, MARGIN * DOT, MARGIN * DOT);
  pen.fillStyle = "#000";
  pen.fill(new Path2D(path));
  return canvas.toDataURL("image/png");
}
