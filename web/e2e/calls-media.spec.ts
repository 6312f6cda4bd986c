/** The media of calls in real Chromium: set-up, sealing, changes of key, sabotage, devices, four people, relays. */
import { randomBytes } from "node:crypto";
import type { Server } from "node:http";
import { type Browser, chromium, expect, test } from "@playwright/test";
import type { LinkFigures } from "../src/core/calls/media/measure.ts";
import { MediaRoom, type Person, Room, servePage, startRelay } from "./calls/people.ts";
import { keepResult, spentBy } from "./calls/results.ts";
import { CHROMIUM_WITH_MEDIA } from "./chromium.ts";

const LONG = process.env["ZAJIL_LONG"] !== undefined;

let browser: Browser;
let server: Server;
let url: string;
let room: Room;

test.beforeAll(async () => {
  ({ url, server } = await servePage());
  browser = await chromium.launch(CHROMIUM_WITH_MEDIA);
});
test.afterAll(async () => {
  await browser.close();
  server.close();
});
test.beforeEach(() => {
  room = new Room(browser, url);
});
test.afterEach(async () => {
  await room.end();
});

const p95 = (figures: readonly number[]): number =>
  [...figures].sort((a, b) => a - b)[Math.ceil(figures.length * 0.95) - 1] ?? Number.NaN;

/** How many more frames opened from the first to the last of these measurements. */
function growth(figures: readonly LinkFigures[], kind: "audio" | "video"): number {
  const count = (all: LinkFigures | undefined): number => all?.opened?.[kind].opened ?? 0;
  return count(figures.at(-1)) - count(figures[0]);
}

const round1 = (figure: number): number => Math.round(figure * 10) / 10;
const longest = (texts: readonly string[]): number => Math.max(...texts.map((text) => text.length));

function gapsOf(figures: readonly LinkFigures[]): string {
  const gap = (kind: "audio" | "video"): number =>
    Math.round(Math.max(...figures.map((all) => all.opened?.[kind].gapMs ?? 0)));
  const received = figures.flatMap((all) => all.samples.filter((sample) => sample.side === "receive"));
  const frozen = (received.at(-1)?.frozenS ?? 0) - (received[0]?.frozenS ?? 0);
  return `longest gap of sound ${gap("audio")} ms, of pictures ${gap("video")} ms, frozen ${Math.round(frozen * 1_000)} ms`;
}

/** Whether one end has sealed what the other opened. */
const enough = (sent: LinkFigures, there: LinkFigures): boolean =>
  (sent.sealed?.audio.sealed ?? 0) >= (there.opened?.audio.opened ?? 0) &&
  (sent.sealed?.video.sealed ?? 0) >= (there.opened?.video.opened ?? 0);

/** Runs in the page: transforms of senders are set and never take effect. */
function leaveOut(): void {
  Object.defineProperty(RTCRtpSender.prototype, "transform", { set: () => undefined, get: () => undefined });
}

/** Likewise those of receivers: what arrives is sealed, and nothing opens it. */
function leaveOutReceivers(): void {
  Object.defineProperty(RTCRtpReceiver.prototype, "transform", { set: () => undefined, get: () => undefined });
}

/** Runs in the page: as a browser that knows no RED. */
function forgetRed(): void {
  const known = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
  RTCRtpReceiver.getCapabilities = (kind) => {
    const all = known(kind);
    return all && { ...all, codecs: all.codecs.filter(({ mimeType }) => mimeType !== "audio/red") };
  };
}

/** Runs in the page: its connections can be asked for what they count. */
function keepConnections(): void {
  const open: RTCPeerConnection[] = [];
  (globalThis as { opened?: RTCPeerConnection[] }).opened = open;
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(plan?: RTCConfiguration) {
      super(plan);
      open.push(this);
    }
  };
}

/** What a page that keeps its connections has received of sound. */
const soundIn = (person: Person): Promise<Record<string, number>> =>
  person.page.evaluate(async () => {
    for (const connection of (globalThis as { opened?: RTCPeerConnection[] }).opened ?? [])
      for (const [, entry] of await connection.getStats())
        if (entry.type === "inbound-rtp" && entry.kind === "audio") return entry;
    return {};
  });

/** Bytes of a sealed frame of sound from one to another, of half a dozen measurements. */
async function soundBytes(from: Person, to: Person): Promise<number> {
  const figures = (await from.windows(to.leaf, 6)).map((all) => all.sealed?.audio);
  const [first, last] = [figures[0], figures.at(-1)];
  if (!first || !last) throw new Error("nothing was sealed");
  return (last.bytes - first.bytes) / (last.sealed - first.sealed);
}

