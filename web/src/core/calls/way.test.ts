/** Media connections over the route of the sessions: a real server, straight and over a front, and hostile ends. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Client } from "../testing/clients.ts";
import { NodeSocket, openSockets } from "../testing/nodesocket.ts";
import { hasServer, ServerProcess } from "../testing/server.ts";
import type { Host } from "../verbs/handlers.ts";
import { encodeText } from "../../protocol/bytes.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { bytesOf } from "../state/rows.ts";
import type { OpenSocket, Socket } from "../transports/websocket.ts";
import { CallDoor } from "./door.ts";
import { AskFailed, CorePort, type Question } from "./port.ts";
import { askRelays } from "./relays.ts";
import { CallError, type MediaWay, mediaOpener } from "./way.ts";

const ROOM = Uint8Array.from({ length: 16 }, (_, at) => 0xa0 + at);
const TICKET = new Uint8Array(40).fill(5);
const GID = new Uint8Array(16).fill(7);

/** A frame of sound as a room takes one: header, SFrame header of this leaf, anything where the ciphertext would be. */
const frame = (leaf: number, seq: number): Uint8Array =>
  Uint8Array.of(1, 0, 0, seq, 0, 0, 0, seq, 0xb0, 1, leaf, 3, ...new Uint8Array(60));

/** All that comes, and how it ended. */
function listen(way: MediaWay) {
  const heard: { records: Uint8Array[]; codes: number[] } = { records: [], codes: [] };
  way.onclose = (code) => heard.codes.push(code);
  way.onrecord = (record) => heard.records.push(record);
  return heard;
}

