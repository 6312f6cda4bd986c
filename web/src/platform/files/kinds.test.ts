/** Files by their first bytes: what may be shown, what may be played, what is only handed over. */
import { expect, test } from "vitest";
import { recognise, sidesOf } from "./kinds.ts";

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

test("raster pictures are shown, by our word for their type", () => {
  expect(recognise(png(640, 480), "text/html")).toEqual({ kind: "image", type: "image/png" });
  expect(recognise(jpeg(640, 480), "")).toEqual({ kind: "image", type: "image/jpeg" });
  expect(recognise(bytes("GIF89a", le16(3), le16(4)), "")).toEqual({ kind: "image", type: "image/gif" });
  const webp = bytes("RIFF", be32(0), "WEBPVP8 ", be32(0), [0, 0, 0, 0x9d, 0x01, 0x2a], le16(320), le16(200));
  expect(recognise(webp, "")).toEqual({ kind: "image", type: "image/webp" });
  expect(sidesOf(webp, "image/webp")).toEqual({ width: 320, height: 200 });
  const extended = bytes("RIFF", be32(0), "WEBPVP8X", be32(0), be32(0), [0xff, 0x0f, 0, 0xff, 0x07, 0]);
  expect(sidesOf(extended, "image/webp")).toEqual({ width: 4096, height: 2048 });
  const avif = bytes(be32(28), "ftypavif", be32(0), be32(20), "ispe", be32(0), be32(100), be32(50), be32(0), be32(0));
  expect(recognise(avif, "")).toEqual({ kind: "image", type: "image/avif" });
});

test("sides are those of the frame, behind whatever stands before it", () => {
  expect(sidesOf(jpeg(4000, 3000), "image/jpeg")).toEqual({ width: 4000, height: 3000 });
  expect(sidesOf(jpeg(4000, 3000).subarray(0, 20), "image/jpeg")).toBeUndefined();
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
