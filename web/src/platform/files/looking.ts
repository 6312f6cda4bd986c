/** What becomes of a file before it is sent: pictures drawn anew, everything else as it is, with what can be said of it. */
import type { Look, OutFile } from "../../core/api.ts";
import { measureMovie, measurePicture, shrinkPicture } from "./pictures.ts";
import { isText, recogniseFile } from "./reading.ts";

export interface Looked {
  /** What goes out where it goes as it is. */
  readonly plain: OutFile;
  /** What goes out where it goes as a picture: without anything but its pixels. */
  readonly picture?: OutFile;
  /** As it is it may say where and when it was made, or by whom. */
  readonly tells: boolean;
  /** An address to show it from. */
  readonly thumb?: string;
}

const ENDINGS: Readonly<Record<string, string>> = { "image/webp": "webp", "image/jpeg": "jpg" };

/** plain: with the content type that the browser has for it. */
export async function lookAt(file: Blob, plain: OutFile): Promise<Looked> {
  const { kind, type } = await recogniseFile(file, file.type);
  const known = kind === "other" ? plain : { ...plain, type };
  // Drawn anew it would stand still.
  if (type === "image/gif") return lookAtGif(file, known);
  if (kind === "image" || (/^image\//.test(file.type) && !file.type.includes("svg"))) return lookAtPicture(file, known);
  if (kind === "video") {
    const found = await measureMovie(file);
    return { plain: { ...known, look: found ? { kind: "video", ...found } : null }, tells: true };
  }
  // A telephone's recordings hold a place. Browsers have no word for what cameras write: only text is what it shows.
  if (kind === "audio") return { plain: known, tells: type === "audio/mp4" };
  return { plain, tells: !(await isText(file)) };
}

async function lookAtGif(file: Blob, plain: OutFile): Promise<Looked> {
  const found = await measurePicture(file);
  if (!found) return { plain, tells: true };
  const look: Look = { kind: "image", width: found.width, height: found.height, thumbhash: found.thumbhash };
  return { plain: { ...plain, look }, tells: true, thumb: URL.createObjectURL(file.slice(0, file.size, plain.type)) };
}

async function lookAtPicture(file: Blob, plain: OutFile): Promise<Looked> {
  const made = await shrinkPicture(file);
  if (!made) return { plain, tells: true };
  const { blob, width, height, thumbhash } = made;
  // A camera's name for it may hold the day: it goes without.
  const name = `photo.${ENDINGS[blob.type] ?? "jpg"}`;
  const picture: OutFile = { blob, name, type: blob.type, look: { kind: "image", width, height, thumbhash } };
  return { plain, picture, tells: true, thumb: URL.createObjectURL(blob) };
}