describe.skipIf(!hasServer)("with a real server", () => {
  const FRONT = "cdn.test";
  const server = hasServer ? new ServerProcess(`fronts = ["https://${FRONT}/app"]`) : undefined;
  const clients: Client[] = [];
  const ports: CorePort[] = [];
  const dialled: string[] = [];
  /** By fetch, which chooses its connection itself. */
  const asked: string[] = [];
  let blocked = false;
  /** Nothing answers, the front neither. */
  let away = false;
  const fetching = globalThis.fetch;

  const through: OpenSocket = (url) => {
    const { hostname, pathname, search } = new URL(url);
    const isFront = hostname === FRONT;
    const base = (server?.url ?? "").replace("http", "ws");
    dialled.push(`${isFront ? "front" : "own"} ${pathname}${search}`);
    const socket = new NodeSocket(isFront ? `${base}${pathname.replace("/app", "")}${search}` : url);
    if (away || (blocked && !isFront)) queueMicrotask(() => socket.cut());
    return socket;
  };

  beforeAll(async () => {
    await server?.start();
    vi.stubGlobal("fetch", (...[target, init]: Parameters<typeof fetch>) => {
      const url = new URL(target instanceof Request ? target.url : target);
      const passes = !away && !blocked && url.hostname !== FRONT;
      asked.push(url.pathname);
      return passes ? fetching(url, init) : Promise.reject(new TypeError("blocked"));
    });
  }, 60_000);
  afterEach(async () => {
    blocked = away = false;
    for (const port of ports.splice(0)) port.close();
    await Promise.all(clients.splice(0).map((client) => client.end()));
    await vi.waitFor(() => expect(openSockets.size).toBe(0));
  });
  afterAll(async () => {
    vi.unstubAllGlobals();
    await server?.remove();
  });

  /** Two who have a chat, and the first one's call worker. */
  async function chat(): Promise<{ amal: Client; core: CorePort; gid: Uint8Array }> {
    const [amal, omar] = [await person("Amal"), await person("Omar")];
    const gid = await amal.open(omar);
    await amal.say(gid, "hello");
    await omar.until(
      () => omar.texts(gid),
      (texts) => texts.length === 1,
    );
    const parts = { core: () => amal.core, calls: amal.calls, way: amal.way, emit: () => undefined };
    const door = new CallDoor(parts as unknown as Host); // the parts that are used
    const { port1, port2 } = new MessageChannel();
    door.open(port1);
    const core = new CorePort(port2);
    ports.push(core);
    return { amal, core, gid: bytesOf(gid) };
  }

  async function person(name: string): Promise<Client> {
    const client = await Client.registered(server?.url ?? "", name, through);
    clients.push(client);
    await client.until(
      () => Promise.resolve(client.way.documents.endpoints().length),
      (count) => count > 0,
    );
    return client;
  }

  async function exchange(open: () => Promise<MediaWay>): Promise<[MediaWay, MediaWay]> {
    const first = await open();
    const here = listen(first);
    await vi.waitFor(() => expect(here.records).toEqual([Uint8Array.of(0, 1, 1)]));
    const second = await open();
    const there = listen(second);
    await vi.waitFor(() => expect(there.records).toEqual([Uint8Array.of(0, 1, 2, 1)]));
    const sent = Array.from({ length: 20 }, (_, seq) => frame(1, seq));
    for (const one of sent) first.send(one);
    await vi.waitFor(() => expect(there.records).toHaveLength(21));
    expect(there.records.slice(1)).toEqual(sent.map((one) => Uint8Array.of(1, ...one)));
    expect(first.waiting).toBe(0);
    first.close();
    await vi.waitFor(() => expect(there.records.at(-1)).toEqual(Uint8Array.of(0, 3, 1)));
    expect(here.codes).toEqual([]);
    return [first, second];
  }

  it("what a call asks for goes over a session of its own, which nothing else uses and no account is named on", async () => {
    const { core, gid } = await chat();
    const before = new Set(dialled);
    asked.length = dialled.length = 0;
    expect(await askRelays(core, gid)).toEqual({ servers: [], ttlS: 600 });
    expect(dialled).toHaveLength(1);
    expect(dialled[0]).toMatch(/^own \/v1\/send\?r=/);
    expect(before).not.toContain(dialled[0]);
    const request = { gid: GID, epoch: 1, token: new Uint8Array(32) };
    const other = core.ask("served", { what: "relay", gid: GID, request });
    await expect(other).rejects.toMatchObject({ failure: { code: "bad-group-token" } });
    expect(dialled, "another group's question goes on another session").toHaveLength(2);
    (await mediaOpener(core, { gid, room: ROOM, openSocket: through })()).close();
    expect(dialled.slice(2), "the question for a ticket was no new one").toEqual(["own /v1/send?r=a0a1"]);
    expect(asked.filter((path) => path.startsWith("/v1/calls"))).toEqual([]);
  });

  it("they go straight to it", async () => {
    const { amal, core, gid } = await chat();
    expect(amal.way.carriesMedia).toBe(true);
    dialled.length = 0;
    const [, second] = await exchange(mediaOpener(core, { gid, room: ROOM, openSocket: through }));
    expect(dialled.filter((one) => one.endsWith("?r=a0a1"))).toEqual(Array(2).fill("own /v1/send?r=a0a1"));
    const codes = listen(second).codes;
    for (const socket of [...openSockets]) socket.cut();
    expect(codes).toEqual([1006]);
  });

  it("they go sealed over a front where the server is blocked, and so does the question for relays", async () => {
    const { amal, core, gid } = await chat();
    blocked = true;
    for (const socket of [...openSockets]) socket.cut();
    await amal.until(
      () => Promise.resolve(amal.way.shown().state),
      (state) => state === "via",
    );
    expect(amal.way.carriesMedia).toBe(true);
    expect(await askRelays(core, gid)).toEqual({ servers: [], ttlS: 600 });
    dialled.length = 0;
    const [, second] = await exchange(mediaOpener(core, { gid, room: ROOM, openSocket: through }));
    expect(dialled.filter((one) => one.endsWith("?r=a0a1"))).toEqual(Array(2).fill("front /app/v1/sealed?r=a0a1"));
    second.close();
  });

  it("while the server is away, the question for the ticket begins another look for it at once", async () => {
    const { amal, core, gid } = await chat();
    const { carriers } = amal.way;
    away = true;
    for (const socket of [...openSockets]) socket.cut();
    await vi.waitFor(() => expect([carriers.route, carriers.view.trying]).toEqual([null, 0]));
    const tap = vi.spyOn(carriers, "tap");
    await expect(mediaOpener(core, { gid, room: ROOM, openSocket: through })()).rejects.toMatchObject({
      code: "unreachable",
    });
    expect(tap).toHaveBeenCalled();
  });

  it.each([false, true])("why it ended is told; over a front: %s", async (front) => {
    const { amal, core, gid } = await chat();
    if (front) {
      blocked = true;
      for (const socket of [...openSockets]) socket.cut();
      await amal.until(
        () => Promise.resolve(amal.way.shown().state),
        (state) => state === "via",
      );
    }
    const forging = {
      ask: (question: Question, of: never): Promise<unknown> =>
        question === "served"
          ? Promise.resolve(encodeText(JSON.stringify({ ticket: encodeB64(TICKET) })))
          : core.ask(question, of),
    } as unknown as CorePort;
    const way = await mediaOpener(forging, { gid, room: ROOM, openSocket: through })();
    const { codes } = listen(way);
    await vi.waitFor(() => expect(codes).toEqual([4401]));
    way.send(frame(1, 1));
  });

  it("a refusal of the ticket is told by its code", async () => {
    const { core } = await chat();
    await expect(mediaOpener(core, { gid: GID, room: ROOM, openSocket: through })()).rejects.toMatchObject({
      name: "CallError",
      code: "unknown-chat",
    });
  });
});

