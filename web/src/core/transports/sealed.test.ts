/** Sealed carriers to the real server, over WebSockets and POSTs, with somebody between who changes what passes. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import * as control from "../../protocol/control.ts";
import { Echo } from "../../protocol/session/echo.ts";
import { encodeRecord, parseRecord } from "../../protocol/session/wire.ts";
import { CHANNEL } from "../reach/channels.ts";
import { type SessionKey, UNKNOWN } from "../reach/seal.ts";
import { followRoots, parseRootAnswer, type Root, sessionKeyOf } from "../reach/signed.ts";
import { Calls } from "../shell/calls.ts";
import { NodeSocket, openSockets } from "../testing/nodesocket.ts";
import { hasServer, ServerProcess } from "../testing/server.ts";
import type { Carrier, OpenCarrier } from "./base.ts";
import { DirectCaller, parseBase } from "./direct.ts";
import { openPoll } from "./poll.ts";
import { fetchRootAnswer, Seals } from "./sealed.ts";
import { dialWebSocket } from "./websocket.ts";

const server = hasServer ? new ServerProcess() : undefined;
const carriers: Carrier[] = [];
let root: Root;

beforeAll(async () => {
  await server?.start();
  if (!server) return;
  const { roots } = await new Calls(new DirectCaller(parseBase(server.url))).call(control.REACH_DOCS);
  root = await followRoots(null, roots, { nowS: Date.now() / 1000 });
}, 60_000);
afterEach(() => {
  for (const carrier of carriers.splice(0)) carrier.close();
});
afterAll(async () => {
  expect(openSockets.size).toBe(0);
  await server?.remove();
});

const sealedUrl = (): string => `${server?.url ?? ""}/v1/sealed?r=0a0b`;
const bySocket: OpenCarrier = (listener, signal) =>
  dialWebSocket(sealedUrl().replace("http", "ws"), listener, { signal, open: (url) => new NodeSocket(url) });
const byPosts: OpenCarrier = (listener) => Promise.resolve(openPoll(sealedUrl(), listener));

/** Somebody between: sees every record of either side and may change it. */
function between(open: OpenCarrier, seen: (record: Uint8Array, from: "client" | "server") => Uint8Array): OpenCarrier {
  return async (listener, signal) => {
    const heard = {
      record: (data: Uint8Array) => listener.record(seen(data, "server")),
      ended: (code?: number) => listener.ended(code),
    };
    const bare = await open(heard, signal);
    return Object.assign(Object.create(bare) as Carrier, {
      rxBytes: 0,
      txBytes: 0,
      send: (record: Uint8Array) => bare.send(seen(record, "client")),
      close: () => bare.close(),
    });
  };
}

/** What the client says first on each connection, and after UNKNOWN: NEW is of kind 1, RESUME of kind 2. */
function firstOf(open: OpenCarrier, seen: (record: Uint8Array) => void): OpenCarrier {
  return (listener, signal) => {
    let first = true;
    const watched = between(open, (record, from) => {
      if (first && from === "client") seen(record);
      first = from === "server" && record.length === 1 && record[0] === UNKNOWN;
      return record;
    });
    return watched(listener, signal);
  };
}

function sealing(key: () => SessionKey = () => sessionKeyOf(root, Date.now() / 1000)) {
  const offsets: number[] = [];
  const seals = new Seals({ key, now: () => Date.now(), offset: (ms) => offsets.push(ms) });
  async function dial(open: OpenCarrier, lane = "") {
    const records: Uint8Array[] = [];
    const ends: (number | undefined)[] = [];
    const listener = {
      record: (data: Uint8Array) => void records.push(data),
      ended: (code?: number) => void ends.push(code),
    };
    const carrier = await seals.dial(open, CHANNEL.R, lane, listener, AbortSignal.timeout(10_000));
    carriers.push(carrier);
    return { carrier, records, ends };
  }
  return { dial, offsets };
}
const OPEN = encodeRecord({ type: "Open", version: 1, resume: null, rx: 0, frag: 65_536, serial: 1 });