/** Two people in one call, up both ways. */
async function pair(camera = false): Promise<[Person, Person, number]> {
  const [anna, omar] = await Promise.all([room.join(0, { camera }), room.join(1, { camera })]);
  await room.epoch(5, [anna, omar]);
  return [anna, omar, await room.connect(anna, omar)];
}

test("calls connect, and both ends see and hear each other", async () => {
  const [anna, omar, first] = await pair(true);
  for (const [one, other] of [
    [anna, omar],
    [omar, anna],
  ] as const) {
    const sees = async (): Promise<boolean> => {
      const shown = (await one.look()).get(other.leaf);
      return shown !== undefined && shown.width > 300 && shown.brightness > 10 && shown.loudness > 0.001;
    };
    await expect.poll(sees).toBe(true);
    const there = await one.measured(other.leaf, "frames", (all) => (all.opened?.video.opened ?? 0) > 20);
    expect(there.opened?.audio).toMatchObject({ invalid: 0, unknownKey: 0 });
    expect(there.opened?.video).toMatchObject({ invalid: 0, unknownKey: 0 });
    // What one end opened, the other has sealed; nothing was dropped.
    const sent = await other.measured(one.leaf, "counts", (all) => enough(all, there));
    expect(sent.sealed?.audio.dropped).toBeLessThanOrEqual(1);
    expect(sent.sealed?.video.dropped).toBe(0);
    const receiving = there.samples.find((sample) => sample.side === "receive");
    expect(receiving?.framesDecoded).toBeGreaterThan(10);
  }
  const offers = room.carried.flatMap(({ signal }) => (signal.t === "desc" ? [signal.sdp] : []));
  for (const sdp of offers) {
    expect(sdp).not.toContain("ssrc-audio-level");
    expect(sdp.length).toBeLessThan(3_500);
  }
  console.log(`set-up of a first call with video: ${Math.round(first)} ms; longest SDP ${longest(offers)} bytes`);
});

test("twenty calls connect one after the other", async () => {
  const [anna, omar, first] = await pair();
  const took = [first];
  while (took.length < 20) {
    await room.part(anna, omar);
    took.push(await room.connect(anna, omar));
  }
  const sorted = took.map(Math.round).sort((a, b) => a - b);
  const figures = { calls: 20, median_ms: sorted[9], p95_ms: Math.round(p95(took)), worst_ms: sorted[19] };
  console.log(
    `set-up of 20 calls, both ends up: median ${figures.median_ms} ms, p95 ${figures.p95_ms} ms, ${figures.worst_ms} worst`,
  );
  if (LONG) keepResult(browser, "setup", figures);
});

test("by UDP each frame of sound goes twice, in RED, and is sealed and counted as one", async () => {
  const [anna, omar] = await Promise.all([room.join(0), room.join(1, { sabotage: keepConnections })]);
  await room.epoch(5, [anna, omar]);
  await room.connect(anna, omar);
  const bytes = await soundBytes(anna, omar);
  const there = await omar.measured(0, "frames", (all) => (all.opened?.audio.opened ?? 0) > 100);
  expect(there.opened?.audio).toMatchObject({ invalid: 0, unknownKey: 0, replayed: 0 });
  const sent = await anna.measured(1, "counts", (all) => enough(all, there));
  expect(sent.sealed?.audio.dropped).toBeLessThanOrEqual(1);
  // Header, RED's own five bytes, twice 80 of Opus, and the tag.
  expect(bytes).toBeGreaterThan(180);
  expect(bytes).toBeLessThan(190);
  const { packetsReceived = 0, packetsDiscarded = 0, concealedSamples = 0, ...counted } = await soundIn(omar);
  // The second copy of what has come already is thrown away, unless it was the first to be there.
  expect(packetsDiscarded + (counted["fecPacketsReceived"] ?? 0)).toBeGreaterThan(packetsReceived / 2);
  await expect.poll(async () => (await omar.look()).get(0)?.loudness ?? 0).toBeGreaterThan(0.001);
  const told = room.carried.flatMap(({ signal }) => (signal.t === "desc" ? [signal] : []));
  for (const { sdp } of told) {
    expect(sdp).toMatch(/^a=zajil-red:\d+\r$/m);
    expect(sdp).not.toContain(" red/48000");
  }
  console.log(`RED: ${round1(bytes)} bytes a frame; ${packetsReceived} packets, ${concealedSamples} samples concealed`);
});

