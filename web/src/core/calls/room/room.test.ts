/** Two devices in a media room in memory, with pages and codec played by the test: rung C from `room` to the end. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseFrame, ROOM_FULL } from "../../../protocol/calls/media.ts";
import { BLOCK_SAMPLES, type Order } from "../../callorders.ts";
import { MediaLinks } from "../media/links.ts";
import type { LinkFigures } from "../media/measure.ts";
import type { MediaSignal } from "../media/shared.ts";
import type { MediaWay } from "../way.ts";
import { concat } from "../../../protocol/bytes.ts";
import { SFrameKey } from "../sframe.ts";
import { DOUBT_EACH_MS, DOUBTS } from "./carrier.ts";
import type { Codec } from "./opus.ts";

const CALL = new Uint8Array(16).fill(7);
/** A packet of one size, whose first byte is the loudness. */
const CODEC: Codec = {
  encoder: ({ out }) => ({
    push: (block) => out(new Uint8Array(120).fill((block[0] ?? 0) * 100)),
    close: () => undefined,
  }),
  decoder: ({ out }) => ({
    push: (packet) => out(new Float32Array(BLOCK_SAMPLES).fill((packet[0] ?? 0) / 100)),
    close: () => undefined,
  }),
};
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** What the server does: pass on. */
class Server {
  readonly records: Uint8Array[] = [];
  /** By slot: the newest. */
  readonly newest = new Map<number, Uint8Array>();
  sounds = 0;
  readonly ways: MediaWay[] = [];

  open(): Promise<MediaWay> {
    const slot = this.ways.length + 1;
    const way: MediaWay = {
      ...{ waiting: 0, onrecord: () => undefined, onclose: () => undefined, close: () => undefined },
      send: (record) => {
        this.records.push(record);
        if (record[0] === 1) {
          this.newest.set(slot, record);
          this.sounds += 1;
        }
        this.tell(slot, record);
      },
    };
    this.ways.push(way);
    return Promise.resolve(way);
  }

  tell(slot: number, record: Uint8Array): void {
    for (const [at, other] of this.ways.entries()) if (at + 1 !== slot) other.onrecord(Uint8Array.of(slot, ...record));
  }
}

class Device {
  readonly orders: Order[] = [];
  readonly signals: MediaSignal[] = [];
  readonly told: string[] = [];
  readonly heard: Float32Array[] = [];
  figures: LinkFigures | undefined;
  readonly links: MediaLinks;
  #pc: number;