describe.skipIf(!hasServer)("sealed carriers", () => {
  it.each([
    ["a WebSocket", bySocket],
    ["POSTs", byPosts],
  ])("over %s carry a session, in order, and nobody between reads it", async (_, open) => {
    const passed: Uint8Array[] = [];
    const { dial, offsets } = sealing();
    const { carrier, records, ends } = await dial(
      between(open, (record) => {
        passed.push(record);
        return record;
      }),
    );
    const echo = new Echo(0);
    carrier.send(OPEN);
    for (const record of echo.records()) carrier.send(record);
    await vi.waitFor(() => expect(records).toHaveLength(7), { timeout: 10_000 });
    expect(parseRecord(records[0] ?? OPEN)).toMatchObject({ type: "Opened" });
    expect(records.slice(1).every((record) => echo.feed(record, 0))).toBe(true);
    expect(ends).toEqual([]);
    for (const record of passed.slice(2)) expect(() => parseRecord(record)).toThrow();
    expect(Math.abs(offsets[0] ?? 1e9)).toBeLessThan(10_000);
  });

  it("go on with their seal, and make another where the server forgot it", async () => {
    const { dial } = sealing();
    const kinds: (number | undefined)[] = [];
    const watched = firstOf(bySocket, (record) => kinds.push(record[1]));
    for (const expected of [[1], [1, 2], [1, 2, 2]]) {
      const { carrier, records } = await dial(watched);
      carrier.send(OPEN);
      await vi.waitFor(() => expect(records).toHaveLength(1));
      expect(kinds).toEqual(expected);
    }
    await server?.kill();
    await server?.start();
    const { carrier, records } = await dial(watched);
    carrier.send(OPEN);
    await vi.waitFor(() => expect(records).toHaveLength(1));
    expect(kinds).toEqual([1, 2, 2, 2, 1]);
  });

  it("of another lane share no seal, so nobody at the server joins them", async () => {
    const { dial } = sealing();
    const kinds: (number | undefined)[] = [];
    const watched = firstOf(bySocket, (record) => kinds.push(record[1]));
    for (const lane of ["", "persona a", "persona b", "persona a", ""]) {
      const { carrier, records } = await dial(watched, lane);
      carrier.send(OPEN);
      await vi.waitFor(() => expect(records).toHaveLength(1));
    }
    expect(kinds).toEqual([1, 1, 1, 2, 2]);
  });

  it("end with a record that was changed on its way", async () => {
    const { dial } = sealing();
    let whole = true;
    const { carrier, records, ends } = await dial(
      between(bySocket, (record, from) => {
        if (whole || from === "client") return record;
        return record.map((byte, at) => (at === 9 ? byte ^ 1 : byte));
      }),
    );
    whole = false;
    carrier.send(OPEN);
    await vi.waitFor(() => expect(ends).toHaveLength(1));
    expect(records).toEqual([]);
  });

  it.each<[string, OpenCarrier, object]>([
    [
      "an accept that was changed",
      between(bySocket, (record, from) => (from === "server" ? record.map((byte) => byte ^ 1) : record)),
      { stage: "accept", reason: "status" },
    ],
    [
      "a server that does not know the key",
      between(bySocket, (record, from) =>
        from === "client" ? record.map((byte, at) => (at === 20 ? byte ^ 1 : byte)) : record,
      ),
      { stage: "accept", reason: "closed" },
    ],
  ])("fail with %s", async (_, open, problem) => {
    await expect(sealing().dial(open)).rejects.toMatchObject(problem);
  });

  it("give up a silent bridge, and say where its server is gone", async () => {
    const silent: OpenCarrier = () =>
      Promise.resolve({ rxBytes: 0, txBytes: 0, send: () => undefined, close: () => undefined });
    const seals = new Seals({
      key: () => sessionKeyOf(root, Date.now() / 1000),
      now: () => Date.now(),
      offset: () => undefined,
    });
    const nobody = { record: () => undefined, ended: () => undefined };
    const given = seals.dial(silent, CHANNEL.R, "", nobody, AbortSignal.timeout(1));
    await expect(given).rejects.toMatchObject({ stage: "accept", reason: "timeout" });
    const gone: OpenCarrier = (listener) => {
      queueMicrotask(() => listener.ended(4502));
      return silent(listener, AbortSignal.timeout(1));
    };
    const refused = seals.dial(gone, CHANNEL.R, "", nobody, AbortSignal.timeout(5_000));
    await expect(refused).rejects.toMatchObject({ stage: "accept", reason: "closed", originGone: true });
  });

  it("bring the root documents to whoever asks", async () => {
    for (const open of [bySocket, byPosts]) {
      const envelopes = parseRootAnswer(await fetchRootAnswer(open, AbortSignal.timeout(10_000)));
      expect((await followRoots(null, envelopes, { pinned: root.hash, nowS: Date.now() / 1000 })).hash).toEqual(
        root.hash,
      );
    }
  });
});
