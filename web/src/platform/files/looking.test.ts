/** Files before they are sent: who is told that one of them may say more than it shows. */
import { expect, test } from "vitest";
import type { OutFile } from "../../core/api.ts";
import { lookAt, type Looked } from "./looking.ts";

const look = (data: BlobPart, type = ""): Promise<Looked> => {
  const blob = new Blob([data], { type });
  const plain: OutFile = { blob, name: "a", type: type || "application/octet-stream", look: null };
  return lookAt(blob, plain);
};

test.each<[string, BlobPart]>([
  ["a HEIC without a type", "\0\0\0\x18ftypheic\0\0\0\0"],
  ["a TIFF or a camera's own format", "II*\0\x08\0\0\0"],
  ["a JPEG XL", Uint8Array.of(0xff, 0x0a, 0xfa, 0x7f)],
  ["a document", "%PDF-1.7\0"],
  ["bytes that are no text", Uint8Array.of(0x80, 0x80)],
  ["a telephone's recording", "\0\0\0\x18ftypM4A \0\0\0\0"],
  ["a GIF, with its comments", "GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0"],
  ["a picture that cannot be drawn here", Uint8Array.of(0xff, 0xd8, 0xff, 0xe1)],
])("%s may tell where it was made", async (_, data) => {
  expect(await look(data)).toMatchObject({ tells: true, plain: { look: null } });
});

test.each<[string, BlobPart, string]>([
  ["text", "مرحبا, привет", "text/plain"],
  // The head ends within a letter.
  ["long text", "я".repeat(200_000).replace("я", "aя"), ""],
  ["a drawing", "<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"],
  ["nothing", "", ""],
  ["sound", "OggS", "audio/ogg"],
])("%s says no more than it shows", async (_, data, type) => {
  expect((await look(data, type)).tells).toBe(false);
});