// -- hostile ends
/** A socket that a test plays. */
class Played implements Socket {
  binaryType = "";
  bufferedAmount = 0;
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onerror: Socket["onerror"] = null;
  onclose: Socket["onclose"] = null;
  readonly sent: Uint8Array[] = [];
  closed = false;
  heard: (record: Uint8Array) => void = () => undefined;

  send(record: Uint8Array): void {
    this.sent.push(record);
    this.heard(record);
  }

  close(): void {
    this.closed = true;
  }

  say(...bytes: number[]): void {
    this.onmessage?.({ data: Uint8Array.from(bytes).buffer });
  }
}

interface Answers {
  readonly served?: () => Promise<unknown>;
  readonly seal?: Uint8Array | null;
  readonly sealed?: () => Promise<unknown>;
}

const ticketOf = (ticket: unknown): Promise<unknown> => Promise.resolve(encodeText(JSON.stringify({ ticket })));
const failing = (code: string): Promise<never> => Promise.reject(new AskFailed({ code, category: "refused" }));
const never = (): Promise<never> => new Promise(() => undefined);

function opening(socket: Played, { served, seal = null, sealed = never }: Answers = {}): Promise<MediaWay> {
  const answers: Partial<Record<Question, () => Promise<unknown>>> = {
    token: () => Promise.resolve({ epoch: 1, token: new Uint8Array(32) }),
    served: served ?? (() => ticketOf(encodeB64(TICKET))),
    media: () => Promise.resolve({ url: "wss://bridge.test/x?r=a0a1", seal }),
    sealed,
  };
  const core = { ask: (question: Question) => answers[question]?.() } as unknown as CorePort;
  return mediaOpener(core, { gid: GID, room: ROOM, openSocket: () => socket })();
}

/** The deadline passes when the test says so. */
function deadline(): AbortController {
  const given = new AbortController();
  vi.spyOn(AbortSignal, "timeout").mockReturnValue(given.signal);
  return given;
}

