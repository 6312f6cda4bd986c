/** What a file is by its first bytes. Its name and its sender's word for it are believed nowhere. Pure. */

export type FileKind = "image" | "video" | "audio" | "other";

/** type: ours for what was recognised, so that no sender chooses what a browser takes a file for. */
export interface Recognised {
  readonly kind: FileKind;
  readonly type: string;
}

/** Bytes of a file's beginning that are looked at. */
export const HEAD_BYTES = 256 * 1024;
/** A picture of more pixels is not drawn: a small file can ask for more memory than there is. */
export const MOST_PIXELS = 64_000_000;

const OTHER: Recognised = { kind: "other", type: "application/octet-stream" };

const text = (head: Uint8Array, from: number, length: number): string =>
  String.fromCharCode(...head.subarray(from, from + length));
const starts = (head: Uint8Array, ...bytes: number[]): boolean => bytes.every((byte, at) => head[at] === byte);

/** claimed: content type by its sender; it only decides between sound and video of one container. */
export function recognise(head: Uint8Array, claimed: string): Recognised {
  const image = imageType(head);
  if (image !== undefined) {
    const sides = sidesOf(head, image);
    return sides && sides.width * sides.height <= MOST_PIXELS ? { kind: "image", type: image } : OTHER;
  }
  const media = mediaType(head);
  if (media === undefined) return OTHER;
  if (media.startsWith("audio/")) return { kind: "audio", type: media };
  return claimed.startsWith("audio/")
    ? { kind: "audio", type: media.replace("video/", "audio/") }
    : { kind: "video", type: media };
}

function imageType(head: Uint8Array): string | undefined {
  if (starts(head, 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return "image/png";
  if (starts(head, 0xff, 0xd8, 0xff)) return "image/jpeg";
  if (["GIF87a", "GIF89a"].includes(text(head, 0, 6))) return "image/gif";
  if (text(head, 0, 4) === "RIFF" && text(head, 8, 4) === "WEBP") return "image/webp";
  if (text(head, 4, 4) === "ftyp" && ["avif", "avis"].includes(text(head, 8, 4))) return "image/avif";
  return undefined;
}

/** Brands of ISO 14496-12 that browsers play. */
const VIDEO_BRANDS = /^(isom|iso[2-9]|mp4[12]|avc1|dash|M4V |MSNV|3gp\d|qt {2})$/;

function mediaType(head: Uint8Array): string | undefined {
  const start = text(head, 0, 4);
  if (start === "RIFF" && text(head, 8, 4) === "WAVE") return "audio/wav";
  if (start === "OggS") return "audio/ogg";
  if (start === "fLaC") return "audio/flac";
  if (text(head, 0, 3) === "ID3" || (starts(head, 0xff) && [0xfb, 0xf3, 0xf2].includes(head[1] ?? 0)))
    return "audio/mpeg";
  if (starts(head, 0xff) && [0xf1, 0xf9].includes(head[1] ?? 0)) return "audio/aac";
  if (starts(head, 0x1a, 0x45, 0xdf, 0xa3)) return text(head, 0, 64).includes("webm") ? "video/webm" : undefined;
  if (text(head, 4, 4) !== "ftyp") return undefined;
  const brand = text(head, 8, 4);
  if (["M4A ", "M4B "].includes(brand)) return "audio/mp4";
  return VIDEO_BRANDS.test(brand) ? "video/mp4" : undefined;
}

interface Sides {
  readonly width: number;
  readonly height: number;
}

/** Sides in pixels as the file states them; undefined where they are not in the head. */
export function sidesOf(head: Uint8Array, type: string): Sides | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  try {
    switch (type) {
      case "image/png":
        return { width: view.getUint32(16), height: view.getUint32(20) };
      case "image/gif":
        return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
      case "image/webp":
        return webpSides(head, view);
      case "image/jpeg":
        return jpegSides(view);
      case "image/avif":
        return avifSides(head, view);
      default:
        return undefined;
    }
  } catch {
    return undefined; // it ends before it says so
  }
}

/** The first chunk: lossy, lossless or extended (RFC 9649). */
function webpSides(head: Uint8Array, view: DataView): Sides | undefined {
  switch (text(head, 12, 4)) {
    case "VP8 ":
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case "VP8X":
      return {
        width: (view.getUint32(24, true) & 0xffffff) + 1,
        height: (view.getUint16(27, true) | (view.getUint8(29) << 16)) + 1,
      };
    default:
      return undefined;
  }
}

/** The frame header, C0 to CF but for C4, C8 and CC (ITU-T T.81); what stands before it is stepped over. */
function jpegSides(view: DataView): Sides | undefined {
  let at = 2;
  for (;;) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
}

/** The largest of the pictures inside (`ispe`, ISO 23008-12). */
function avifSides(head: Uint8Array, view: DataView): Sides | undefined {
  let found: Sides | undefined;
  for (let at = 0; at < Math.min(head.length - 16, 4096); at++) {
    if (text(head, at, 4) !== "ispe") continue;
    const sides = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
    if (!found || sides.width * sides.height > found.width * found.height) found = sides;
  }
  return found;
}
