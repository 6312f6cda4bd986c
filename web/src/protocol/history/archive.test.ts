/** Archives against the vectors that Python made, and what nobody of ours writes. */
import { describe, expect, it } from "vitest";
import vectors from "../../../../vectors/service/archive.json";
import { encodeHex, parseHex as hex } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import { ZajilError } from "../errors.ts";
import { HISTORY_PART_BYTES } from "../limits.ts";
import { encodeArchive, parseArchive } from "./archive.ts";

describe("an archive", () => {
  const plain = hex(vectors.archive);

  it("is read and written as Python's", () => {
    const read = parseArchive(plain);
    expect(encodeHex(encodeArchive(read))).toBe(vectors.archive);
    const [chat, empty] = read.chats;
    expect(empty?.messages).toEqual([]);
    expect(chat?.notices).toMatchObject([{ code: "left" }, { code: "timer", seconds: 86_400 }]);
    expect(chat?.messages).toMatchObject([
      {
        state: "received",
        text: "третий",
        versions: [{ text: "первый" }, { text: "третий" }],
        reactions: [{ emoji: "👍" }, { emoji: "" }],
        files: [{ name: "تقرير.pdf", size: 9_000 }],
        looks: [null],
        expire_s: 86_400,
        expires_at: 1_800_086_404_000,
      },
      { state: "read", text: "", call: { kind: "video", outcome: "missed", seconds: 0 }, expire_s: 0, expires_at: 0 },
    ]);
  });

  it("carries how files look, and wrong looks hurt nothing", () => {
    const read = parseArchive(plain);
    const [chat] = read.chats;
    const [message] = chat?.messages ?? [];
    if (chat === undefined || message === undefined) throw new Error("no message");
    const look = { kind: "image", width: 4, height: 3, thumbhash: [1, 2, 3, 4, 5] } as const;
    const again = parseArchive(
      encodeArchive({ ...read, chats: [{ ...chat, messages: [{ ...message, looks: [look] }] }] }),
    );
    expect(again.chats[0]?.messages[0]?.looks).toEqual([look]);
    const two = parseArchive(
      encodeArchive({ ...read, chats: [{ ...chat, messages: [{ ...message, looks: [look, look] }] }] }),
    );
    expect(two.chats[0]?.messages[0]?.looks).toEqual([null]);
  });

  it.each(Object.entries(vectors.refused))("is refused: %s", (_, data) => {
    expect(() => parseArchive(hex(data))).toThrow(ZajilError);
  });

  it("is refused where it is larger than a part, before it is read", () => {
    expect(() => parseArchive(new Uint8Array(HISTORY_PART_BYTES + 1))).toThrow("archive too big");
  });

  it("is refused where it nests, whatever its size says", () => {
    const deep = new Uint8Array(100_000).fill(0x81);
    expect(() => parseArchive(deep)).toThrow("nested too deep");
  });

  it("leaves what a later version adds unread", () => {
    const account = new Uint8Array(16);
    expect(
      parseArchive(
        cbor.encode(
          new Map<number, cbor.Value>([
            [1, 1],
            [2, account],
            [3, []],
            [9, "later"],
          ]),
        ),
      ),
    ).toEqual({
      account,
      chats: [],
    });
  });

  it("is refused or understood, byte by byte", () => {
    let refused = 0;
    for (let at = 0; at < plain.length; at += 5) {
      const changed = plain.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x20;
      try {
        const understood = encodeHex(encodeArchive(parseArchive(changed)));
        expect(encodeHex(encodeArchive(parseArchive(hex(understood))))).toBe(understood);
      } catch (problem) {
        if (!(problem instanceof ZajilError)) throw problem;
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(20);
  });
});
