/** Side of a picture in pixels: enough for the largest place it is shown at, on the sharpest screen. */
const SIDE = 512;

export interface Squared {
  blob: Blob;
  /** As a `data:` address, which the policy lets pictures come from. */
  preview: string;
}

/** The middle square of a picture as a small JPEG, without what else the file told (where, when, with what); null when it cannot be read. */
export async function squared(file: File): Promise<Squared | null> {
  try {
    const picture = await decoded(await readAsData(file));
    const side = Math.min(picture.naturalWidth, picture.naturalHeight);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = Math.min(SIDE, side);
    const pen = canvas.getContext("2d");
    if (!pen || !side) return null;
    // Where a picture lets the ground through JPEG would be black.
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, (picture.naturalWidth - side) / 2, (picture.naturalHeight - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.86));
    return blob && { blob, preview: canvas.toDataURL("image/jpeg", 0.86) };
  } catch {
    return null;
  }
}

function readAsData(file: File): Promise<string> {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result));
    reader.onerror = () => fail(reader.error);
    reader.readAsDataURL(file);
  });
}

function decoded(source: string): Promise<HTMLImageElement> {
  return new Promise((done, fail) => {
    const picture = new Image();
    picture.onload = () => done(picture);
    picture.onerror = fail;
    picture.src = source;
  });
}
