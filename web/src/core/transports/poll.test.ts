/** Carriers of POSTs: against a server that a test drives, and against the real one. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { concat, encodeHex } from "../../protocol/bytes.ts";
import { BODY_BYTES, BODY_RECORDS, fitting, ITEM_BYTES, parseItems } from "../../protocol/reach/polling.ts";
import { Echo } from "../../protocol/session/echo.ts";
import { encodeRecord, parseRecord } from "../../protocol/session/wire.ts";
import { hasServer, ServerProcess } from "../testing/server.ts";
import type { Carrier } from "./base.ts";
import { openPoll } from "./poll.ts";

interface Post {
  readonly carrier: string;
  readonly seq: number;
  readonly records: Uint8Array[];
  readonly headers: IncomingMessage["headers"];
  readonly response: ServerResponse;
}

const items = (...records: Uint8Array[]): Uint8Array =>
  concat(...records.flatMap((record) => [Uint8Array.of(0, 0, record.length >> 8, record.length & 255), record]));

let posts: Post[] = [];
let server: Server;
let url: string;
const carriers: Carrier[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (data: Buffer) => parts.push(data));
    request.on("end", () => {
      const body = new Uint8Array(Buffer.concat(parts));
      const seq = new DataView(body.buffer, body.byteOffset).getUint32(16);
      const { headers } = request;
      posts.push({
        carrier: encodeHex(body.slice(0, 16)),
        seq,
        records: parseItems(body.slice(20)),
        headers,
        response,
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/v1/ws?r=0000`;
});
afterEach(() => {
  for (const carrier of carriers.splice(0)) carrier.close();
  for (const { response } of posts) if (!response.writableEnded) response.end();
  posts = [];
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function opened(address = url) {
  const records: Uint8Array[] = [];
  const ends: (number | undefined)[] = [];
  const listener = {
    record: (data: Uint8Array) => void records.push(data),
    ended: (code?: number) => void ends.push(code),
  };
  const carrier = openPoll(address, listener);
  carriers.push(carrier);
  return { carrier, records, ends };
}
const came = (n: number): Promise<void> => vi.waitFor(() => expect(posts).toHaveLength(n));
const poll = (): Post => {
  const found = posts.find(({ records, response }) => records.length === 0 && !response.writableEnded);
  if (!found) throw new Error("no poll is open");
  return found;
};
const send = (): Post => {
  const found = posts.find(({ records, response }) => records.length > 0 && !response.writableEnded);
  if (!found) throw new Error("no send is open");
  return found;
};

describe("a carrier of POSTs", () => {
  it("sends nothing of its own accord", () => {
    const { ends } = opened();
    expect([posts.length, ends.length]).toEqual([0, 0]);
  });

  it("keeps one poll open and one send under way, numbered through, as plain text without other headers", async () => {
    const { carrier, records } = opened();
    carrier.send(Uint8Array.of(1));
    carrier.send(Uint8Array.of(2));
    await came(2);
    carrier.send(Uint8Array.of(3));
    expect(posts.map(({ seq }) => seq).sort()).toEqual([0, 1]);
    expect(new Set(posts.map((one) => one.carrier)).size).toBe(1);
    expect(send().records).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
    for (const { headers } of posts) {
      expect(headers["content-type"]).toBe("text/plain");
      expect(Object.keys(headers).filter((name) => /^x-|authorization|cookie/.test(name))).toEqual([]);
    }
    send().response.end();
    await came(3);
    expect(send()).toMatchObject({ seq: 2, records: [Uint8Array.of(3)] });
    poll().response.end(items(Uint8Array.of(7), Uint8Array.of(8, 9)));
    await came(4);
    expect(records).toEqual([Uint8Array.of(7), Uint8Array.of(8, 9)]);
    expect([carrier.rxBytes, carrier.txBytes]).toEqual([3, 3]);
    expect(poll().seq).toBe(3);
    poll().response.end();
    await came(5);
    expect(poll().seq).toBe(4);
  });

  it.each<[string, (post: Post) => void, number]>([
    ["another status", ({ response }) => response.writeHead(404).end(), 0],
    ["a bridge without its server", ({ response }) => response.writeHead(502).end(), 4502],
    ["a redirect", ({ response }) => response.writeHead(302, { location: "/elsewhere" }).end(), 0],
    ["a cut", ({ response }) => response.destroy(), 0],
    ["items that are none", ({ response }) => response.end(Uint8Array.of(0, 0, 0)), 0],
    ["an endless answer", ({ response }) => response.end(Buffer.alloc(BODY_BYTES + 1)), 0],
  ])("ends with %s", async (_, misbehave, code) => {
    const { carrier, ends } = opened();
    carrier.send(Uint8Array.of(1));
    await came(2);
    misbehave(poll());
    await vi.waitFor(() => expect(ends).toEqual([code]));
    send().response.end();
    carrier.send(Uint8Array.of(2));
    expect(posts).toHaveLength(2);
  });

  it("closes behind what was handed over, and tells so at once", async () => {
    const { carrier, ends, records } = opened();
    carrier.send(Uint8Array.of(1));
    await came(2);
    carrier.send(Uint8Array.of(2));
    carrier.close();
    carrier.send(Uint8Array.of(3));
    expect(ends).toEqual([0]);
    send().response.end();
    await came(3);
    expect(send().records).toEqual([Uint8Array.of(2)]);
    const { response } = poll();
    send().response.end();
    await vi.waitFor(() => expect(response.destroyed).toBe(true));
    expect([ends, records]).toEqual([[0], []]);
  });
});

describe("framing", () => {
  it("takes as many records as a body holds", () => {
    const long = new Uint8Array(ITEM_BYTES);
    expect(fitting([long])).toBe(1);
    expect(fitting(Array.from({ length: 20 }, () => long))).toBe(7);
    expect(fitting(Array.from({ length: 300 }, () => Uint8Array.of(1)))).toBe(BODY_RECORDS);
  });

  it.each([
    ["a length without a record", Uint8Array.of(0, 0, 0, 1)],
    ["an empty record", Uint8Array.of(0, 0, 0, 0)],
    ["half a length", Uint8Array.of(0, 0)],
    ["a record beyond what a carrier takes", concat(Uint8Array.of(0, 1, 0, 17), new Uint8Array(ITEM_BYTES + 1))],
    ["too many records", concat(...Array.from({ length: BODY_RECORDS + 1 }, () => Uint8Array.of(0, 0, 0, 1, 1)))],
  ])("refuses %s", (_, data) => {
    expect(() => parseItems(data)).toThrow("protocol");
  });
});

describe.skipIf(!hasServer)("against the real server", () => {
  const real = hasServer ? new ServerProcess() : undefined;
  beforeAll(async () => real?.start(), 60_000);
  afterAll(async () => real?.remove());

  it("opens a session, and an echo of 24 KiB comes back", async () => {
    const { carrier, records, ends } = opened(`${real?.url ?? ""}/v1/ws?r=0a0b`);
    const echo = new Echo(0);
    for (const record of echo.records()) carrier.send(record);
    carrier.send(encodeRecord({ type: "Open", version: 1, resume: null, rx: 0, frag: 65_536, serial: 1 }));
    await vi.waitFor(() => expect(records).toHaveLength(7), { timeout: 10_000 });
    expect(records.filter((record) => echo.feed(record, 0))).toHaveLength(6);
    expect(echo.done).toBe(true);
    const frames = records.map(parseRecord);
    expect(frames.find(({ type }) => type === "Opened")).toMatchObject({ known: false });
    expect(ends).toEqual([]);
  });
});
