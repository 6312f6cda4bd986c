/** CBOR, base64url, records, MLS headers and the error table, against the vectors and against hostile bytes. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import vectors from "../../../vectors/service/cbor.json";
import session from "../../../vectors/service/session.json";
import { concat, encodeHex, encodeText, parseHex } from "./bytes.ts";
import { encode, parse, type Value } from "./cbor.ts";
import {
  CODES,
  error,
  errorFromWire,
  LocalProtocolError,
  Malformed,
  Refused,
  Unavailable,
  Unreachable,
  ZajilError,
} from "./errors.ts";
import { Fields } from "./fields.ts";
import { clientId, encodeB64, parseB64, splitClientId } from "./ids.ts";
import { parseHeader } from "./mlsheader.ts";
import { pad, unpad } from "./records.ts";

const hex = parseHex;

describe("CBOR", () => {
  it.each(vectors.values)("reads and writes %s", (text) => {
    expect(encodeHex(encode(parse(hex(text)) as Value))).toBe(text);
  });

  it.each(vectors.refused)("refuses $about: $hex", ({ hex: text }) => {
    expect(() => parse(hex(text))).toThrow(Malformed);
  });

  it("sorts keys bytewise, whatever order they came in", () => {
    const map = new Map<number | string | Uint8Array, Value>([
      ["aa", 7],
      [100, 6],
      [-1, 5],
      [hex("6b"), 4],
      [10, 3],
      ["a", 2],
      ["b", 1],
    ]);
    expect(encodeHex(encode(map))).toBe("a70a031864062005416b0461610261620162616107");
    expect(
      encodeHex(
        encode(
          new Map([
            [-1, 2],
            [24, 1],
          ]),
        ),
      ),
    ).toBe("a21818012002");
  });

  it("refuses two equal byte keys, which are two objects here", () => {
    expect(() => parse(hex("a24101014101 02".replace(" ", "")))).toThrow(Malformed);
  });

  it("writes a small bigint as the number it is, and refuses what is no integer", () => {
    expect(encodeHex(encode([1n, 24n, -1n, 1n << 63n]))).toBe("8401181820" + "1b8000000000000000");
    for (const wrong of [1.5, Number.NaN, Infinity, -0, 2 ** 53, 1n << 64n, "\ud800", undefined, {}, [undefined]]) {
      expect(() => encode(wrong as Value), String(wrong)).toThrow(LocalProtocolError);
    }
  });

  it("stops at 16 levels both ways", () => {
    let value: Value = 0;
    for (let level = 0; level < 16; level++) value = [value];
    expect(parse(encode(value))).toEqual(value);
    expect(() => encode([value])).toThrow(LocalProtocolError);
    expect(() => parse(new Uint8Array(200_000).fill(0x81))).toThrow(Malformed);
  });

  it("keeps a prototype key a plain key", () => {
    const found = parse(encode(new Map([["__proto__", 1]])));
    expect(found).toEqual(new Map([["__proto__", 1]]));
    expect(Object.prototype).not.toHaveProperty("1");
  });

  it("keeps a byte order mark in text", () => {
    expect(parse(hex("63efbbbf"))).toBe("\ufeff");
  });
});

describe("Fields", () => {
  it("takes only what was asked for", () => {
    const map = parse(
      encode(
        new Map<number, Value>([
          [1, 5],
          [2, "é"],
          [3, hex("00ff")],
          [4, null],
        ]),
      ),
    );
    const fields = Fields.ofMap(map, [1, 2, 3], [4]);
    expect(fields.number(1)).toBe(5);
    expect(fields.text(2, 2)).toBe("é");
    expect(fields.blob(3, 2)).toEqual(hex("00ff"));
    expect(fields.blobOrNone(4, 2)).toBeNull();
    for (const wrong of [
      () => fields.text(2, 1),
      () => fields.blob(3, 1),
      () => fields.bytes(3, 1),
      () => fields.number(1, 2),
      () => fields.number(2),
      () => fields.flag(1),
      () => fields.items(1, 9),
      () => fields.pairs(1, 9),
      () => fields.blob(4, 2),
      () => Fields.ofMap(map, [1, 2, 3]),
      () => Fields.ofMap(map, [1, 2, 3, 4, 5]),
      () => Fields.ofArray(map, 4),
    ]) {
      expect(wrong).toThrow(Malformed);
    }
  });
});

describe("ids", () => {
  it("writes base64url as everybody does", () => {
    for (let size = 0; size < 40; size++) {
      const data = Uint8Array.from({ length: size }, (_, at) => (at * 89 + size * 7) & 255);
      expect(encodeB64(data)).toBe(Buffer.from(data).toString("base64url"));
      expect(parseB64(encodeB64(data), size)).toEqual(data);
    }
  });

  it.each(["=", "AA==", "A", "AAAAA", "A+AA", "A/AA", "AB", "AAB", "А", "AA\n", " AA"])("refuses %j", (text) => {
    expect(() => parseB64(text)).toThrow(Malformed);
  });

  it("joins and splits client ids", () => {
    const client = clientId(new Uint8Array(16).fill(7), 0xfffffffe);
    expect(splitClientId(client)).toEqual({ account: new Uint8Array(16).fill(7), device: 0xfffffffe });
    expect(() => splitClientId(client.subarray(1))).toThrow(Malformed);
    for (const device of [-1, 2 ** 32, 1.5])
      expect(() => clientId(new Uint8Array(16), device)).toThrow(LocalProtocolError);
  });
});

describe("records", () => {
  it("pads as the vectors say", () => {
    expect(encodeHex(pad(hex(session.record.frame)))).toBe(session.record.record);
    for (const [size, total] of session.record_sizes) {
      const record = pad(new Uint8Array(size ?? 0).fill(9));
      expect(record.length).toBe(total);
      expect(unpad(record)).toEqual(new Uint8Array(size ?? 0).fill(9));
    }
    expect(pad(hex("00"), 4096).length).toBe(4096);
    expect(() => pad(new Uint8Array(65_533))).toThrow(LocalProtocolError);
  });

  it("refuses other sizes, lengths beyond and padding that speaks", () => {
    const record = pad(encodeText("frame"));
    for (let size = 0; size < record.length; size++) expect(() => unpad(record.subarray(0, size))).toThrow(Malformed);
    expect(() => unpad(concat(record, hex("00")))).toThrow(Malformed);
    const longer = record.slice();
    longer[3] = 253;
    expect(() => unpad(longer)).toThrow(Malformed);
    const marked = record.slice();
    marked[255] = 1;
    expect(() => unpad(marked)).toThrow(Malformed);
  });
});

describe("MLS header", () => {
  const message = hex(
    "00010002" + "10" + "11".repeat(16) + "0000000000000007" + "01" + "02abcd" + "01ee" + "4040" + "cc".repeat(64),
  );

  it("reads what a server may read", () => {
    expect(parseHeader(message)).toEqual({
      group_id: new Uint8Array(16).fill(0x11),
      epoch: 7,
      content_type: 1,
      authenticated_data: hex("abcd"),
    });
  });

  it("refuses every truncation, a tail, other formats and long lengths", () => {
    for (let size = 0; size < message.length; size++)
      expect(() => parseHeader(message.subarray(0, size))).toThrow(Malformed);
    expect(() => parseHeader(concat(message, hex("00")))).toThrow(Malformed);
    for (const [at, byte] of [
      [1, 2],
      [3, 1],
      [29, 0],
      [29, 4],
      [4, 0xc0],
    ] as const) {
      const other = message.slice();
      other[at] = byte;
      expect(() => parseHeader(other)).toThrow(Malformed);
    }
    expect(() => parseHeader(hex("000100024001aa"))).toThrow(Malformed);
  });
});

describe("errors", () => {
  const table = readFileSync(new URL("../../../docs/protocol/errors.md", import.meta.url), "utf8");
  const documented = [...table.matchAll(/^\| `([a-z-]+)` \| (\w+) \| (\d+|-) \|/gm)].map((row) => [
    row[1],
    row[2],
    row[3] === "-" ? 0 : Number(row[3]),
  ]);

  it("are those of docs/protocol/errors.md", () => {
    expect(documented.length).toBeGreaterThan(40);
    expect([...CODES].map(([code, row]) => [code, row.cls.name, row.status])).toEqual(documented);
  });

  it("get the class of their code, or of their status", () => {
    expect(error("busy")).toBeInstanceOf(Unavailable);
    expect(error("unreachable")).toBeInstanceOf(Unreachable);
    expect(error("no-such-code-here")).toBeInstanceOf(LocalProtocolError);
    expect(errorFromWire("later", { status: 503 })).toBeInstanceOf(Unavailable);
    expect(errorFromWire("later", { status: 599 })).toBeInstanceOf(Unavailable);
    expect(errorFromWire("later")).toBeInstanceOf(Refused);
    expect(errorFromWire("bad-link", { status: 400 })).toBeInstanceOf(Malformed);
    expect(errorFromWire("slow-down", { retryMs: 5 })).toMatchObject({ retryMs: 5, category: "limited" });
    expect(error("gone")).toBeInstanceOf(ZajilError);
  });
});
