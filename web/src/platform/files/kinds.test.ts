/** Files by their first bytes: what may be shown, what may be played, what is only handed over. */
import { expect, test } from "vitest";
import { MOST_PIXELS, recognise } from "./kinds.ts";
import { sidesOf } from "./sides.ts";

const bytes = (...parts: (string | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...part].map((c) => c.charCodeAt(0)) : part)));
const be16 = (n: number): number[] => [n >> 8, n & 255];
const be32 = (n: number): number[] => [...be16(n >>> 16), ...be16(n & 0xffff)];
const le16 = (n: number): number[] => be16(n).reverse();

const png = (width: number, height: number): Uint8Array =>
  bytes([0x89], "PNG\r\n", [0x1a, 0x0a], be32(13), "IHDR", be32(width), be32(height), [8, 6, 0, 0, 0]);
const jpeg = (width: number, height: number): Uint8Array =>
  bytes(
    [0xff, 0xd8, 0xff, 0xe1],
    be16(10),
    "Exif\0\0\0\0",
    [0xff, 0xc0],
    be16(17),
    [8],
    be16(height),
    be16(width),
    [3],
  );

/** left, top, width, height of the first picture. */
const gif = (screen: [number, number], first: [number, number, number, number], more: number[] = []): Uint8Array =>
  bytes("GIF89a", screen.flatMap(le16), [0x80, 0, 0], [1, 2, 3, 4, 5, 6], more, [0x2c], first.flatMap(le16), [0]);
const box = (name: string, ...parts: (string | readonly number[])[]): number[] => {
  const inside = [...bytes(...parts)];
  return [...be32(inside.length + 8), ...bytes(name), ...inside];
};
const ispe = (width: number, height: number): number[] => box("ispe", be32(0), be32(width), be32(height));
const avif = (...boxes: number[][]): Uint8Array => bytes(box("ftyp", "avif", be32(0)), ...boxes);

test("raster pictures are shown, by our word for their type", () => {
  expect(recognise(png(640, 480), "text/html")).toEqual({ kind: "image", type: "image/png", pixels: 640 * 480 });
  expect(recognise(jpeg(640, 480), "")).toEqual({ kind: "image", type: "image/jpeg", pixels: 640 * 480 });
  expect(recognise(gif([3, 4], [0, 0, 3, 4]), "")).toEqual({ kind: "image", type: "image/gif", pixels: 12 });
  const webp = bytes("RIFF", be32(0), "WEBPVP8 ", be32(0), [0, 0, 0, 0x9d, 0x01, 0x2a], le16(320), le16(200));
  expect(recognise(webp, "")).toEqual({ kind: "image", type: "image/webp", pixels: 64_000 });
  expect(sidesOf(webp, "image/webp")).toEqual({ width: 320, height: 200 });
  const extended = bytes("RIFF", be32(0), "WEBPVP8X", be32(0), be32(0), [0xff, 0x0f, 0, 0xff, 0x07, 0]);
  expect(sidesOf(extended, "image/webp")).toEqual({ width: 4096, height: 2048 });
  expect(recognise(avif(box("meta", ispe(100, 50))), "")).toEqual({
    ...{ kind: "image", type: "image/avif", pixels: 5_000 },
  });
});

test("sides are those of the frame, behind whatever stands before it", () => {
  expect(sidesOf(jpeg(4000, 3000), "image/jpeg")).toEqual({ width: 4000, height: 3000 });
  expect(sidesOf(jpeg(4000, 3000).subarray(0, 20), "image/jpeg")).toBeUndefined();
});

test.each([[0x00], [0x01], [0xd0], [0xd7], [0xd8], [0xdc]])(
  "a marker without a length (%i) hides no frame",
  (marker) => {
    const real = [0xff, 0xc2, ...be16(17), 8, ...be16(11_500), ...be16(11_500)];
    // Read as a length, the real frame's marker leads to the decoy.
    const file = bytes([0xff, 0xd8, 0xff, marker], real, Array<number>(0xffc2 - 7).fill(0), [...jpeg(1, 1)].slice(2));
    expect(recognise(file, "").kind).toBe("other");
  },
);

