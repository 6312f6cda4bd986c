/** Sealed carriers by the vectors: NEW and accept of both languages, and every record of three carriers. */
import { describe, expect, it } from "vitest";
import vectors from "../../../../vectors/seal.json";
import { encodeHex, parseHex as hex } from "../../protocol/bytes.ts";
import { pad } from "../../protocol/records.ts";
import { randomBytes } from "../crypto.ts";
import type { RecordSeal } from "./records.ts";
import type { Channel } from "./channels.ts";
import { ClientSeal, SEAL_LIFE_MS } from "./seal.ts";

type Row = (typeof vectors.seals)[number];
const KEY = { kid: hex(vectors.origin.kid), public: hex(vectors.origin.public) };
const [ROW] = vectors.seals as [Row];
const code = (expected: string): object => expect.objectContaining({ code: expected }) as object;

/** The client of a row. Its own NEW has fresh randomness of HPKE, so the row's takes its place. */
async function clientOf(row: Row): Promise<ClientSeal> {
  const tape = [row.key_seed, row.sid, row.s_c].map(hex);
  const random = (n: number): Uint8Array => {
    const part = tape.shift() ?? new Uint8Array();
    expect(part.length).toBe(n);
    return part;
  };
  const client = await ClientSeal.make(row.channel as Channel, KEY, { nowMs: row.client_ms, random });
  expect(client.newRecord.length).toBe(hex(row.new).length);
  expect(encodeHex(client.newRecord.slice(0, 23))).toBe(row.new.slice(0, 46));
  Object.assign(client, { newRecord: hex(row.new) });
  return client;
}

async function opened(row: Row = ROW): Promise<ClientSeal> {
  const client = await clientOf(row);
  await client.takeAccept(hex(row.accept), row.client_ms);
  return client;
}

const changed = (data: Uint8Array, at: number): Uint8Array =>
  data.map((byte, index) => (index === at ? byte ^ 1 : byte));

describe.each(vectors.seals)("the seal made by $by", (row) => {
  it("gives the clock and the records of every carrier", async () => {
    const client = await clientOf(row);
    expect(await client.takeAccept(hex(row.accept), row.client_ms)).toBe(row.offset_ms);
    for (const carrier of row.carriers) {
      const { resume, codec } = carrier.c ? client.carrier() : { resume: new Uint8Array(), codec: client.first() };
      expect(encodeHex(resume)).toBe(carrier.resume);
      const sealed = await Promise.all(carrier.c2s.map(([frame = ""]) => codec.seal(hex(frame))));
      expect(sealed.map(encodeHex)).toEqual(carrier.c2s.map(([, record]) => record));
      for (const [frame = "", record = ""] of carrier.s2c) expect(encodeHex(await codec.open(hex(record)))).toBe(frame);
    }
  });
});

describe("a seal", () => {
  it("takes its own accept alone, and once", async () => {
    const accept = hex(ROW.accept);
    const client = await clientOf(ROW);
    const other = await ClientSeal.make(1, KEY, { nowMs: 0, random: randomBytes });
    await expect(other.takeAccept(accept, 0)).rejects.toEqual(code("protocol"));
    for (const bad of [
      changed(accept, 0),
      changed(accept, 1119),
      changed(accept, 1175),
      accept.slice(1),
      Uint8Array.of(2),
    ])
      await expect(client.takeAccept(bad, 0)).rejects.toEqual(code("protocol"));
    expect(client.isUsable(ROW.client_ms)).toBe(false);
    expect(() => client.first()).toThrow("wrong-call");
    expect(() => client.carrier()).toThrow("wrong-call");
    await client.takeAccept(accept, 0);
    await expect(client.takeAccept(accept, 0)).rejects.toEqual(code("wrong-call"));
    client.first();
    expect(() => client.first()).toThrow("wrong-call");
  });

  it.each([
    ["short", new Uint8Array(1215)],
    ["beyond q", new Uint8Array(1216).fill(0xff)],
  ])("refuses a %s key", async (_, key) => {
    const making = ClientSeal.make(1, { kid: KEY.kid, public: key }, { nowMs: 0, random: randomBytes });
    await expect(making).rejects.toEqual(code("wrong-call"));
  });

  it("opens records in order, each once, or none any more", async () => {
    const [carrier, other] = ROW.carriers as [Row["carriers"][0], Row["carriers"][0]];
    const records = carrier.s2c.map(([, record = ""]) => hex(record));
    const [one, two, three] = records as [Uint8Array, Uint8Array, Uint8Array];
    const wrong = {
      replayed: one,
      skipped: three,
      flipped: changed(two, 5),
      cut: two.slice(1),
      "of another carrier": hex(other.s2c[1]?.[1] ?? ""),
      "of the other way": hex(carrier.c2s[1]?.[1] ?? ""),
    };
    for (const bad of Object.values(wrong)) {
      const codec: RecordSeal = (await opened()).first();
      expect(encodeHex(await codec.open(one))).toBe(carrier.s2c[0]?.[0]);
      await expect(codec.open(bad)).rejects.toEqual(code("protocol"));
      await expect(codec.open(two)).rejects.toEqual(code("protocol"));
    }
  });

  it("keeps the order of records that were not waited for", async () => {
    const codec = (await opened()).first();
    const records = ROW.carriers[0]?.s2c ?? [];
    const frames = await Promise.all(records.map(([, record = ""]) => codec.open(hex(record))));
    expect(frames.map(encodeHex)).toEqual(records.map(([frame]) => frame));
  });

  it("ends after a day, and when three carriers opened nothing", async () => {
    const client = await opened();
    const now = ROW.client_ms;
    expect(client.isUsable(now + SEAL_LIFE_MS - 1)).toBe(true);
    expect(client.isUsable(now + SEAL_LIFE_MS)).toBe(false);
    client.first();
    const { codec } = client.carrier();
    await codec.open(hex(ROW.carriers[1]?.s2c[0]?.[1] ?? ""));
    for (const left of [true, true, false]) {
      const silent = client.carrier().codec;
      await expect(silent.open(await silent.seal(pad(new Uint8Array())))).rejects.toEqual(code("protocol"));
      expect(client.isUsable(now)).toBe(left);
    }
  });
});
