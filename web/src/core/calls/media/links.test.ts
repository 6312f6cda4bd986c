/** Links between two devices whose pages are played by the test: ladder, got, lost, watchdog, policy, ends. */
import { describe, expect, it } from "vitest";
import type { IceServer, Order, ReceivingSample, Sample } from "../../callorders.ts";
import { KeyRing } from "../keys.ts";
import { MediaLinks } from "./links.ts";
import type { LinkFigures } from "./measure.ts";
import type { MediaSignal } from "./shared.ts";
import type { EncodedFrame, Transformer } from "./transforms.ts";

const UDP: IceServer = { urls: ["turn:r:3478?transport=udp"], username: "u", credential: "c" };
const ALL: IceServer = {
  ...UDP,
  urls: [...UDP.urls, "turn:r:3478?transport=tcp", "turns:r:443?transport=tcp"],
};
const CALL = new Uint8Array(16).fill(7);
const HOST = "candidate:1 1 udp 2122194687 192.0.2.2 40000 typ host generation 0";
const PRIVATE = "candidate:3 1 udp 2122194687 10.0.0.5 40000 typ host";
const RELAY = "candidate:2 1 udp 41885439 198.51.100.1 50000 typ relay raddr 192.0.2.2 rport 40000 generation 0";

/** A stream that the test feeds frame by frame. */
class Pipe {
  readonly out: EncodedFrame[] = [];
  readonly transformer: Transformer;
  #into: ReadableStreamDefaultController<EncodedFrame> | undefined;
  #idle: () => void = () => undefined;