test("a length below two leads nowhere", () => {
  const file = bytes([0xff, 0xd8, 0xff, 0xe1, 0, 0], [...jpeg(1, 1)].slice(2));
  expect(sidesOf(file, "image/jpeg")).toBeUndefined();
});

test("a GIF is as large as its screen or its first picture, whichever reaches further", () => {
  const comment = [0x21, 0xfe, 2, 0x2c, 0x2c, 1, 0x2c, 0];
  expect(sidesOf(gif([1, 1], [0, 0, 11_520, 11_520], comment), "image/gif")).toEqual({ width: 11_520, height: 11_520 });
  expect(sidesOf(gif([100, 200], [90, 0, 20, 10]), "image/gif")).toEqual({ width: 110, height: 200 });
  expect(recognise(gif([1, 1], [0, 0, 11_520, 11_520]), "").kind).toBe("other");
  expect(recognise(gif([1, 1], [0, 0, 1, 1]).subarray(0, 20), "").kind).toBe("other");
});

test("an AVIF is as large as the largest picture that it describes, and describes it in the head", () => {
  const far = avif(box("meta", ispe(1, 1), box("free", Array<number>(5_000).fill(0)), ispe(11_520, 11_520)));
  expect(sidesOf(far, "image/avif")).toEqual({ width: 11_520, height: 11_520 });
  expect(recognise(far, "").kind).toBe("other");
  const cut = avif(box("meta", ispe(1, 1), box("free", Array<number>(100).fill(0)))).subarray(0, 100);
  expect(recognise(cut, "").kind).toBe("other");
  // ispe in a box of another kind, and no meta at all
  expect(recognise(avif(box("free", ispe(1, 1))), "").kind).toBe("other");
  const track = box("tkhd", Array<number>(76).fill(0), be16(9_000), be16(0), be16(9_000), be16(0));
  const moving = bytes(box("ftyp", "avis", be32(0)), box("meta", ispe(1, 1)), box("moov", track));
  expect(sidesOf(moving, "image/avif")).toEqual({ width: 9_000, height: 9_000 });
  expect(9_000 * 9_000).toBeGreaterThan(MOST_PIXELS);
});

test("markup, scripts, programs and what only claims to be a picture are files", () => {
  for (const file of ["<svg xmlns='http://www.w3.org/2000/svg'>", "<!doctype html>", "MZ", "%PDF-1.7", "#!/bin/sh", ""])
    expect(recognise(bytes(file), "image/png").kind).toBe("other");
  expect(recognise(bytes([0x89], "PNG\r\n", [0x1a, 0x0a]), "image/png").kind).toBe("other");
});

test("a picture that asks for more memory than there is stays a file", () => {
  expect(recognise(png(30_000, 30_000), "image/png").kind).toBe("other");
  expect(recognise(png(0xffffffff, 0xffffffff), "image/png").kind).toBe("other");
});

test("sound and video by their containers; the sender's word decides between the two of one", () => {
  const webm = bytes([0x1a, 0x45, 0xdf, 0xa3, 0x9f, 0x42, 0x82, 0x84], "webm");
  expect(recognise(webm, "audio/webm")).toEqual({ kind: "audio", type: "audio/webm" });
  expect(recognise(webm, "video/webm")).toEqual({ kind: "video", type: "video/webm" });
  expect(recognise(bytes([0x1a, 0x45, 0xdf, 0xa3], "matroska"), "video/webm").kind).toBe("other");
  expect(recognise(bytes(be32(24), "ftypisom"), "text/html")).toEqual({ kind: "video", type: "video/mp4" });
  expect(recognise(bytes(be32(24), "ftypM4A "), "")).toEqual({ kind: "audio", type: "audio/mp4" });
  expect(recognise(bytes(be32(24), "ftypheic"), "image/heic").kind).toBe("other");
  expect(recognise(bytes("OggS"), "").type).toBe("audio/ogg");
  expect(recognise(bytes("ID3", [4]), "").type).toBe("audio/mpeg");
  expect(recognise(bytes("RIFF", be32(0), "WAVE"), "").type).toBe("audio/wav");
});
