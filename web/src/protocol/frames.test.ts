/** Data and session frames: the vectors byte by byte, arity rules, and hostile arrays. */
import { pack } from "./arrays.ts";
import { describe, expect, it } from "vitest";
import vectors from "../../../vectors/service/frames.json";
import session from "../../../vectors/service/session.json";
import { encodeHex, parseHex } from "./bytes.ts";
import { RemoteProtocolError } from "./errors.ts";
import * as frames from "./frames.ts";
import { pad } from "./records.ts";
import { encodeSessionFrame, parseRecord } from "./session/wire.ts";

const readers: Readonly<Record<keyof typeof vectors.frames, (data: Uint8Array) => frames.Frame>> = {
  r_client: frames.parseRClient,
  s_client: frames.parseSClient,
  r_server: frames.parseRServer,
  s_server: frames.parseSServer,
};
const every = Object.entries(vectors.frames).flatMap(([reader, list]) =>
  list.map((vector) => ({ ...vector, parse: readers[reader as keyof typeof readers] })),
);

/** A frame's fields as the vectors show them: bytes as hex, frames inside as arrays. */
function shown(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: encodeHex(value) };
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value === "object" && value !== null && "deliver_to" in value) return Object.values(value).map(shown);
  return value;
}
const fieldsOf = (frame: object): unknown[] =>
  Object.entries(frame).flatMap(([name, value]) => (name === "type" ? [] : [shown(value)]));

describe("data frames", () => {
  it.each(every)("$name reads and writes as Python's", ({ name, fields, hex, parse }) => {
    const frame = parse(parseHex(hex));
    expect(frame.type).toBe(name);
    expect(fieldsOf(frame)).toEqual(fields);
    expect(encodeHex(frames.encodeFrame(frame))).toBe(hex);
  });

  it("names requests as Python does", () => {
    const requests = vectors.frames.s_client
      .map(({ hex }) => frames.parseSClient(parseHex(hex)))
      .filter((frame) => frame.type !== "HttpReq");
    expect(requests.map((frame) => ({ name: frame.type, hash: encodeHex(frames.requestHash(frame)) }))).toEqual(
      vectors.request_hashes,
    );
  });

  it.each(every)("$name refuses every truncation", ({ hex, parse }) => {
    const data = parseHex(hex);
    for (let size = 0; size < data.length; size++)
      expect(() => parse(data.subarray(0, size))).toThrow(RemoteProtocolError);
  });

  it("ignores later fields, fills missing ones, and misses required ones", () => {
    expect(frames.parseSServer(pack([40, 1, 7, 9]))).toEqual({
      type: "Ok",
      rid: 1,
      epoch: 7,
      ts: 9,
      frank: null,
      dup: false,
    });
    expect(frames.parseSServer(pack([41, 1, "busy"]))).toEqual({
      type: "Err",
      rid: 1,
      code: "busy",
      retry_ms: 0,
      detail: {},
    });
    expect(frames.parseRServer(pack([22, 5, "later", [1, [2]]]))).toEqual({ type: "Drained", seq: 5 });
    expect(() => frames.parseSServer(pack([40, 1, 7]))).toThrow(RemoteProtocolError);
  });

  it.each([
    ["no array", 5],
    ["no tag", []],
    ["unknown tag", [99, 1]],
    ["another direction", [10, "token", 0]],
    ["tag as text", ["22", 5]],
    ["negative", [22, -1]],
    ["fraction", [22, 1.5]],
    ["beyond 2^53", [22, 2 ** 60]],
    ["text for a number", [22, "5"]],
    ["nil for a number", [22, null]],
    ["number beyond u16", [24, 65_536, 0]],
    ["id of 15 bytes", [21, 1, new Uint8Array(15), 2, null, 0, 0, new Uint8Array()]],
    ["kind 0", [21, 1, new Uint8Array(16), 0, null, 0, 0, new Uint8Array()]],
    ["kind 5", [21, 1, new Uint8Array(16), 5, null, 0, 0, new Uint8Array()]],
    ["text for bytes", [21, 1, new Uint8Array(16), 2, null, 0, 0, "body"]],
    ["a body too long", [21, 1, new Uint8Array(16), 2, null, 0, 0, new Uint8Array(600 * 1024 + 1)]],
    ["a code too long", [26, "x".repeat(65), 0]],
    ["a map for a list", [23, { a: 1 }]],
  ])("refuses %s", (_, value) => {
    expect(() => frames.parseRServer(pack(value as unknown[]))).toThrow(RemoteProtocolError);
  });

  it("refuses trailing bytes, extensions, deep nests and prototype keys", () => {
    for (const hex of [
      "921605c0",
      "9216d4ff00",
      "9216c7ff01",
      "9216d6ff5a4af6a5",
      "9329018" + "1" + "a9" + "5f5f70726f746f5f5f01",
      "dd7fffffff16",
      "c1",
    ]) {
      expect(() => frames.parseRServer(parseHex(hex)), hex).toThrow(RemoteProtocolError);
    }
    expect(() => frames.parseRServer(new Uint8Array(500_000).fill(0x91))).toThrow(RemoteProtocolError);
    expect(() => frames.parseSServer(pack([41, 1, "x", 0, JSON.parse('{"__proto__": 1}')]))).toThrow(
      RemoteProtocolError,
    );
  });

  it("shares no memory with the frame it was read from", () => {
    const data = frames.encodeFrame({ type: "Eph", gid: new Uint8Array(16), epoch: 1, ts: 2, body: parseHex("aabb") });
    const frame = frames.parseRServer(data);
    data.fill(0);
    expect(frame).toMatchObject({ type: "Eph", body: parseHex("aabb") });
  });
});

describe("session frames", () => {
  it.each(session.frames)("$name reads and writes as Python's", ({ name, fields, hex }) => {
    const frame = parseRecord(pad(parseHex(hex)));
    expect(frame.type).toBe(name);
    expect(fieldsOf(frame)).toEqual(fields);
    expect(encodeHex(encodeSessionFrame(frame))).toBe(hex);
  });

  it("refuses what is no record", () => {
    const record = pad(parseHex("920405"));
    for (let size = 0; size < record.length; size++)
      expect(() => parseRecord(record.subarray(0, size))).toThrow(RemoteProtocolError);
    for (const hex of ["", "920401c0", "91", "9209", "9204c3", "92049301"]) {
      expect(() => parseRecord(pad(parseHex(hex))), hex).toThrow(RemoteProtocolError);
    }
  });
});
