/** Files and looks of messages against the vectors that Python made, and what nobody of ours writes. */
import { describe, expect, it } from "vitest";
import vectors from "../../../../vectors/service/files.json";
import { FILE_BYTES, makeRange, paddedBytes, passesFor, PASS_BYTES } from "../attachments.ts";
import { encodeHex, parseHex as hex } from "../bytes.ts";
import type { Value } from "../cbor.ts";
import { Malformed } from "../errors.ts";
import * as content from "./content.ts";
import * as files from "./files.ts";
import { type Look, LOOKS } from "./looks.ts";

const parse = (data: string) => files.parseFiles(content.parseContent(hex(data)));

/** A file of a message. */
const ONE: files.File = {
  attachment_id: new Uint8Array(16).fill(1),
  name: "a.txt",
  content_type: "text/plain",
  size: 3,
  key: new Uint8Array(32).fill(2),
  nonce: new Uint8Array(12).fill(3),
  sha256: new Uint8Array(32).fill(4),
};
const BLANK = { salt: new Uint8Array(16), extensions: new Map() };
const form = (more: Partial<files.Files> = {}): files.Files => ({
  files: [ONE],
  looks: [],
  text: "",
  reply_to: null,
  ...more,
});

describe("sizes", () => {
  it.each(vectors.padded)("%i bytes become %i", (size, padded) => {
    expect(paddedBytes(Number(size))).toBe(padded);
  });

  it("ends at 100 MiB, and an attachment takes as many passes as its size does", () => {
    expect(() => paddedBytes(FILE_BYTES + 1)).toThrow("file-too-big");
    expect([1024, PASS_BYTES, PASS_BYTES + 1, paddedBytes(FILE_BYTES)].map(passesFor)).toEqual([1, 1, 2, 25]);
    expect(makeRange(5, 10)).toBe("bytes=5-14");
  });
});

describe("bodies", () => {
  it("are what the vectors say, both ways", () => {
    for (const { text, reply_to: quoted, files: held, content: data } of vectors.messages) {
      const found = parse(data);
      expect(found).toMatchObject({ text, looks: held.map(() => null) });
      expect(found?.reply_to ? encodeHex(found.reply_to) : null).toBe(quoted);
      expect(
        found?.files.map((file) => ({
          id: encodeHex(file.attachment_id),
          name: file.name,
          type: file.content_type,
          size: file.size,
          key: encodeHex(file.key),
          nonce: encodeHex(file.nonce),
          sha256: encodeHex(file.sha256),
        })),
      ).toEqual(held);
      const { salt, extensions } = content.parseContent(hex(data));
      const again = found && files.encodeFiles(found, { salt, extensions });
      expect(again && encodeHex(content.encodeContent(again))).toBe(data);
      expect(files.readKept(hex(data))?.files.map(({ number, name }) => [number, name])).toEqual(
        held.map(({ name }, number) => [number, name]),
      );
    }
  });

  it.each(vectors.others.map(({ about, ...rest }) => [about, rest] as const))("not ours: %s", (_, vector) => {
    expect(parse(vector.content)).toBeNull();
    expect(files.readKept(hex(vector.content))).toBeUndefined();
  });

  it("hold one to ten files, a text that fits, and no edit", () => {
    const code = (made: files.Files) => () => files.encodeFiles(made, BLANK);
    expect(code(form({ files: [] }))).toThrow("too-many-files");
    expect(code(form({ files: Array.from({ length: 11 }, () => ONE) }))).toThrow("too-many-files");
    expect(code(form({ text: "ж".repeat(16_385) }))).toThrow("text-too-long");
    expect(code(form({ text: "\ud800" }))).toThrow("malformed");
    const made = files.encodeFiles(form({ text: "x" }), BLANK);
    expect(files.parseFiles({ ...made, replaces: new Uint8Array(32) })).toBeNull();
    const [part] = made.body.type === "MultiPart" ? made.body.parts : [];
    const broken = { ...part, content: Uint8Array.of(0xff) } as content.SinglePart;
    const body = { ...made.body, parts: [broken, files.encodeFile(ONE)] } as content.MultiPart;
    expect(() => files.parseFiles({ ...made, body })).toThrow(Malformed);
  });

  it("with the longest text, names and looks fit into one message", () => {
    const long = { ...ONE, name: "ж".repeat(127), content_type: "t".repeat(127), size: FILE_BYTES };
    const look: Look = { kind: "voice", duration_ms: 86_400_000, waveform: Array.from({ length: 64 }, () => 255) };
    const ten = { files: Array.from({ length: 10 }, () => long), looks: Array.from({ length: 10 }, () => look) };
    const made = files.encodeFiles(form({ ...ten, text: "x".repeat(files.CAPTION_BYTES) }), BLANK);
    const data = content.encodeContent(made);
    content.paddedSize(content.encodeApplication(data, new Uint8Array(64)));
    expect(files.parseFiles(content.parseContent(data))?.looks).toEqual(ten.looks);
  });
});

describe("looks", () => {
  const shown = (look: (typeof vectors.looks)[number]["looks"][number]): unknown => {
    if (look === null) return null;
    const bytes = (text: string | undefined) => (text === undefined ? {} : [...hex(text)]);
    const { thumbhash, waveform, ...rest } = look as { thumbhash?: string; waveform?: string };
    return {
      ...rest,
      ...(thumbhash !== undefined && { thumbhash: bytes(thumbhash) }),
      ...(waveform !== undefined && { waveform: bytes(waveform) }),
    };
  };

  it.each(vectors.looks.map(({ about, ...rest }) => [about, rest] as const))("%s", (_, vector) => {
    const found = parse(vector.content);
    expect(found?.looks).toEqual(vector.looks.map(shown));
    const { salt, extensions } = content.parseContent(hex(vector.content));
    const again = found && content.encodeContent(files.encodeFiles(found, { salt, extensions }));
    expect(again && files.parseFiles(content.parseContent(again))).toEqual(found);
    if (!(vector.looks as readonly unknown[]).includes(null)) expect(again && encodeHex(again)).toBe(vector.content);
  });

  it("of one that nobody could draw are not written", () => {
    const wrong: Look = { kind: "image", width: 0, height: 1, thumbhash: [1, 2, 3, 4, 5] };
    expect(files.encodeFiles(form({ looks: [wrong] }), BLANK).extensions.has(LOOKS)).toBe(false);
    const extensions = new Map<number, Value>([[LOOKS, "old"]]);
    expect(files.encodeFiles(form(), { ...BLANK, extensions }).extensions.has(LOOKS)).toBe(false);
  });

  it("are of a voice note only where it can be heard", () => {
    const look: Look = { kind: "voice", duration_ms: 1, waveform: Array.from({ length: 64 }, () => 1) };
    expect(files.describe([ONE, { ...ONE, content_type: "audio/webm" }], [look, look]).map((one) => one.look)).toEqual([
      null,
      look,
    ]);
  });
});