  constructor(me: number, server: Server, clock: { now: number }) {
    this.#pc = 100 * (me + 1);
    this.links = new MediaLinks(
      { call: CALL, leaf: me, kind: "audio", nextPc: () => (this.#pc += 2) },
      {
        post: (order) => this.#obey(order),
        roomMeans: () => ({ open: () => server.open(), codec: CODEC }),
        localSignal: (signal) => void this.signals.push(signal),
        linkUp: (leaf) => void this.told.push(`up ${leaf}`),
        linkDown: (leaf) => void this.told.push(`down ${leaf}`),
        alarm: (leaf) => void this.told.push(`alarm ${leaf}`),
        unopened: (leaf) => void this.told.push(`unopened ${leaf}`),
        noRoute: (leaf) => void this.told.push(`no route ${leaf}`),
        figures: (figures) => (this.figures = figures),
        measured: () => undefined,
        nowMs: () => clock.now,
      },
    );
    this.links.useKey(5, new Uint8Array(16).fill(9), false);
  }

  #obey(order: Order): void {
    this.orders.push(order);
    if (order.order === "hear")
      order.port.onmessage = ({ data }: MessageEvent<Float32Array>) => void this.heard.push(data);
  }

  last<O extends Order["order"]>(kind: O): Extract<Order, { order: O }> | undefined {
    return this.orders.findLast((one): one is Extract<Order, { order: O }> => one.order === kind);
  }

  /** The microphone's next 40 ms. */
  say(level: number): void {
    this.last("speak")?.port.postMessage(new Float32Array(BLOCK_SAMPLES).fill(level));
  }

  sound(): number {
    return this.figures?.opened?.audio.opened ?? 0;
  }
}

let clock: { now: number };
let server: Server;
let anna: Device;
let omar: Device;

/** Signals reach the other, in order. */
function carry(): void {
  for (const signal of anna.signals.splice(0)) omar.links.hear(0, signal);
  for (const signal of omar.signals.splice(0)) anna.links.hear(1, signal);
}

const look = (): void => {
  for (const one of [anna, omar]) one.links.hearPage({ report: "sample", samples: [] });
};

/** So many blocks of these microphones, each opened at the other end, and all that follows. */
async function pass(blocks: number, level = 0.25, speakers: readonly Device[] = [anna, omar]): Promise<void> {
  for (let block = 0; block < blocks; block++) {
    const [sent, opened] = [server.sounds, anna.sound() + omar.sound()];
    for (const one of speakers) one.say(level);
    await vi.waitFor(
      () => {
        look();
        expect(server.sounds - sent).toBe(speakers.length);
        expect(anna.sound() + omar.sound() - opened).toBe(speakers.length);
      },
      { interval: 1 },
    );
    for (let turn = 0; turn < 4; turn++) {
      clock.now += 10;
      for (const one of [anna, omar]) {
        one.links.tick();
      }
    }
    await settle();
    carry();
  }
  look();
}

beforeEach(async () => {
  [clock, server] = [{ now: 1_000 }, new Server()];
  [anna, omar] = [new Device(0, server, clock), new Device(1, server, clock)];
  anna.links.openLink(1, { relayOnly: true });
  omar.links.openLink(0, { relayOnly: true });
  carry();
  await settle();
});
afterEach(() => {
  vi.restoreAllMocks();
  anna.links.close();
  omar.links.close();
});

test("where no relay is, the room is the way; the microphone waits for `got`", async () => {
  expect(anna.last("live")).toBeUndefined();
  await pass(1);
  expect(anna.last("live")).toMatchObject({ audio: true, video: false });
  await pass(12);
  expect([anna.told, omar.told]).toEqual([["up 1"], ["up 0"]]);
  expect(omar.sound()).toBeGreaterThan(10);
  expect(omar.heard.some((block) => Math.abs((block[0] ?? 0) - 0.25) < 0.01)).toBe(true);
  expect(omar.figures?.samples.map(({ route }) => route?.type)).toEqual(["server", "server"]);
  expect(omar.figures?.opened?.audio).toMatchObject({ invalid: 0, unknownKey: 0, replayed: 0 });
});

test("what leaves is sealed and of one size, sound or silence, with a report each second", async () => {
  await pass(30, 0);
  const frames = server.records.map(parseFrame);
  const sound = frames.filter(({ kind }) => kind === "audio");
  expect(new Set(sound.slice(20).map(({ payload }) => payload.length)).size).toBe(1);
  expect(frames.filter(({ kind }) => kind === "control").length).toBeGreaterThanOrEqual(2);
  // Nothing of 120 equal bytes is to be seen.
  for (const { payload } of sound) expect(new Set(payload).size).toBeGreaterThan(50);
});

test("the way through the room and back is measured by reports and their echoes", async () => {
  const rtt = (): unknown => omar.figures?.samples.find(({ side }) => side === "send")?.rttMs;
  await pass(20);
  expect(rtt()).toBeUndefined();
  // Reports stay on their way for a while.
  const send = server.tell.bind(server);
  const late: [number, Uint8Array][] = [];
  server.tell = (slot, record) => void (record[0] === 4 ? late.push([slot, record]) : send(slot, record));
  const sealing: Promise<unknown>[] = [];
  const { seal, open } = SFrameKey.prototype;
  const held = <T>(work: Promise<T>): Promise<T> => {
    sealing.push(work);
    return work;
  };
  vi.spyOn(SFrameKey.prototype, "seal").mockImplementation(function (this: SFrameKey, ...given) {
    return held(seal.apply(this, given));
  });
  vi.spyOn(SFrameKey.prototype, "open").mockImplementation(function (this: SFrameKey, ...given) {
    return held(open.apply(this, given));
  });
  /** The clock is ours: it stands until all is sealed and open. */
  const still = async (): Promise<void> => {
    while (sealing.length > 0) {
      await Promise.all(sealing.splice(0));
      await settle();
    }
  };
  for (let turn = 0; turn < 60; turn++) {
    await pass(1);
    await still();
    if (turn % 2 === 0) for (const one of late.splice(0)) send(...one);
    await still();
  }
  look();
  // By that clock each way takes what is left of a turn of 40 ms, and one more or none.
  expect(rtt()).toBeGreaterThanOrEqual(0);
  expect(rtt()).toBeLessThanOrEqual(160);
});

test.each<[string, (sealed: Uint8Array, plain: Uint8Array) => Uint8Array]>([
  ["nothing is sealed", (_, plain) => plain],
  ["a tag of zeros is put behind it", (_, plain) => concat(plain, new Uint8Array(16))],
  [
    "it is behind a header",
    (sealed, plain) => concat(sealed.subarray(0, -16 - plain.length), plain, new Uint8Array(16)),
  ],
  ["the tag is cut", (sealed) => sealed.subarray(0, -1)],
  ["the KID is another's", (sealed) => sealed.map((byte, at) => (at === 3 ? byte ^ 1 : byte))],
])("where %s, nothing more leaves and the alarm is raised", async (_, broken) => {
  await pass(3);
  const before = server.records.length;
  const seal = SFrameKey.prototype.seal;
  vi.spyOn(SFrameKey.prototype, "seal").mockImplementation(async function (this: SFrameKey, ctr, plain, metadata) {
    return broken(await seal.call(this, ctr, plain, metadata), plain);
  });
  anna.say(0.25);
  await vi.waitFor(() => expect(anna.told.at(-1)).toBe("alarm 0"));
  anna.say(0.25);
  await settle();
  expect(server.records.length).toBe(before);
  expect(anna.last("close")).toBeDefined();
});

test("what anybody else in the room writes is dropped, and no alarm", async () => {
  await pass(10);
  const genuine = server.newest.get(1) ?? new Uint8Array();
  const before = omar.sound();
  for (let turn = 0; turn < 40; turn++) {
    // Another counter, behind 8 bytes of the frame, one of SFrame and four of the KID.
    server.tell(
      1,
      genuine.map((byte, at) => (at === 13 ? 200 + turn : byte)),
    );
    server.tell(1, Uint8Array.of(9, 9));
  }
  // And a genuine one again.
  server.tell(1, genuine);
  await settle();
  await pass(5);
  expect(omar.told).toEqual(["up 0"]);
  expect(omar.figures?.opened?.audio).toMatchObject({ invalid: 40, replayed: 1 });
  expect(omar.sound() - before).toBeLessThanOrEqual(6);
});

test("sound that stays away is `lost`, and heard again it is `got`", async () => {
  await pass(10);
  await pass(30, 0.25, [omar]);
  expect(omar.told).toEqual(["up 0", "down 0"]);
  await pass(20);
  expect(omar.told.at(-1)).toBe("up 0");
});

test("who was never told that it is not heard is heard again, however long the silence was", async () => {
  await pass(10);
  for (let turn = 0; turn < 150; turn++) {
    clock.now += 100;
    for (const one of [anna, omar]) {
      one.links.tick();
      one.signals.splice(0);
    }
  }
  expect([anna.told.at(-1), omar.told.at(-1)]).toEqual(["down 1", "down 0"]);
  await pass(20);
  expect([anna.told.at(-1), omar.told.at(-1)]).toEqual(["up 1", "up 0"]);
});

test("what opens once its link is closed gets no `got`", async () => {
  const tell = server.tell.bind(server);
  server.tell = (slot, record) => {
    tell(slot, record);
    omar.links.closeLink(0);
  };
  anna.say(0.25);
  await vi.waitFor(() => expect(server.sounds).toBe(1));
  for (let turn = 0; turn < 5; turn++) await settle();
  expect(omar.signals.filter(({ t }) => t === "got")).toEqual([]);
});

test.each([
  ["", undefined],
  [", also where it is full", ROOM_FULL],
])("a peer that is lost and found again has the room opened no more often than a peer may%s", async (_, code) => {
  const alone = new Server();
  const zoe = new Device(2, alone, clock);
  zoe.links.openLink(1, { relayOnly: false });
  const answered = new Set<number>();
  for (let turn = 0; turn < 400; turn++) {
    clock.now += 500;
    zoe.links.tick();
    // The peer says `got` of what goes straight, and loses it at once.
    const sending = zoe.last("send");
    if (sending && !answered.has(sending.id)) {
      answered.add(sending.id);
      zoe.links.hearPage({ report: "described", id: sending.id, sdp: "v=0\r\n" });
    }
    await settle();
    if (code !== undefined) for (const way of alone.ways) way.onclose(code);
    for (const signal of zoe.signals.splice(0))
      if (signal.t === "desc") zoe.links.hear(1, { t: "got", call: CALL, to: 2, pc: signal.pc });
    zoe.links.tick();
    zoe.links.hear(1, { t: "lost", call: CALL, to: 2, pc: 0 });
  }
  expect(alone.ways.length).toBeGreaterThan(1);
  expect(alone.ways.length).toBeLessThanOrEqual(1 + DOUBTS + 200_000 / DOUBT_EACH_MS);
  zoe.links.close();
});

test("a closed link ends the microphone, the player and the connection", async () => {
  await pass(10);
  const [speak, hear] = [anna.last("speak")?.id, anna.last("hear")?.id];
  anna.links.closeLink(1);
  const closed = anna.orders.flatMap((order) => (order.order === "close" ? [order.id] : []));
  expect(closed).toEqual(expect.arrayContaining([speak, hear]));
});

test("a page without an audio thread fails the attempt, and nothing else is there", async () => {
  const id = anna.last("speak")?.id ?? -1;
  anna.links.hearPage({ report: "failed", id });
  clock.now += 100;
  anna.links.tick();
  anna.links.hearPage({ report: "sample", samples: [] });
  expect(anna.figures?.tries).toMatchObject([{ kind: "C", result: "failed" }]);
  await settle();
});