test("who knows no RED is spoken to, and speaks, in plain Opus", async () => {
  const [anna, omar] = await Promise.all([room.join(0), room.join(1, { sabotage: forgetRed })]);
  await room.epoch(5, [anna, omar]);
  await room.connect(anna, omar);
  for (const [from, to] of [
    [anna, omar],
    [omar, anna],
  ] as const) {
    expect(await soundBytes(from, to)).toBeLessThan(110);
    await expect.poll(async () => (await to.look()).get(from.leaf)?.loudness ?? 0).toBeGreaterThan(0.001);
  }
  const told = room.carried.flatMap(({ from, signal }) => (signal.t === "desc" ? [{ ...signal, from }] : []));
  const withRed = told.filter(({ sdp }) => sdp.includes("a=zajil-red:")).map(({ from, role }) => `${from} ${role}`);
  expect(new Set(withRed)).toEqual(new Set(["0 offer"]));
});

test("a change of key is not heard, and who was removed opens nothing more", async () => {
  const [anna, omar] = await pair(true);
  const zoe = await room.join(2, { camera: true });
  await room.epoch(6, [anna, omar, zoe]);
  await Promise.all([room.connect(anna, zoe), room.connect(omar, zoe)]);
  for (const [one, leaf] of [
    [anna, 1],
    [zoe, 0],
  ] as const)
    await one.measured(leaf, "pictures", (all) => (all.opened?.video.opened ?? 0) > 10);

  // Somebody joins: senders change after a second.
  await room.epoch(7, [anna, omar, zoe]);
  const joining = await anna.windows(1, 5);
  // Zoe is out: she gets no key of epoch 8, and her browser keeps listening all the same.
  const removed = performance.now();
  await room.epoch(8, [anna, omar], true);
  const leaving = await anna.windows(1, 5);
  for (const [name, figures] of [
    ["join", joining],
    ["leave", leaving],
  ] as const) {
    console.log(`key change at a ${name}: ${gapsOf(figures)}`);
    expect(figures.at(-1)?.opened?.audio).toMatchObject({ invalid: 0, unknownKey: 0 });
    expect(figures.at(-1)?.opened?.video).toMatchObject({ invalid: 0, unknownKey: 0 });
  }

  await zoe.down(0, removed);
  const deaf = await zoe.windows(0, 6);
  // New connections bring her nothing either.
  expect(new Set(deaf.map((all) => all.opened?.audio.opened)).size).toBeLessThanOrEqual(2);
  const [first = 0, last = 0] = [deaf[0]?.opened?.audio.opened, deaf.at(-1)?.opened?.audio.opened];
  expect([0, first]).toContain(last);
  expect(zoe.events.some(({ at, told }) => at > removed + 2_000 && told.told === "up")).toBe(false);
  for (const one of [anna, omar, zoe]) expect(one.events.some(({ told }) => told.told === "alarm")).toBe(false);
});

test("a key that comes late is used at once", async () => {
  const [anna, omar] = await pair(true);
  await omar.measured(0, "pictures", (all) => (all.opened?.video.opened ?? 0) > 10);
  const key = randomBytes(16);
  // After a removal who sends changes at once; Omar's commit is on its way for so long that he gives the sound up.
  await anna.key(6, key, true);
  await omar.down(0, performance.now());
  const late = performance.now();
  await omar.key(6, key, true);
  await omar.up(0, late);
  const back = performance.now() - late;
  const before = omar.figures.get(0)?.opened?.video.opened ?? 0;
  await omar.measured(0, "pictures again", (all) => (all.opened?.video.opened ?? 0) > before);
  console.log(
    `late key: both ways up after ${Math.round(back)} ms, pictures within ${Math.round(performance.now() - late)} ms`,
  );
  for (const one of [anna, omar]) expect(one.events.some(({ told }) => told.told === "alarm")).toBe(false);
});

test("a browser that leaves the sender's transform out ends the call before anything real is sent", async () => {
  const anna = await room.join(0, { sabotage: leaveOut });
  const omar = await room.join(1);
  await room.epoch(5, [anna, omar]);
  const begin = performance.now();
  await anna.drive({ do: "open", leaf: 1, relayOnly: false });
  await omar.drive({ do: "open", leaf: 0, relayOnly: false });
  const at = await anna.alarm();
  console.log(`alarm after ${Math.round(at - begin)} ms`);
  // What Omar was sent in clear was the dummy, and not even that was played.
  expect((await omar.look()).size).toBe(0);
  expect(anna.events.some(({ told }) => told.told === "up")).toBe(false);
});

