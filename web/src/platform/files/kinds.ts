/** What a file is by its first bytes. Its name and its sender's word for it are believed nowhere. Pure. */
import { pixelsOf, sidesOf, textAt } from "./sides.ts";

export type FileKind = "image" | "video" | "audio" | "other";

/** type: ours for what was recognised, so that no sender chooses what a browser takes a file for. */
export interface Recognised {
  readonly kind: FileKind;
  readonly type: string;
  /** Of a picture, width by height. */
  readonly pixels?: number;
}

/** A picture of more pixels is not drawn: a small file can ask for more memory than there is. */
export const MOST_PIXELS = 64_000_000;

export const OTHER: Recognised = { kind: "other", type: "application/octet-stream" };

const starts = (head: Uint8Array, ...bytes: number[]): boolean => bytes.every((byte, at) => head[at] === byte);

/** claimed: content type by its sender; it only decides between sound and video of one container. */
export function recognise(head: Uint8Array, claimed: string): Recognised {
  const image = imageType(head);
  if (image !== undefined) {
    const sides = sidesOf(head, image);
    const pixels = sides ? pixelsOf(sides) : Number.POSITIVE_INFINITY;
    return pixels <= MOST_PIXELS ? { kind: "image", type: image, pixels } : OTHER;
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
  if (["GIF87a", "GIF89a"].includes(textAt(head, 0, 6))) return "image/gif";
  if (textAt(head, 0, 4) === "RIFF" && textAt(head, 8, 4) === "WEBP") return "image/webp";
  if (textAt(head, 4, 4) === "ftyp" && ["avif", "avis"].includes(textAt(head, 8, 4))) return "image/avif";
  return undefined;
}

/** Brands of ISO 14496-12 that browsers play. */
const VIDEO_BRANDS = /^(isom|iso[2-9]|mp4[12]|avc1|dash|M4V |MSNV|3gp\d|qt {2})$/;

function mediaType(head: Uint8Array): string | undefined {
  const start = textAt(head, 0, 4);
  if (start === "RIFF" && textAt(head, 8, 4) === "WAVE") return "audio/wav";
  if (start === "OggS") return "audio/ogg";
  if (start === "fLaC") return "audio/flac";
  if (textAt(head, 0, 3) === "ID3" || (starts(head, 0xff) && [0xfb, 0xf3, 0xf2].includes(head[1] ?? 0)))
    return "audio/mpeg";
  if (starts(head, 0xff) && [0xf1, 0xf9].includes(head[1] ?? 0)) return "audio/aac";
  if (starts(head, 0x1a, 0x45, 0xdf, 0xa3)) return textAt(head, 0, 64).includes("webm") ? "video/webm" : undefined;
  if (textAt(head, 4, 4) !== "ftyp") return undefined;
  const brand = textAt(head, 8, 4);
  if (["M4A ", "M4B "].includes(brand)) return "audio/mp4";
  return VIDEO_BRANDS.test(brand) ? "video/mp4" : undefined;
}
