/** Links between two devices whose pages are played by the test: set-up, ladder, got, lost, policy. */
import { describe, expect, it } from "vitest";
import {
  ALL,
  CALL,
  connect,
  Device,
  got,
  HOST,
  lost,
  offered,
  Pipe,
  PRIVATE,
  RELAY,
  sound,
  UDP,
} from "../../testing/links.ts";
import { FIREFOX_OFFER, READABLE_OFFER } from "../../testing/firefox-sdp.ts";
import { KeyRing } from "../keys.ts";
import type { MediaSignal } from "./shared.ts";
import type { EncodedFrame } from "./transforms.ts";

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

  it("describes no codec that its media line does not name, in what it sends and in what it reads", () => {
    const anna = new Device(0);
    anna.links.openLink(1, { relayOnly: false });
    anna.links.hearPage({ report: "described", id: anna.take("send")[0]?.id ?? -1, sdp: FIREFOX_OFFER });
    expect(anna.heard("desc")).toMatchObject([{ sdp: READABLE_OFFER }]);
    anna.links.hear(1, { t: "desc", call: CALL, to: 0, pc: 64, role: "answer", sdp: FIREFOX_OFFER });
    expect(anna.take("answer")[0]?.sdp).not.toMatch(/rtcp-fb:(?!120 )/);
    const omar = new Device(1);
    omar.links.openLink(0, { relayOnly: false });
    omar.links.hear(0, { t: "desc", call: CALL, to: 0, pc: 900, role: "offer", sdp: FIREFOX_OFFER });
    const [receiving] = omar.take("receive");
    expect(receiving?.offer).toBe(READABLE_OFFER);
    omar.links.hearPage({ report: "described", id: receiving?.id ?? -1, sdp: FIREFOX_OFFER });
    const [answer] = omar.heard("desc").filter(({ role }) => role === "answer");
    expect(answer?.sdp).not.toMatch(/rtcp-fb:(?!120 )/);
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