test("a browser that leaves the receiver's transform out plays nothing and is given up", async () => {
  const [anna, omar] = await Promise.all([room.join(0), room.join(1, { sabotage: leaveOutReceivers })]);
  await room.epoch(5, [anna, omar]);
  await Promise.all([
    anna.drive({ do: "open", leaf: 1, relayOnly: false }),
    omar.drive({ do: "open", leaf: 0, relayOnly: false }),
  ]);
  // Omar's own sound reaches Anna, who says so; hers opens nowhere, so he never does, and gives the connection up.
  await omar.measured(0, "sound that does not open", (all) => all.opened !== undefined);
  await omar.measured(0, "end of it", (all) => all.opened === undefined);
  expect(
    omar.events.some(({ told }) => told.told === "up" || (told.told === "signal" && told.signal.t === "got")),
  ).toBe(false);
  expect((await omar.look()).size).toBe(0);
});

test("mute sends silence, and a camera that is off sends nothing", async () => {
  const [anna, omar] = await pair(true);
  await expect.poll(async () => (await omar.look()).get(0)?.loudness ?? 0).toBeGreaterThan(0.001);
  await anna.drive({ do: "media", microphone: false, camera: true });
  await expect.poll(async () => (await omar.look()).get(0)?.loudness ?? 1).toBeLessThan(0.0005);
  const muted = await omar.windows(0, 2);
  expect(growth(muted, "audio")).toBeGreaterThan(10);

  // Open, but off as the call says.
  await anna.drive({ do: "media", microphone: false, camera: false });
  await expect.poll(async () => growth(await omar.windows(0, 2), "video")).toBe(0);
  await anna.drive({ do: "media", microphone: false, camera: true });
  await expect.poll(async () => growth(await omar.windows(0, 2), "video")).toBeGreaterThan(0);

  await anna.page.evaluate(() => window.call.closeCamera());
  await expect.poll(async () => growth(await omar.windows(0, 2), "video")).toBe(0);
  const dark = await omar.windows(0, 2);
  expect(growth(dark, "audio")).toBeGreaterThan(10);
});

test("four people in a mesh hear and see each other", async () => {
  const people = await Promise.all([0, 1, 2, 3].map((leaf) => room.join(leaf, { camera: true })));
  await room.epoch(5, people);
  const pairs = people.flatMap((one, at) => people.slice(at + 1).map((other) => [one, other] as const));
  await Promise.all(pairs.map(([one, other]) => room.connect(one, other)));
  const links = pairs.flatMap(([one, other]) => [[one, other] as const, [other, one] as const]);
  await Promise.all(
    links.map(([one, { leaf }]) => one.measured(leaf, "pictures", (all) => (all.opened?.video.opened ?? 0) > 0)),
  );
  const windows = LONG ? 12 : 1;
  const [begin, before] = [performance.now(), await spentBy(browser)];
  const slowest = { audio: Number.POSITIVE_INFINITY, video: Number.POSITIVE_INFINITY };
  for (let window = 0; window < windows; window++) {
    const all = await Promise.all(links.map(async ([one, other]) => await one.timed(other.leaf, 11)));
    for (const { figures, seconds } of all) {
      expect(growth(figures, "audio")).toBeGreaterThan(50);
      expect(growth(figures, "video")).toBeGreaterThanOrEqual(5);
      for (const kind of ["audio", "video"] as const)
        slowest[kind] = Math.min(slowest[kind], growth(figures, kind) / seconds);
    }
  }
  const seconds = (performance.now() - begin) / 1_000;
  const after = await spentBy(browser);
  const cpu = Object.fromEntries(
    [...after].map(([type, { seconds: spent }]) => [
      type.toLowerCase(),
      Math.round(((spent - (before.get(type)?.seconds ?? 0)) / seconds) * 100),
    ]),
  );
  const figures = {
    ...{ people: people.length, links: links.length, seconds: Math.round(seconds), windows },
    ...{ slowest_audio_fps: round1(slowest.audio), slowest_video_fps: round1(slowest.video) },
    ...{ cpu_percent_of_a_core: cpu, cpu_cores: Object.values(cpu).reduce((sum, one) => sum + one, 0) / 100 },
  };
  console.log(`mesh: ${JSON.stringify(figures)}`);
  if (LONG) keepResult(browser, "mesh", figures);
});

