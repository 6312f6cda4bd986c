/** How wide and high a picture is, as the bytes say that a browser goes by. Stricter than browsers: what may mean two things says nothing. Pure. */

/** In pixels. */
export interface Sides {
  readonly width: number;
  readonly height: number;
}

export const textAt = (head: Uint8Array, from: number, length: number): string =>
  String.fromCharCode(...head.subarray(from, from + length));

export const pixelsOf = ({ width, height }: Sides): number => width * height;

/** Undefined where they are not in the head. type: of the five that `recognise` knows. */
export function sidesOf(head: Uint8Array, type: string): Sides | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  try {
    switch (type) {
      case "image/png":
        return { width: view.getUint32(16), height: view.getUint32(20) };
      case "image/gif":
        return gifSides(view);
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

/** The screen, or the first picture on it where that reaches further: browsers widen the screen then (GIF89a, 18-20). */
function gifSides(view: DataView): Sides | undefined {
  const flags = view.getUint8(10);
  let at = 13 + (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  while (view.getUint8(at) === 0x21) {
    at += 2;
    while (view.getUint8(at) > 0) at += 1 + view.getUint8(at);
    at += 1;
  }
  if (view.getUint8(at) !== 0x2c) return undefined;
  const word = (from: number): number => view.getUint16(from, true);
  return {
    width: Math.max(word(6), word(at + 1) + word(at + 5)),
    height: Math.max(word(8), word(at + 3) + word(at + 7)),
  };
}

/** The first chunk: lossy, lossless or extended (RFC 9649). */
function webpSides(head: Uint8Array, view: DataView): Sides | undefined {
  switch (textAt(head, 12, 4)) {
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

const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
/** Tables, application data and comments: all that may stand before a frame and has a length. */
const isSegment = (marker: number): boolean =>
  (marker >= 0xe0 && marker <= 0xef) || [0xc4, 0xcc, 0xdb, 0xdd, 0xfe].includes(marker);

/** The frame header (ITU-T T.81, B.2). Decoders step over other markers in ways of their own: none may stand before it. */
function jpegSides(view: DataView): Sides | undefined {
  let at = 2;
  for (;;) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const length = view.getUint16(at + 2);
    if (length < 2) return undefined;
    if (isFrame(marker)) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    if (!isSegment(marker)) return undefined;
    at += 2 + length;
  }
}

/** The largest of the pictures (`ispe`, ISO 23008-12) and tracks (`tkhd`, ISO 14496-12) inside. */
function avifSides(head: Uint8Array, view: DataView): Sides | undefined {
  if (!holdsWhole(head, view, textAt(head, 8, 4) === "avis" ? ["meta", "moov"] : ["meta"])) return undefined;
  let found: Sides | undefined;
  for (let at = head.indexOf(0x69); at >= 0; at = head.indexOf(0x69, at + 1)) {
    if (textAt(head, at, 4) !== "ispe") continue;
    found = larger(found, { width: view.getUint32(at + 8), height: view.getUint32(at + 12) });
  }
  for (let at = head.indexOf(0x74); at >= 0; at = head.indexOf(0x74, at + 1)) {
    if (textAt(head, at, 4) !== "tkhd") continue;
    const sides = at + (view.getUint8(at + 4) === 1 ? 92 : 80);
    found = larger(found, { width: view.getUint16(sides), height: view.getUint16(sides + 4) });
  }
  return found;
}

const larger = (one: Sides | undefined, other: Sides): Sides => (one && pixelsOf(one) > pixelsOf(other) ? one : other);

/** Whether all of these boxes stand at the top of the file, and end in the head. */
function holdsWhole(head: Uint8Array, view: DataView, names: readonly string[]): boolean {
  const missing = new Set(names);
  for (let at = 0; missing.size > 0;) {
    const size = view.getUint32(at);
    // 0 is up to the end of the file, 1 of 64 bits: neither is for what is small.
    if (size < 8 || at + size > head.length) return false;
    missing.delete(textAt(head, at + 4, 4));
    at += size;
  }
  return true;
}