describe("at hostile ends", () => {
  afterEach(() => vi.restoreAllMocks());

  async function opened(socket: Played): Promise<MediaWay> {
    const way = opening(socket);
    await vi.waitFor(() => expect(socket.onopen).not.toBeNull());
    socket.onopen?.();
    return way;
  }

  it("the preamble goes first, then frames, and what came before anybody listened is told", async () => {
    const socket = new Played();
    const way = await opened(socket);
    socket.say(0, 1, 1);
    const heard = listen(way);
    way.send(frame(1, 1));
    socket.bufferedAmount = 77;
    expect([socket.sent, heard.records, way.waiting]).toEqual([
      [Uint8Array.of(1, 4, ...TICKET), frame(1, 1)],
      [Uint8Array.of(0, 1, 1)],
      77,
    ]);
  });

  it.each([
    ["nothing", 0],
    ["more than a record", 16_002],
  ])("a record of %s ends it", async (_, size) => {
    const socket = new Played();
    const heard = listen(await opened(socket));
    socket.say(...new Uint8Array(size));
    socket.say(1, 1);
    expect([heard.records, heard.codes, socket.closed]).toEqual([[], [1006], true]);
  });

  it.each([
    [4403, 4403],
    [1012, 1012],
    [1000, 1006],
    [4502, 1006],
    [undefined, 1006],
  ])("a close with %s is told as %s, once, also to who asks late", async (code, told) => {
    const socket = new Played();
    const way = await opened(socket);
    way.onrecord = () => undefined;
    socket.onclose?.(code === undefined ? undefined : { code });
    socket.onclose?.({ code: 4401 });
    const codes: number[] = [];
    way.onclose = (one) => codes.push(one);
    expect(codes).toEqual([told]);
  });

  it("one's own close is not told", async () => {
    const socket = new Played();
    const way = await opened(socket);
    const { codes } = listen(way);
    way.close();
    socket.onclose?.({ code: 4401 });
    expect([codes, socket.closed]).toEqual([[], true]);
  });

  it.each<[string, Answers, string]>([
    ["a refusal", { served: () => failing("slow-down") }, "slow-down"],
    ["no JSON", { served: () => Promise.resolve(encodeText("<html>")) }, "unreachable"],
    ["no object", { served: () => Promise.resolve(encodeText("null")) }, "unreachable"],
    ["no ticket", { served: () => ticketOf(undefined) }, "malformed"],
    ["a short ticket", { served: () => ticketOf("AAAA") }, "malformed"],
  ])("%s instead of a ticket opens nothing", async (_, answers, code) => {
    const socket = new Played();
    await expect(opening(socket, answers)).rejects.toMatchObject({ name: "CallError", code });
    expect(socket.onopen).toBeNull();
  });

  it("a socket that does not open is unreachable", async () => {
    const socket = new Played();
    const way = opening(socket);
    await vi.waitFor(() => expect(socket.onerror).not.toBeNull());
    socket.onerror?.();
    await expect(way).rejects.toEqual(new CallError("unreachable"));
  });

  it("an answer that does not open the seal ends it", async () => {
    const socket = new Played();
    const way = opening(socket, { seal: Uint8Array.of(1, 1), sealed: () => failing("protocol") });
    await vi.waitFor(() => expect(socket.onopen).not.toBeNull());
    socket.heard = () => socket.say(9, 9, 9);
    socket.onopen?.();
    await expect(way).rejects.toEqual(new CallError("protocol"));
    expect([socket.sent, socket.closed]).toEqual([[Uint8Array.of(1, 1)], true]);
  });

  it.each<[string, Answers, (socket: Played) => void]>([
    ["the ticket", { served: never }, () => undefined],
    ["the socket", {}, () => undefined],
    ["the answer to the seal", { seal: Uint8Array.of(1) }, (socket) => socket.onopen?.()],
    [
      "the core's word on it",
      { seal: Uint8Array.of(1), sealed: never },
      (socket) => {
        socket.heard = () => socket.say(9);
        socket.onopen?.();
      },
    ],
  ])("it waits for %s as long as the deadline, and leaves nothing open", async (_, answers, play) => {
    const late = deadline();
    const socket = new Played();
    const way = opening(socket, answers);
    if (!answers.served) await vi.waitFor(() => expect(socket.onopen).not.toBeNull());
    play(socket);
    late.abort(new DOMException("", "TimeoutError"));
    await expect(way).rejects.toEqual(new CallError("unreachable"));
    await vi.waitFor(() => expect(socket.closed || answers.served).toBeTruthy());
  });
});