for (const transport of ["udp", "tcp"] as const)
  test(`a relay over ${transport.toUpperCase()} carries a call, and no other address is told`, async ({}, info) => {
    const running = await startRelay(info.outputPath());
    test.skip(running === undefined, "no turnserver: apt-get install -y coturn");
    if (!running) return;
    try {
      room.servers = [running.relay(transport)];
      room.relayOnly = true;
      const [anna, omar, took] = await pair();
      const figures = await anna.measured(1, "route", (all) => all.samples.some((sample) => sample.route));
      const routes = figures.samples.map((sample) => sample.route);
      expect(routes).toContainEqual(expect.objectContaining({ type: "relay", relay: transport }));
      const told = room.carried.flatMap(({ signal }) => (signal.t === "cand" ? signal.cands : []));
      expect(told.length).toBeGreaterThan(0);
      for (const candidate of told) expect(candidate).toMatch(/ typ relay raddr 0\.0\.0\.0 rport 0/);
      for (const { signal } of room.carried) if (signal.t === "desc") expect(signal.sdp).not.toContain("a=candidate");
      console.log(`set-up over ${transport.toUpperCase()}: ${Math.round(took)} ms`);
      expect(omar.events.some(({ told: one }) => one.told === "alarm")).toBe(false);
    } finally {
      running.stop();
    }
  });

test("a relay that dies in the middle of a call is replaced by another", async ({}, info) => {
  const [first, second] = [await startRelay(info.outputPath("a")), await startRelay(info.outputPath("b"))];
  test.skip(first === undefined, "no turnserver: apt-get install -y coturn");
  if (!first || !second) return;
  try {
    room.servers = [first.relay("udp"), second.relay("tcp")];
    room.relayOnly = true;
    const [anna, omar] = await pair();
    for (const [one, leaf] of [
      [anna, 1],
      [omar, 0],
    ] as const)
      await one.measured(leaf, "sound", (all) => (all.opened?.audio.opened ?? 0) > 20);
    const cut = performance.now();
    first.stop();
    const downs = await Promise.all([anna.down(1, cut), omar.down(0, cut)]);
    const ups = await Promise.all([anna.up(1, Math.min(...downs)), omar.up(0, Math.min(...downs))]);
    const [noticed, back] = [Math.min(...downs) - cut, Math.max(...ups) - cut];
    console.log(`relay cut: noticed after ${Math.round(noticed)} ms, both ways up again after ${Math.round(back)} ms`);
    const after = await anna.windows(1, 3);
    expect(after.at(-1)?.samples.map((sample) => sample.route?.relay)).toContain("tcp");
    expect(growth(after, "audio")).toBeGreaterThan(10);
  } finally {
    first.stop();
    second.stop();
  }
});

test("over the server, both hear each other, all of it is sealed and of one size, and a cut is mended", async () => {
  room.relayOnly = true;
  room.media = new MediaRoom();
  const [anna, omar, took] = await pair();
  for (const [one, other] of [
    [anna, omar],
    [omar, anna],
  ] as const) {
    await expect.poll(async () => (await one.look()).get(other.leaf)?.loudness ?? 0).toBeGreaterThan(0.001);
    const there = await one.measured(other.leaf, "frames", (all) => (all.opened?.audio.opened ?? 0) > 50);
    expect(there.opened?.audio).toMatchObject({ invalid: 0, unknownKey: 0 });
    const sent = await other.measured(one.leaf, "counts", (all) => enough(all, there));
    expect(sent.sealed?.audio.dropped).toBeLessThanOrEqual(1);
    expect(there.samples.map(({ route }) => route?.type)).toEqual(["server", "server"]);
  }
  const { records } = room.media;
  const sound = records.filter(({ data }) => data[0] === 1).map(({ data }) => data.length);
  // 8 of the frame, 6 to 8 of SFrame (its counter grows at 8 and 256), 120 of Opus, 16 of the tag.
  expect(new Set(sound).size).toBeLessThanOrEqual(3);
  expect(Math.max(...sound)).toBeLessThan(160);
  expect(records.some(({ data }) => data[0] === 4)).toBe(true);

  // Muted, the stream goes on and nothing is heard.
  await anna.drive({ do: "media", microphone: false, camera: false });
  await expect.poll(async () => (await omar.look()).get(0)?.loudness ?? 1).toBeLessThan(0.0005);
  await anna.drive({ do: "media", microphone: true, camera: false });

  // The connection ends as at a server's restart: another one is opened, and the attempt is the same.
  const before = omar.figures.get(0)?.opened?.audio.opened ?? 0;
  await room.media.cut(anna, 1012);
  await omar.measured(0, "sound after the cut", (all) => (all.opened?.audio.opened ?? 0) > before + 50);
  const attempts = room.carried.flatMap(({ from, signal }) => (from === 0 && signal.t === "room" ? [signal.pc] : []));
  expect(new Set(attempts).size).toBe(1);
  console.log(
    `set-up over the server: ${Math.round(took)} ms; records of sound: ${[...new Set(sound)].join(", ")} bytes`,
  );
});
