/** Reports by the vectors: tags, signatures, marks and certificates as Python makes them, and the body of the call. */
import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { describe, expect, it } from "vitest";
import vectors from "../../../vectors/report.json";
import { verify } from "../core/crypto.ts";
import { ascii, concat, encodeHex, encodeUint, parseHex as hex } from "./bytes.ts";
import * as content from "./chat/content.ts";
import { encodeJson } from "./control.ts";
import { ZajilError } from "./errors.ts";
import { openCertificate } from "./identity/objects.ts";
import { encodeReport, ITEMS_MAX, NOTE_CHARACTERS, type ReportItem, readMessage } from "./report.ts";

interface Told {
  readonly name: string;
  readonly content: string;
  readonly sig: string;
  readonly epoch: number;
  readonly gid: string;
  readonly ts: string;
  readonly frank: string | null;
  readonly cert: string;
}

const itemOf = (told: Told): ReportItem => ({
  content: hex(told.content),
  sig: hex(told.sig),
  epoch: told.epoch,
  gid: hex(told.gid),
  ts: Number(told.ts),
  frank: told.frank === null ? new Uint8Array() : hex(told.frank),
  cert: hex(told.cert),
});

describe("genuine items", () => {
  it.each(vectors.items)("$name", async (told) => {
    const item = itemOf(told);
    const body = content.parseContent(item.content);
    expect(readMessage(body, vectors.server_name)).toEqual(told.read);
    const tag = content.contentTag(body.salt, item.content);
    expect(encodeHex(tag)).toBe(told.tag);
    const certificate = await openCertificate(item.cert, verify);
    expect(await verify(certificate.sig_pub, item.sig, content.reportTbs(tag, item.gid, item.epoch))).toBe(true);
    const named = [content.SENDER_URI, content.ROOM_URI, content.DEVICE_ID].map((key) => body.extensions.get(key));
    expect(named).toEqual([
      content.senderUri(vectors.server_name, certificate.account_id),
      content.roomUri(vectors.server_name, item.gid),
      certificate.device_id,
    ]);
    // What the server alone can make.
    const info = concat(ascii("zajil frank v1"), encodeUint(told.day, 4));
    const key = hkdf(sha256, hex(vectors.frank_master), undefined, info, 32);
    expect(encodeHex(key)).toBe(told.key);
    expect(encodeHex(hmac(sha256, key, concat(tag, item.gid, encodeUint(item.ts, 8))))).toBe(told.frank);
  });
});

describe("what receivers would not have shown", () => {
  const bad = vectors.refused.filter(({ check }) => check === "content");
  it.each(bad)("$name", (told) => {
    expect(() => readMessage(content.parseContent(hex(told.content)), vectors.server_name)).toThrow(ZajilError);
  });
  it("is some of it", () => {
    expect(bad.length).toBeGreaterThan(2);
  });
});

describe("forgeries whose signature cannot be the sender's", () => {
  it.each(vectors.refused.filter(({ check }) => check === "signature"))("$name", async (told) => {
    const item = itemOf(told);
    const tag = content.contentTag(content.parseContent(item.content).salt, item.content);
    const { sig_pub: key } = await openCertificate(item.cert, verify);
    expect(await verify(key, item.sig, content.reportTbs(tag, item.gid, item.epoch))).toBe(false);
  });
});

describe("the call", () => {
  it("has the body that Python writes", () => {
    const { reason, note, complaint, items, json } = vectors.request;
    const chosen = items
      .map((name) => vectors.items.find((told) => told.name === name))
      .filter((told) => told !== undefined);
    const made = encodeJson(encodeReport({ reason, note, complaint, items: chosen.map(itemOf) }));
    expect(JSON.parse(made)).toEqual(JSON.parse(json));
    expect(made).toBe(json);
  });

  it("says that there is no mark", () => {
    const [first] = vectors.items;
    const item = first === undefined ? undefined : itemOf({ ...first, frank: null });
    if (item === undefined) throw new Error("no items");
    const body = JSON.parse(encodeJson(encodeReport({ reason: "spam", note: "", complaint: true, items: [item] }))) as {
      items: { frank: unknown }[];
    };
    expect(body.items[0]?.frank).toBeNull();
    expect([ITEMS_MAX, NOTE_CHARACTERS]).toEqual([6, 1000]);
  });
});