  constructor(id: number, kind: "audio" | "video" = "audio") {
    const source: UnderlyingDefaultSource<EncodedFrame> = {
      start: (into) => void (this.#into = into),
      // Asked for only when all that was put in has been worked off.
      pull: () => this.#idle(),
    };
    this.transformer = {
      options: { id, kind },
      readable: new ReadableStream<EncodedFrame>(source, { highWaterMark: 0 }),
      writable: new WritableStream<EncodedFrame>({ write: (frame) => void this.out.push(frame) }),
    };
  }

  /** Every frame that comes out after these went in. */
  async put(...frames: readonly EncodedFrame[]): Promise<EncodedFrame[]> {
    const idle = new Promise<void>((done) => (this.#idle = done));
    for (const frame of frames) this.#into?.enqueue({ ...frame, data: frame.data.slice(0) });
    await idle;
    return this.out.splice(0);
  }
}

const sound = (n: number): EncodedFrame => ({ data: Uint8Array.of(0x78, n, n).buffer });

const got = (pc: number): MediaSignal => ({ t: "got", call: CALL, to: 0, pc });
const lost = (pc: number): MediaSignal => ({ t: "lost", call: CALL, to: 0, pc });
const offered = (pc: number): MediaSignal => ({ t: "desc", call: CALL, to: 0, pc, role: "offer", sdp: "v=0\r\n" });

/** One device: its links, what they asked of the page, and what they told. */
class Device {
  readonly orders: Order[] = [];
  readonly signals: MediaSignal[] = [];
  readonly told: string[] = [];
  readonly figures: LinkFigures[] = [];
  readonly links: MediaLinks;
  nowMs = 0;
  #pc = 62;

  constructor(me: number, servers: readonly IceServer[] = [ALL]) {
    this.links = new MediaLinks(
      { call: CALL, leaf: me, kind: "video", nextPc: () => (this.#pc += 2) },
      {
        post: (order) => void this.orders.push(order),
        localSignal: (signal) => void this.signals.push(signal),
        linkUp: (leaf) => void this.told.push(`up ${leaf}`),
        linkDown: (leaf) => void this.told.push(`down ${leaf}`),
        alarm: (leaf) => void this.told.push(`alarm ${leaf}`),
        unopened: (leaf) => void this.told.push(`unopened ${leaf}`),
        noRoute: (leaf) => void this.told.push(`no route ${leaf}`),
        won: (kind) => void this.told.push(`won ${kind}`),
        figures: (figures) => void this.figures.push(figures),
        measured: (leaf, { sample }) => void this.told.push(`measured ${leaf} ${sample?.total ?? "nothing"}`),
        nowMs: () => this.nowMs,
      },
    );
    this.links.useRelays(servers);
    this.links.useKey(5, new Uint8Array(16).fill(9), false);
  }

  at(nowMs: number): void {
    this.nowMs = nowMs;
    this.links.tick();
  }

  /** The orders of one kind since last asked. */
  take<O extends Order["order"]>(kind: O): Extract<Order, { order: O }>[] {
    const found = this.orders.filter((one): one is Extract<Order, { order: O }> => one.order === kind);
    for (const one of found) this.orders.splice(this.orders.indexOf(one), 1);
    return found;
  }

  heard<T extends MediaSignal["t"]>(t: T): Extract<MediaSignal, { t: T }>[] {
    const found = this.signals.filter((one): one is Extract<MediaSignal, { t: T }> => one.t === t);
    for (const one of found) this.signals.splice(this.signals.indexOf(one), 1);
    return found;
  }
}

/** Anna's attempt, as Omar's page sees it: offer, answer, transforms at both ends. */
async function connect(anna: Device, omar: Device, relayOnly = false) {
  anna.links.openLink(1, { relayOnly });
  omar.links.openLink(0, { relayOnly });
  const sendId = anna.take("send")[0]?.id ?? -1;
  anna.links.hearPage({ report: "described", id: sendId, sdp: "v=0\r\n" });
  const offer = anna.heard("desc")[0];
  if (!offer) throw new Error("no offer");
  omar.links.hear(0, offer);
  const receiveId = omar.take("receive")[0]?.id ?? -1;
  omar.links.hearPage({ report: "described", id: receiveId, sdp: "v=0\r\n" });
  const answer = omar.heard("desc")[0];
  if (!answer) throw new Error("no answer");
  anna.links.hear(1, answer);
  const [from, to] = [new Pipe(sendId), new Pipe(receiveId)];
  anna.links.attach(from.transformer);
  omar.links.attach(to.transformer);
  return { sendId, receiveId, from, to, pc: offer.pc };
}

const sent = (id: number, audioPackets: number, audioBytes = 0): Sample => ({
  ...{ side: "send", id, audioPackets, audioBytes, videoFrames: 0, bytes: 0 },
});
const received = (id: number, audioPackets: number, framesDecoded = 0): ReceivingSample => ({
  ...{ side: "receive", id, audioPackets, audioLost: 0, concealed: 0, samples: 0, bufferS: 0, bufferedSamples: 0 },
  ...{ framesDecoded, freezes: 0, frozenS: 0 },
});

describe("set-up", () => {
  it("sends real sound once both ends have proved encryption, and not before", async () => {
    const [anna, omar] = [new Device(0), new Device(1)];
    const { from, to, pc, sendId } = await connect(anna, omar);
    const wire = await from.put(sound(1));
    expect(anna.take("live")).toEqual([]);
    const plain = await to.put(...wire);
    expect(plain).toEqual([sound(1)]);
    const proof = omar.heard("got")[0];
    expect(proof).toEqual({ t: "got", call: CALL, to: 0, pc });
    if (proof) anna.links.hear(1, proof);
    expect(anna.take("live")).toEqual([{ order: "live", id: sendId, audio: true, video: false }]);
    // One way only: it is no link yet for either of them.
    expect([...anna.told, ...omar.told]).toEqual([]);
  });

  it("takes the candidates that stand in a description, of a client that gathers before it answers", () => {
    const anna = new Device(0);
    anna.links.openLink(1, { relayOnly: true });
    anna.links.hearPage({ report: "described", id: anna.take("send")[0]?.id ?? -1, sdp: "v=0\r\n" });
    const pc = anna.heard("desc")[0]?.pc ?? -1;
    const sdp = `v=0\r\na=${PRIVATE}\r\na=${RELAY}\r\n`;
    anna.links.hear(1, { t: "desc", call: CALL, to: 0, pc, role: "answer", sdp });
    anna.links.hear(1, { t: "desc", call: CALL, to: 0, pc: 4, role: "offer", sdp });
    expect([...anna.take("answer"), ...anna.take("receive").map(({ offer }) => ({ sdp: offer }))]).toMatchObject([
      { sdp: "v=0\r\n" },
      { sdp: "v=0\r\n" },
    ]);
    // None that a relay would refuse.
    expect(anna.take("candidates").map(({ candidates }) => candidates)).toEqual([[RELAY], [RELAY]]);
  });

  it("waits for a frame of our own where `got` comes first", async () => {
    const anna = new Device(0);
    const { from, pc, sendId } = await connect(anna, new Device(1));
    anna.links.hear(1, got(pc));
    expect(anna.take("live")).toEqual([]);
    await from.put(sound(1));
    anna.at(100);
    expect(anna.take("live")).toEqual([{ order: "live", id: sendId, audio: true, video: false }]);
    // Each sender proves itself: the camera follows its own first frame.
    const pictures = new Pipe(sendId, "video");
    anna.links.attach(pictures.transformer);
    await pictures.put({ type: "key", data: new Uint8Array(30).buffer });
    anna.at(200);
    expect(anna.take("live")).toEqual([{ order: "live", id: sendId, audio: true, video: true }]);
  });

  it("is up with `got` in both directions, and down with `lost` in either", async () => {
    const [anna, omar] = [new Device(0), new Device(1)];
    const there = await connect(anna, omar);
    const offer = offered(900);
    anna.links.hear(1, offer);
    const back = new Pipe(anna.take("receive")[0]?.id ?? -1);
    anna.links.attach(back.transformer);
    const ring = new KeyRing();
    ring.add(5, new Uint8Array(16).fill(9), { removed: false, nowMs: 0 });
    const sealer = ring.sender(900, 1);
    const frame = async (): Promise<EncodedFrame> => ({
      data: (await sealer.seal(Uint8Array.of(1), new Uint8Array(), 0)).buffer as ArrayBuffer,
    });
    anna.links.hear(1, got(there.pc));
    expect(anna.told).toEqual([]);
    await back.put(await frame());
    expect(anna.told).toEqual(["up 1"]);
    expect(anna.take("show")).toHaveLength(1);
    anna.links.hear(1, lost(there.pc));
    expect(anna.told).toEqual(["up 1", "down 1"]);
    anna.links.hear(1, got(there.pc));
    anna.at(599);
    expect(anna.told.at(-1)).toBe("up 1");
    anna.at(600);
    expect(anna.told.at(-1)).toBe("down 1");
    expect(anna.heard("lost")).toEqual([{ t: "lost", call: CALL, to: 1, pc: 900 }]);
    await back.put(await frame());
    expect(anna.told.at(-1)).toBe("up 1");
    expect(anna.heard("got")).toHaveLength(2);
  });

  it("says `lost` three times, for none may have arrived, and no more once something is heard", async () => {
    const [anna, omar] = [new Device(0), new Device(1)];
    const { from, to, pc } = await connect(anna, omar);
    const told: MediaSignal = { t: "lost", call: CALL, to: 0, pc };
    const after = (...times: readonly number[]): MediaSignal[] => {
      for (const at of times) omar.at(at);
      return omar.heard("lost");
    };
    await to.put(...(await from.put(sound(1))));
    expect(after(599)).toEqual([]);
    expect(after(600)).toEqual([told]);
    expect(after(700, 2_500)).toEqual([]);
    expect(after(2_600, 4_600, 6_600)).toEqual([told, told]);
    await to.put(...(await from.put(sound(2))));
    expect(after(7_100)).toEqual([]);
    expect(after(7_200)).toEqual([told]);
    await to.put(...(await from.put(sound(3))));
    expect(after(7_300, 7_700)).toEqual([]);
  });

  it("names each attempt that falls silent, also two in one moment", async () => {
    const [anna, omar] = [new Device(0), new Device(1)];
    const first = await connect(anna, omar);
    anna.at(1_500);
    const sendId = anna.take("send")[0]?.id ?? -1;
    anna.links.hearPage({ report: "described", id: sendId, sdp: "v=0\r\n" });
    const offer = anna.heard("desc")[0];
    if (offer) omar.links.hear(0, offer);
    const [from, to] = [new Pipe(sendId), new Pipe(omar.take("receive")[0]?.id ?? -1)];
    anna.links.attach(from.transformer);
    omar.links.attach(to.transformer);
    omar.nowMs = 1_600;
    await first.to.put(...(await first.from.put(sound(1))));
    await to.put(...(await from.put(sound(1))));
    expect(omar.heard("got").map(({ pc }) => pc)).toEqual([first.pc, offer?.pc]);
    omar.at(2_199);
    expect(omar.heard("lost")).toEqual([]);
    omar.at(2_200);
    expect(omar.heard("lost").map(({ pc }) => pc)).toEqual([first.pc, offer?.pc]);
  });

  it("repeats an offer three times, and answers a repeated one alike", async () => {
    const [anna, omar] = [new Device(0), new Device(1)];
    anna.links.openLink(1, { relayOnly: false });
    omar.links.openLink(0, { relayOnly: false });
    const id = anna.take("send")[0]?.id ?? -1;
    anna.links.hearPage({ report: "described", id, sdp: "v=0\r\n" });
    for (const at of [1_999, 2_000, 4_000, 6_000, 8_000]) anna.at(at);
    const offers = anna.heard("desc").filter((one) => one.pc === 64);
    expect(offers).toHaveLength(4);
    for (const offer of offers) omar.links.hear(0, offer);
    const opened = omar.take("receive");
    expect(opened).toHaveLength(1);
    omar.links.hearPage({ report: "described", id: opened[0]?.id ?? -1, sdp: "v=0\r\nx=1\r\n" });
    if (offers[0]) omar.links.hear(0, offers[0]);
    const answers = omar.heard("desc").filter((one) => one.role === "answer");
    expect(answers).toHaveLength(2);
    expect(answers[0]).toEqual(answers[1]);
  });

  /** Of a browser that knows RED, and as it travels. */
  const opus = "a=rtpmap:111 opus/48000/2";
  const browsers = ["m=audio 9 P 63 111", "a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111", opus, ""].join("\r\n");
  const travelling = ["m=audio 9 P 111", "a=zajil-red:63", opus, ""].join("\r\n");
  const plain = ["m=audio 9 P 111", opus, ""].join("\r\n");

  it("offers RED by UDP alone, and takes it from a peer whose answer has it as it was offered", () => {
    for (const [sdp, taken] of [
      [travelling, browsers],
      [plain, plain],
      [travelling.replace("63", "62"), travelling.replace("63", "62")],
    ] as const) {
      const anna = new Device(0);
      anna.links.openLink(1, { relayOnly: false });
      anna.links.hearPage({ report: "described", id: anna.take("send")[0]?.id ?? -1, sdp: browsers });
      expect(anna.heard("desc")).toMatchObject([{ pc: 64, sdp: travelling }]);
      anna.at(1_500);
      anna.links.hearPage({ report: "described", id: anna.take("send")[0]?.id ?? -1, sdp: browsers });
      expect(anna.heard("desc")).toMatchObject([{ pc: 66, sdp: plain }]);
      anna.links.hear(1, { t: "desc", call: CALL, to: 0, pc: 64, role: "answer", sdp });
      anna.links.hear(1, { t: "desc", call: CALL, to: 0, pc: 66, role: "answer", sdp: travelling });
      const answers = anna.take("answer").map((one) => one.sdp.replace(/a=fmtp:111 .*\r\n/, ""));
      expect(answers).toEqual([taken, travelling]);
    }
  });

  it("sends at one rate without pauses, whatever an answer asks for", () => {
    const anna = new Device(0);
    anna.links.openLink(1, { relayOnly: false });
    anna.links.hearPage({ report: "described", id: anna.take("send")[0]?.id ?? -1, sdp: plain });
    const sdp = `${plain}a=fmtp:111 usedtx=1;cbr=0;maxaveragebitrate=510000\r\n`;
    anna.links.hear(1, { t: "desc", call: CALL, to: 0, pc: 64, role: "answer", sdp });
    const [answer] = anna.take("answer");
    expect(answer?.sdp).toContain("usedtx=0;cbr=1");
    expect(answer?.sdp).not.toMatch(/usedtx=1|cbr=0|maxaverage/);
  });

  it("answers RED where it was offered and this browser knows it", () => {
    for (const [offer, inside, described, answered] of [
      [travelling, browsers, browsers, travelling],
      [travelling, browsers, plain, plain],
      [plain, plain, plain, plain],
    ] as const) {
      const omar = new Device(1);
      omar.links.openLink(0, { relayOnly: false });
      omar.links.hear(0, { t: "desc", call: CALL, to: 0, pc: 900, role: "offer", sdp: offer });
      const [receiving] = omar.take("receive");
      expect(receiving?.offer).toBe(inside);
      omar.links.hearPage({ report: "described", id: receiving?.id ?? -1, sdp: described });
      const [answer] = omar.heard("desc").filter(({ role }) => role === "answer");
      // What Opus is asked for besides is another test's.
      expect(answer?.sdp.replace(/a=fmtp:111 .*\r\n/, "")).toBe(answered);
    }
  });

  it("takes six attempts of a device and no more", () => {
    const omar = new Device(1);
    omar.links.openLink(0, { relayOnly: false });
    for (let pc = 2; pc < 30; pc += 2) omar.links.hear(0, offered(pc));
    expect(omar.take("receive")).toHaveLength(6);
  });
});

describe("ladder", () => {
  it("tries UDP at once and streams after 1.5 s, and closes what lost", async () => {
    const anna = new Device(0);
    anna.links.openLink(1, { relayOnly: false });
    expect(anna.take("send").map(({ ice }) => ice)).toEqual([{ policy: "all", servers: [UDP] }]);
    anna.at(1_499);
    expect(anna.take("send")).toEqual([]);
    anna.at(1_500);
    const [second] = anna.take("send");
    expect(second?.ice.policy).toBe("relay");
    expect(second?.ice.servers[0]?.urls).toEqual(ALL.urls.slice(1));
    anna.links.hear(1, got(66));
    expect(anna.take("close")).toEqual([{ order: "close", id: 1 }]);
  });

  it("begins with what carried a call last on this network, and tells what carried for 3 s", () => {
    const anna = new Device(0);
    anna.links.useWays({ carries: true, rung: "B" });
    anna.links.openLink(1, { relayOnly: false });
    const relayed = (): boolean[] => anna.take("send").map(({ ice }) => ice.policy === "relay");
    expect(relayed()).toEqual([true]);
    anna.links.hear(1, got(64));
    for (const at of [100, 3_000]) anna.at(at);
    expect(relayed()).toEqual([]);
    expect(anna.told).toEqual([]);
    for (const at of [3_100, 3_200, 9_000]) anna.at(at);
    expect(anna.told).toEqual(["won B"]);
    // Another network: what is remembered there is asked for.
    anna.links.closeLink(1);
    anna.links.useWays({ carries: true, rung: null });
    anna.links.openLink(1, { relayOnly: false });
    expect(relayed()).toEqual([false]);
  });

  it("starts the next at once where one fails, and all anew where none is left", () => {
    const anna = new Device(0);
    anna.links.openLink(1, { relayOnly: true });
    const [first] = anna.take("send");
    anna.links.hearPage({ report: "failed", id: first?.id ?? -1 });
    anna.at(100);
    const [second] = anna.take("send");
    expect(second?.ice.servers[0]?.urls).toEqual(ALL.urls.slice(1));
    anna.at(10_100);
    expect(anna.take("close").map(({ id }) => id)).toEqual([first?.id, second?.id]);
    anna.at(12_200);
    expect(anna.take("send")).toHaveLength(1);
  });

  it("waits a second for a relay to answer, and 1.5 s beside one that did", () => {
    const begun = (candidates: readonly string[]): number => {
      const anna = new Device(0);
      anna.links.openLink(1, { relayOnly: true });
      const id = anna.take("send")[0]?.id ?? -1;
      anna.links.hearPage({ report: "described", id, sdp: "v=0\r\n" });
      anna.links.hearPage({ report: "candidates", id, candidates, done: false });
      for (let ms = 100; ms <= 2_000; ms += 100) {
        anna.at(ms);
        if (anna.take("send").length > 0) return ms;
      }
      return Number.NaN;
    };
    expect([begun([]), begun([HOST]), begun([RELAY])]).toEqual([1_000, 1_000, 1_500]);
  });

  it("has no route without a relay where the policy wants one", () => {
    const anna = new Device(0, []);
    anna.links.openLink(1, { relayOnly: true });
    expect(anna.told).toEqual(["no route 1"]);
    expect(anna.orders.filter(({ order }) => order === "send")).toEqual([]);
  });

  it("tries everything anew when the link is lost, and keeps the old one until then", async () => {
    const anna = new Device(0);
    const { pc, sendId } = await connect(anna, new Device(1));
    anna.links.hear(1, got(pc));
    anna.take("send");
    anna.nowMs = 5_000;
    anna.links.hearPage({ report: "connection", id: sendId, state: "disconnected" });
    expect(anna.take("send")).toHaveLength(2);
    expect(anna.take("close")).toEqual([]);
    anna.links.hear(1, got(68));
    expect(anna.take("close").map(({ id }) => id)).toContain(sendId);
  });

  it("tries anew on another network, and when the peer has begun anew", async () => {
    const anna = new Device(0);
    const { pc } = await connect(anna, new Device(1));
    anna.links.hear(1, got(pc));
    anna.take("send");
    anna.links.hearPage({ report: "network" });
    expect(anna.take("send")).toHaveLength(2);
    anna.links.hear(1, got(pc));
    anna.links.hear(1, lost(0));
    expect(anna.take("send")).toHaveLength(2);
  });
});

describe("what others learn", () => {
  it("are relays alone under the relay policy", () => {
    const anna = new Device(0);
    anna.links.openLink(1, { relayOnly: true });
    const id = anna.take("send")[0]?.id ?? -1;
    anna.links.hearPage({ report: "candidates", id, candidates: [HOST, RELAY], done: false });
    anna.links.hearPage({ report: "described", id, sdp: `v=0\r\na=${HOST}\r\na=extmap:1 urn:x\r\n` });
    anna.links.hearPage({ report: "candidates", id, candidates: [], done: true });
    for (let ms = 100; ms <= 1_000; ms += 100) anna.at(ms);
    const cands = anna.heard("cand").filter((one) => one.pc === 64);
    const hidden = RELAY.replace("192.0.2.2 rport 40000", "0.0.0.0 rport 0");
    expect(cands.map((one) => [one.cands, one.done])).toEqual([
      [[hidden], false],
      [[], true],
    ]);
    expect(anna.heard("desc")[0]?.sdp).toBe("v=0\r\n");
  });

  it("are at most twenty candidates, ten a signal", () => {
    const anna = new Device(0);
    anna.links.openLink(1, { relayOnly: false });
    const id = anna.take("send")[0]?.id ?? -1;
    const candidates = Array.from({ length: 30 }, (_, n) => HOST.replace("40000", String(40_000 + n)));
    anna.links.hearPage({ report: "candidates", id, candidates: [...candidates, "x"], done: true });
    anna.links.hearPage({ report: "described", id, sdp: "v=0\r\n" });
    expect(anna.heard("cand").map((one) => [one.cands.length, one.done])).toEqual([
      [10, false],
      [10, true],
    ]);
  });
});

describe("alarm", () => {
  it("ends everything when more went out than was sealed", async () => {
    const anna = new Device(0);
    const { from, sendId } = await connect(anna, new Device(1));
    await from.put(sound(1), sound(2));
    anna.links.hearPage({ report: "sample", samples: [sent(sendId, 7, 9_000), sent(sendId, 40, 600)] });
    expect(anna.told).toEqual(["measured 1 nothing"]);
    anna.links.hearPage({ report: "sample", samples: [sent(sendId, 8, 9_000)] });
    expect(anna.told.at(-1)).toBe("alarm 1");
    expect(anna.take("close").map(({ id }) => id)).toContain(sendId);
    anna.at(1_000);
    expect(anna.take("send")).toEqual([]);
  });

  it("ends everything when pictures went out unsealed, which a second of waiting shows", async () => {
    const anna = new Device(0);
    const { sendId } = await connect(anna, new Device(1));
    const pictures = new Pipe(sendId, "video");
    anna.links.attach(pictures.transformer);
    await pictures.put({ type: "key", data: new Uint8Array(30).buffer });
    const frames = (videoFrames: number): Sample => ({ ...sent(sendId, 0), videoFrames }) as Sample;
    for (const [at, count] of [
      [0, 3],
      [500, 4],
      [1_499, 40],
    ] as const) {
      anna.nowMs = at;
      anna.links.hearPage({ report: "sample", samples: [frames(count)] });
    }
    expect(anna.told).not.toContain("alarm 1");
    anna.nowMs = 1_500;
    anna.links.hearPage({ report: "sample", samples: [frames(40)] });
    expect(anna.told).toContain("alarm 1");
  });

  it("ends everything when pictures are shown that never opened", async () => {
    const omar = new Device(1);
    const { receiveId } = await connect(new Device(0), omar);
    omar.links.hearPage({ report: "sample", samples: [received(receiveId, 0, 3)] });
    expect(omar.told).toEqual(["alarm 0"]);
  });

  it("is none for the others when 25 frames of one device open to nobody: its link ends alone", async () => {
    const zoe = new Device(1);
    const { to, receiveId } = await connect(new Device(0), zoe);
    zoe.links.openLink(2, { relayOnly: false });
    const [toHer, toOther] = zoe.take("send").map(({ id }) => id);
    await to.put(...Array.from({ length: 24 }, (_, n) => sound(n)));
    expect(zoe.told).toEqual([]);
    await to.put(sound(24));
    expect(zoe.told).toEqual(["unopened 0"]);
    const closed = zoe.take("close").map(({ id }) => id);
    expect(closed).toEqual(expect.arrayContaining([receiveId, toHer]));
    expect(closed).not.toContain(toOther);
    // Whatever it signals is heard by nobody, and what is left over of its frames does nothing.
    zoe.links.hear(0, offered(900));
    await to.put(...Array.from({ length: 25 }, (_, n) => sound(n)));
    zoe.at(30_000);
    expect(zoe.take("receive")).toEqual([]);
    expect(zoe.told.filter((one) => /alarm|unopened/.test(one))).toEqual(["unopened 0"]);
    zoe.links.hearPage({ report: "sample", samples: [] });
    expect(zoe.figures.map(({ leaf }) => leaf)).toEqual([2]);
  });

  it("does not come from a double or from a frame of an early epoch", async () => {
    const [anna, omar] = [new Device(0), new Device(1)];
    const { from, to } = await connect(anna, omar);
    anna.links.useKey(6, new Uint8Array(16).fill(3), true);
    const wire = await from.put(...Array.from({ length: 40 }, (_, n) => sound(n)));
    expect(await to.put(...wire)).toEqual([]);
    omar.links.useKey(6, new Uint8Array(16).fill(3), true);
    expect(await to.put(...wire)).toHaveLength(40);
    expect(await to.put(...wire)).toEqual([]);
    expect(omar.told).toEqual([]);
  });

  it("is not needed where sound arrives that never opens: the attempt ends", async () => {
    const omar = new Device(1);
    const { receiveId } = await connect(new Device(0), omar);
    for (const [at, packets] of [
      [0, 10],
      [1_000, 60],
      [1_999, 110],
    ] as const) {
      omar.nowMs = at;
      omar.links.hearPage({ report: "sample", samples: [received(receiveId, packets)] });
    }
    expect(omar.take("close")).toEqual([]);
    omar.nowMs = 2_000;
    omar.links.hearPage({ report: "sample", samples: [received(receiveId, 111)] });
    expect(omar.take("close")).toEqual([{ order: "close", id: receiveId }]);
    expect(omar.told.filter((one) => !one.startsWith("measured"))).toEqual([]);
  });

  it("is nothing that a transform without an attempt could pass by", async () => {
    const anna = new Device(0);
    const stray = new Pipe(77);
    anna.links.attach(stray.transformer);
    anna.links.attach({ ...stray.transformer, options: undefined });
    expect(stray.transformer.readable.locked).toBe(false);
  });
});

describe("rates and ends", () => {
  it("asks for smaller pictures with three people, and for less of both when told", async () => {
    const anna = new Device(0);
    anna.links.openLink(1, { relayOnly: false });
    expect(anna.take("send")[0]?.rate).toMatchObject({ audioKbps: 32, video: { height: 360, kbps: 600 } });
    anna.links.openLink(2, { relayOnly: false });
    expect(anna.take("rate").at(-1)?.rate).toMatchObject({ audioKbps: 32, video: { height: 180, kbps: 150 } });
    anna.links.setStep(2, "no-video");
    expect(anna.take("rate").at(-1)?.rate).toEqual({ audioKbps: 32 });
    anna.links.setStep(2, "least-audio");
    const last = anna.take("rate");
    expect(last.at(-1)?.rate).toEqual({ audioKbps: 16 });
    // Nobody else loses by it.
    expect(last).toHaveLength(1);
  });

  it("closes both directions at once, and hears no late signal", async () => {
    const omar = new Device(1);
    const { receiveId } = await connect(new Device(0), omar);
    omar.links.closeLink(0);
    expect(omar.take("close").map(({ id }) => id)).toContain(receiveId);
    omar.links.hear(0, offered(90));
    expect(omar.take("receive")).toEqual([]);
  });

  it("does not judge a connection before it is heard, nor after it is lost", async () => {
    const [anna, omar] = [new Device(0), new Device(1)];
    const { from, to, receiveId } = await connect(anna, omar);
    const second = (nowMs: number): void => {
      omar.nowMs = nowMs;
      omar.links.hearPage({ report: "sample", samples: [{ ...received(receiveId, 0), samples: nowMs * 48 }] });
    };
    for (const nowMs of [0, 1_000, 2_000]) second(nowMs);
    omar.nowMs = 2_500;
    await to.put(...(await from.put(sound(1))));
    for (const nowMs of [3_000, 4_000]) second(nowMs);
    omar.at(4_000);
    for (const nowMs of [5_000, 6_000]) second(nowMs);
    const measured = omar.told.filter((one) => one.startsWith("measured 0"));
    expect(measured.map((one) => one.split(" ")[2])).toEqual([
      ...["nothing", "nothing", "nothing"],
      ...["nothing", "48000"],
      ...["nothing", "nothing"],
    ]);
  });

  it("asks for a sample each half second and measures gaps between them", async () => {
    const [anna, omar] = [new Device(0), new Device(1)];
    const { from, to, receiveId } = await connect(anna, omar);
    omar.at(0);
    omar.at(400);
    omar.at(500);
    expect(omar.take("sample")).toHaveLength(2);
    await to.put(...(await from.put(sound(1))));
    omar.nowMs = 580;
    await to.put(...(await from.put(sound(2))));
    omar.links.hearPage({ report: "sample", samples: [received(receiveId, 2)] });
    omar.links.hearPage({ report: "sample", samples: [received(receiveId, 2)] });
    expect(omar.figures.map(({ opened }) => opened?.audio.gapMs)).toEqual([80, 0]);
    expect(omar.figures[0]).toMatchObject({
      leaf: 0,
      opened: { audio: { opened: 2 } },
      samples: [{ audioPackets: 2 }],
    });
  });
});
