/** Sessions of a call, two to four over a network in memory. tests/client/calls/test_call_session.py tells the same. */
import { describe, expect, it } from "vitest";
import type { Kind, Signal } from "../../protocol/calls/signals.ts";
import { encodeSignal } from "../../protocol/calls/signals.ts";
import type { Key, Parsed } from "../../protocol/cbor.ts";
import { LocalProtocolError } from "../../protocol/errors.ts";
import { type Device, GID, HOST, OFFER, OTHER, RELAY, World } from "../testing/callworld.ts";
import { encodeKept, type Kept, parseKept } from "./record.ts";
import type { Measure } from "./showing.ts";

/** The first device called, the last one answered. */
function talking(names = "a1 b1", kind: Kind = "audio", group = false): World {
  const world = new World(names, group);
  world.at("a1").session.dial(GID, kind);
  world.wait(1000);
  const last = world.at(names.split(" ").at(-1) ?? "");
  last.session.accept(kind);
  world.wait(1000);
  expect([world.at("a1").view.phase, last.view.phase]).toEqual(["active", "active"]);
  return world;
}

const fieldsOf = (signal: Signal): Map<Key, Parsed> => encodeSignal(signal) as Map<Key, Parsed>;
const accountOf = (device: Device): { leaf: number; account: Uint8Array; ageMs: number } => ({
  ...device.me,
  ageMs: 0,
});

describe("a call", () => {
  it("is answered and ended", () => {
    const world = talking("a1 b1 b2");
    const [one, other] = [world.at("a1"), world.at("b2")];
    expect(world.at("b1").shown).toBe("ended elsewhere");
    expect([one.view.direction, other.view.direction]).toEqual(["outgoing", "incoming"]);
    expect(one.lastMedia.told[0]).toMatch(/^key 1 /);
    expect(one.lastMedia.told[0]).toBe(other.lastMedia.told[0]);
    expect(one.view.peers.map(({ up }) => up)).toEqual([true]);
    expect(one.kept).not.toBeNull();
    one.session.setMedia(false, false);
    world.wait(60_000);
    expect(other.view.peers[0]?.mic).toBe(false);
    expect(one.lastMedia.told.at(-1)).toBe("media false false");
    other.session.hangUp();
    world.wait(1000);
    expect([one.shown, other.shown]).toEqual(["ended remote", "ended hangup"]);
    expect(one.lastMedia.closed).toBe(true);
    expect([one.kept, other.kept, one.watched]).toEqual([null, null, null]);
    expect(one.logs.map(({ outcome, seconds }) => [outcome, seconds])).toEqual([["answered", 60]]);
    expect([one.bad, other.bad]).toEqual([0, 0]);
    expect(() => talking().at("a1").session.dial(GID, "audio")).toThrow(LocalProtocolError);
  });

  it("of a group of four is joined and left", () => {
    const world = talking("a1 b1 c1 d1", "audio", true);
    for (const name of ["b1", "c1"]) {
      world.at(name).session.accept("audio");
      world.wait(1000);
    }
    const views = [...world.devices.values()].map(({ view }) => view);
    expect(views.map(({ peers }) => peers.map(({ up }) => up))).toEqual(Array(4).fill([true, true, true]));
    expect(views.every((view) => view.hidden_address)).toBe(true);
    world.at("a1").session.hangUp();
    world.wait(1000);
    expect(world.at("d1").view.peers.length).toBe(2);
    expect(world.at("d1").lastMedia.told).toContain("close 0");
  });

  it("is left by who is removed before the new key is used", () => {
    const world = talking("a1 b1 c1", "audio", true);
    world.remove("c1");
    const { told } = world.at("a1").lastMedia;
    const key = told.findIndex((one) => one.startsWith("key 2"));
    expect(told.indexOf("close 2")).toBeGreaterThan(-1);
    expect(told.indexOf("close 2")).toBeLessThan(key);
    expect(told[key]).toMatch(/removed$/);
    expect(world.at("c1").shown).toBe("ended removed");
    expect(world.at("c1").kept).toBeNull();
  });

  it("hears signals of a new epoch after its roster", () => {
    const world = talking();
    const one = world.at("a1");
    one.slowKeys = true;
    world.commit();
    world.at("b1").session.hangUp();
    world.wait(1000);
    expect(one.view.phase).toBe("active");
    one.settle();
    expect(one.shown).toBe("ended remote");
  });

  it("has no key of the call before it in the chat", () => {
    const world = new World("a1 b1");
    const both = [world.at("a1"), world.at("b1")];
    for (const device of both) {
      device.slowKeys = true;
      device.session.dial(GID, "audio");
    }
    world.wait(1000);
    // Whoever rang the higher id has asked for the keys of two calls.
    const twice = both.find(({ media }) => media.length === 2);
    twice?.waiting.shift()?.();
    expect(twice?.lastMedia.told).toEqual([]);
    for (const device of both) device.settle();
    expect(new Set(both.map(({ lastMedia }) => lastMedia.told[0])).size).toBe(1);
    world.wait(1000);
    expect(both.map(({ view }) => view.phase)).toEqual(["active", "active"]);
  });

  it("opens nothing before the record is durable and the key there", () => {
    const world = new World("a1 b1");
    const one = world.at("a1");
    one.slowDisk = one.slowKeys = true;
    one.session.dial(GID, "audio");
    world.wait(500);
    world.at("b1").session.accept("audio");
    world.wait(500);
    expect(one.lastMedia.told).toEqual([]);
    one.settle();
    expect(one.lastMedia.told.map((word) => word.split(" ")[0])).toEqual(["key", "open"]);
    world.wait(1000);
    expect(one.view.phase).toBe("active");
  });

  it("under the relay policy shows no address", () => {
    const world = new World("a1 b1");
    for (const { session } of world.devices.values()) session.hideAddress = true;
    world.offer = `${OFFER}a=${HOST}\r\n`;
    world.at("a1").session.dial(GID, "audio");
    world.wait(500);
    world.at("b1").session.accept("audio");
    world.wait(1000);
    const one = world.at("a1");
    expect(one.view.hidden_address).toBe(true);
    expect(one.lastMedia.told[1]).toBe("open 1 relay");
    expect([one.bad, one.view.phase]).toEqual([1, "connecting"]);
    const { call } = one.lastMedia.start;
    const pc = one.lastMedia.sent.get(1) ?? 0;
    for (const candidate of [HOST, RELAY]) {
      one.lastMedia.reports.localSignal({ t: "cand", call, to: 1, pc, cands: [candidate], done: false });
      expect(one.bad).toBe(2);
    }
  });

  it("hides the address of who asks for it before answering or returning", () => {
    const world = new World("a1 b1");
    const one = world.at("b1");
    world.at("a1").session.dial(GID, "audio");
    world.wait(500);
    expect(one.view.hidden_address).toBe(false);
    one.session.hideAddress = true;
    one.session.accept("audio");
    world.wait(1000);
    expect([one.view.hidden_address, one.lastMedia.start.relayOnly]).toEqual([true, true]);
    expect(one.lastMedia.told[1]).toBe("open 0 relay");
    one.session.hideAddress = false;
    one.session.accept("audio");
    expect(one.view.hidden_address).toBe(true);
    one.crash();
    expect(one.session.restore(one.kept)).toBe(true);
    one.session.hideAddress = true;
    one.session.returnToCall();
    expect([one.view.hidden_address, one.lastMedia.start.relayOnly]).toEqual([true, true]);
  });

  it("is the only one of its device", () => {
    const world = talking("a1 b1 c1", "audio", true);
    const device = world.at("a1");
    const [call, secret] = [new Uint8Array(16), new Uint8Array(32)];
    const fields = fieldsOf({ t: "ring", call, to: null, secret, kind: "audio" });
    device.session.hear(new Uint8Array(16), accountOf(world.at("b1")), fields);
    device.session.hear(GID, { ...accountOf(device), leaf: 9 }, fields);
    expect(device.view.phase).toBe("active");
  });

  it("is the one that rang, where that came before the own ring went out", () => {
    const world = new World("a1 b1");
    const [one, other] = [world.at("a1"), world.at("b1")];
    one.slowChats = true;
    one.session.dial(OTHER, "audio");
    other.session.dial(GID, "audio");
    world.wait(100);
    one.waiting.pop()?.();
    expect([one.view.phase, one.view.direction]).toEqual(["ringing", "incoming"]);
    const shown = one.views.length;
    one.settle();
    // Shown again: it answers whoever pressed the button.
    expect(one.views.length).toBe(shown + 1);
    expect([one.view.phase, one.view.direction]).toEqual(["ringing", "incoming"]);
    expect(one.watched).toEqual(GID);
    one.session.accept("audio");
    world.wait(1000);
    expect([one.view.phase, other.view.phase]).toEqual(["active", "active"]);
  });

  it("is shown on while another chat rings", () => {
    const world = talking();
    const [one, sender] = [world.at("a1"), accountOf(world.at("b1"))];
    const [shown, before] = [one.views.length, one.view];
    const ring = { t: "ring", call: new Uint8Array(16), to: null, secret: new Uint8Array(32), kind: "audio" } as const;
    one.session.hear(OTHER, sender, fieldsOf(ring));
    const unknown = fieldsOf({ ...ring, call: new Uint8Array(16).fill(1) });
    one.session.hear(OTHER, sender, unknown.set("suite", 9));
    expect([one.views.length, one.view]).toEqual([shown, before]);
    expect(one.lastMedia.closed).toBe(false);
    one.session.hangUp();
    expect(one.shown).toBe("ended hangup");
  });

  it("of a stranger does not ring", () => {
    const world = new World("a1 b1");
    world.strangers.add("b1");
    world.at("a1").session.dial(GID, "audio");
    world.wait(46_000);
    expect(world.at("b1").views).toEqual([]);
    expect(world.at("a1").shown).toBe("ended no-answer");
  });

  it("goes on whatever malformed or too many signals come", () => {
    const world = talking();
    const [one, other] = [world.at("a1"), world.at("b1")];
    const fields: [Key, Parsed][] = [
      ["v", 1],
      ["t", "end"],
    ];
    one.session.hear(GID, accountOf(other), new Map(fields));
    expect(one.bad).toBe(1);
    const { call } = one.lastMedia.start;
    const got = fieldsOf({ t: "got", call, to: 0, pc: 999_998 });
    for (let turn = 0; turn < 320; turn++) one.session.hear(GID, accountOf(other), got);
    expect(one.bad).toBeGreaterThan(20);
    expect(one.view.phase).toBe("active");
    const cands = fieldsOf({ t: "cand", call, to: 1, pc: 2, cands: Array<string>(10).fill(RELAY), done: false });
    for (let turn = 0; turn < 3; turn++) other.session.hear(GID, accountOf(one), cands);
    expect(other.bad).toBe(1);
    // Also who said too much ends the call.
    other.session.hangUp();
    world.wait(100);
    expect(one.shown).toBe("ended remote");
  });

  it("ends with an alarm, closed before it is told", () => {
    const world = talking();
    const [one, other] = [world.at("a1"), world.at("b1")];
    other.lastMedia.reports.alarm(0);
    expect(other.lastMedia.closed).toBe(true);
    expect([other.shown, other.view.why]).toEqual(["ended not-encrypted", "not-encrypted"]);
    world.wait(100);
    expect(one.shown).toBe("ended remote");
    other.lastMedia.reports.linkUp(0);
    expect(other.shown).toBe("ended not-encrypted");
  });

  it("ends where it is of two and what comes opens to nobody", () => {
    const one = talking().at("a1");
    one.lastMedia.refuse(1);
    expect(one.lastMedia.closed).toBe(true);
    expect([one.shown, one.view.why]).toEqual(["ended not-encrypted", "not-encrypted"]);
  });

  it("of a group goes on with the others, and leaves out whose frames do not open until a commit", () => {
    const world = talking("a1 b1 c1", "audio", true);
    world.at("b1").session.accept("audio");
    world.wait(1000);
    const [one, hostile] = [world.at("a1"), world.at("b1")];
    const said = (): [number, boolean, boolean][] => one.view.peers.map(({ leaf, up, shut }) => [leaf, up, shut]);
    const opened = (): number => one.lastMedia.told.filter((word) => word.startsWith("open 1")).length;
    one.lastMedia.refuse(1);
    expect([one.shown, one.view.encrypted, one.lastMedia.closed]).toEqual(["active", false, false]);
    // Whatever it does, in whatever order it comes back, no link is made again.
    for (let again = 0; again < 5; again++) {
      world.wait(30_000);
      hostile.lastMedia.offer(0);
      world.wait(1_000);
    }
    expect(said()).toEqual(expect.arrayContaining([[2, true, false]]));
    expect(said().filter(([leaf]) => leaf === 1)).toEqual([[1, false, true]]);
    expect([one.view.phase, opened()]).toEqual(["active", 1]);
    expect(one.lastMedia.sent.get(2)).toBeDefined();
    world.commit();
    world.wait(1000);
    hostile.lastMedia.offer(0);
    world.wait(1000);
    expect([opened(), said().find(([leaf]) => leaf === 1)]).toEqual([2, [1, true, false]]);
    // Where nobody else is left, it says why.
    one.lastMedia.refuse(1);
    world.at("c1").session.hangUp();
    world.wait(1000);
    expect([one.view.phase, one.view.why]).toEqual(["recovering", "not-encrypted"]);
    world.wait(40_000);
    expect(one.shown).toBe("ended lost");
  });

  it("says why it cannot be", () => {
    const world = new World("a1 b1");
    const one = world.at("a1");
    one.session.fail(GID, "permission-denied");
    expect(one.view.why).toBe("permission-denied");
    one.session.dial(GID, "audio");
    world.wait(500);
    world.at("b1").session.accept("audio");
    world.wait(60);
    one.lastMedia.reports.noRoute(1);
    expect([one.shown, one.view.why]).toEqual(["ended failed", "no-route"]);
  });
});

function measure(
  one: Device,
  concealed: number,
  rung: "direct" | "relay-tls" = "direct",
  { leaf = 1, ...more }: Partial<Measure> & { leaf?: number } = {},
): void {
  const tries =
    rung === "direct"
      ? ([{ kind: "A", result: "works", ms: 400 }] as const)
      : ([
          { kind: "A", result: "timeout", ms: 10_000 },
          { kind: "B", result: "works", ms: 700 },
        ] as const);
  const sample = { concealed, total: 48_000, rttMs: 60, bufferMs: 60, frameMs: 20 };
  one.lastMedia.reports.measured(leaf, {
    sample,
    sealed: 9,
    opened: 9,
    pictures: true,
    seen: true,
    rung,
    host: "relay.example",
    tries,
    ...more,
  });
}

describe("the view", () => {
  it("tells an end once, whatever the person chooses before the next call", () => {
    const world = talking("a1 b1");
    const one = world.at("a1");
    one.session.hangUp();
    const { call } = one.view;
    const shown = one.views.length;
    one.session.hideAddress = true;
    one.session.dial(GID, "audio");
    expect(one.views.slice(shown).filter((view) => view.call === call)).toEqual([]);
    expect(one.view).toMatchObject({ phase: "ringing", hidden_address: true });
  });

  it("says that sound alone goes over the server, and which ways were tried before", () => {
    const one = talking("a1 b1", "video").at("a1");
    const tries = [
      { kind: "A", result: "timeout", ms: 10_000 },
      { kind: "B", result: "failed", ms: 700 },
      { kind: "C", result: "works", ms: 300 },
    ] as const;
    measure(one, 0, "direct", { rung: "server", stream: "relay-tcp", host: "", tries });
    expect(one.view).toMatchObject({ route: { rung: "server" }, why: "video-paused", encrypted: true });
    expect(one.view.tried.map(({ rung }) => rung)).toEqual(["direct", "relay-tcp", "server"]);
    one.session.setMedia(true, false);
    measure(one, 0, "direct", { rung: "server", stream: "relay-tls", host: "", tries });
    expect(one.view.why).toBe("all-relays-blocked");
    expect(one.view.tried.map(({ rung }) => rung)).toEqual(["direct", "relay-tls", "server"]);
    // Nothing is said of a relay where there was none.
    measure(one, 0, "direct", { rung: "server", host: "", tries: tries.slice(2) });
    expect(one.view.why).toBeUndefined();
  });

  it("follows what is measured", () => {
    const world = talking("a1 b1", "video");
    const one = world.at("a1");
    expect(one.view.encrypted).toBe(false);
    measure(one, 0, "direct", { opened: 0 });
    expect(one.view.encrypted).toBe(false);
    measure(one, 0);
    expect(one.view.encrypted).toBe(true);
    expect([one.view.route?.rung, one.view.quality?.word, one.view.why]).toEqual(["direct", "good", undefined]);
    expect(one.view.tried).toEqual([{ rung: "direct", result: "up", ms: 400 }]);
    measure(one, 0, "relay-tls");
    expect([one.view.route?.rung, one.view.why]).toEqual(["relay-tls", "udp-blocked"]);
    for (let second = 0; second < 12; second++) {
      world.wait(1000);
      measure(one, 24_000);
    }
    expect([one.view.quality?.word, one.view.why]).toEqual(["poor", "lossy-network"]);
    expect(one.lastMedia.told.filter((word) => word.startsWith("step"))).toEqual(["step 1 small", "step 1 no-video"]);
    for (let second = 0; second < 8; second++) {
      world.wait(1000);
      measure(one, 0);
    }
    expect(one.view.why).toBe("video-paused");
    one.lastMedia.lose(1);
    expect([one.view.phase, one.view.quality?.word, one.view.why]).toEqual([
      ...["recovering", "reconnecting", "peer-silent"],
    ]);
    one.session.noteMoved();
  });

  it("says that no picture goes out where the other side takes none, while the camera is on", () => {
    const world = talking("a1 b1", "video");
    const one = world.at("a1");
    measure(one, 0, "relay-tls", { seen: false });
    expect(one.view.why).toBe("sound-alone");
    one.session.setMedia(true, false);
    expect(one.view.why).toBe("udp-blocked");
  });

  it("says whose picture does not come", () => {
    const world = talking("a1 b1", "video");
    const one = world.at("a1");
    const paused = (): (boolean | undefined)[] => one.view.peers.map((peer) => peer.paused);
    expect(paused()).toEqual([false]);
    measure(one, 0, "direct", { pictures: false });
    expect([one.view.peers[0]?.camera, ...paused()]).toEqual([true, true]);
    world.at("b1").session.setMedia(true, false);
    world.wait(1000);
    expect([one.view.peers[0]?.camera, ...paused()]).toEqual([false, false]);
  });

  it("takes the picture from whom it cannot reach, and from nobody else; Undo tries it again", () => {
    const world = talking("a1 b1 c1", "video", true);
    world.at("b1").session.accept("video");
    world.wait(1000);
    const one = world.at("a1");
    for (let second = 0; second < 12; second++) {
      world.wait(1000);
      measure(one, 24_000, "direct", { leaf: 1 });
      measure(one, 0, "direct", { leaf: 2 });
    }
    const steps = (): string[] => one.lastMedia.told.filter((word) => word.startsWith("step"));
    expect(steps()).toEqual(["step 1 small", "step 1 no-video"]);
    expect(one.view.why).toBe("lossy-network");
    for (let second = 0; second < 8; second++) {
      world.wait(1000);
      measure(one, 0, "direct", { leaf: 1 });
      measure(one, 0, "direct", { leaf: 2 });
    }
    // The other one still sees us.
    expect(one.view.why).not.toBe("video-paused");
    one.session.retryVideo();
    expect(steps().at(-1)).toBe("step 1 small");
  });
});

describe("a reload", () => {
  it("returns to the call with numbers never used", () => {
    const world = talking();
    const other = world.at("b1");
    const before = other.used.length;
    const { kept } = other;
    other.crash();
    world.at("a1").lastMedia.lose(1);
    world.wait(5000);
    expect(other.session.restore(kept)).toBe(true);
    other.session.returnToCall();
    world.wait(2000);
    expect([other.view.phase, world.at("a1").view.phase]).toEqual(["active", "active"]);
    expect(other.used.length).toBeGreaterThan(before);
    expect(new Set(other.used).size).toBe(other.used.length);
  });

  it("or joining again goes on with numbers never used", () => {
    const world = talking("a1 b1 c1", "audio", true);
    world.at("b1").session.accept("audio");
    world.wait(1000);
    const one = world.at("c1");
    const numbers = (): number[] => one.used.map((text) => Number(text.split(" ")[1]));
    for (let turn = 0; turn < 3; turn++) {
      one.session.hangUp();
      world.wait(1000);
      one.session.dial(GID, "audio");
      world.wait(1000);
      expect(one.view.phase).toBe("active");
    }
    expect(new Set(one.media.map(({ start }) => start.call.join())).size).toBe(1);
    expect(numbers()).toEqual([...new Set(numbers())].sort((a, b) => a - b));
    // Also where the record was too old to return by.
    one.crash();
    world.wait(31_000);
    expect(one.session.restore(one.kept)).toBe(false);
    one.session.dial(GID, "audio");
    world.wait(1000);
    expect(numbers()).toEqual([...new Set(numbers())].sort((a, b) => a - b));
  });

  it("begins the numbers of a call anywhere below 2^31", () => {
    const firsts = Array.from({ length: 40 }, (_, seed) => {
      const world = new World("a1 b1");
      world.drawn = seed * 101;
      world.at("a1").session.dial(GID, "audio");
      world.wait(500);
      world.at("b1").session.accept("audio");
      world.wait(500);
      return Number(world.at("a1").used[0]?.split(" ")[1]);
    });
    expect(new Set(firsts).size).toBeGreaterThan(30);
    expect(firsts.every((first) => first % 64 === 0 && first >= 64 && first <= 2 ** 31)).toBe(true);
    expect(Math.max(...firsts)).toBeGreaterThan(2 ** 29);
  });

  it("after half a minute forgets the call", () => {
    const world = talking();
    const other = world.at("b1");
    other.crash();
    world.wait(41_000);
    expect(other.session.restore(other.kept)).toBe(false);
    expect(other.kept).toBeNull();
    expect(other.session.restore(new TextEncoder().encode("nonsense"))).toBe(false);
    expect(other.session.restore(null)).toBe(false);
  });

  it("uses no number twice, whenever the worker dies", () => {
    for (let seed = 1; seed <= 20; seed++) {
      let state = seed;
      const random = (below: number): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        return (state >>> 8) % below;
      };
      const world = talking();
      const one = world.at("a1");
      for (let turn = 0; turn < 15; turn++) {
        one.slowDisk = random(2) === 0;
        const what = random(4);
        if (what === 0) {
          one.crash();
          if (one.session.restore(one.kept)) one.session.returnToCall();
        } else if (what === 1) one.settle();
        else offerSome(one, random(12));
        world.wait([0, 100, 3000][random(3)] ?? 0);
      }
      expect(new Set(one.used).size).toBe(one.used.length);
    }
  });

  it("leaves who was muted so, before anything is sent", () => {
    const world = talking("a1 b1", "video");
    const one = world.at("b1");
    one.session.setMedia(false, true);
    one.crash();
    expect(one.session.restore(one.kept)).toBe(true);
    one.session.returnToCall();
    world.wait(2000);
    const { told } = one.lastMedia;
    expect(told).toContain("media false false");
    expect(told.indexOf("media false false")).toBeLessThan(told.findIndex((word) => word.startsWith("open")));
    expect([one.view.mic, one.view.camera, world.at("a1").view.peers[0]?.mic]).toEqual([false, false, false]);
  });

  it("reads the record as it was written", () => {
    const record = { call: new Uint8Array(16), secret: new Uint8Array(32), kind: "video", caller: true } as const;
    const kept: Kept = { gid: GID, record: { ...record, since: null, leaves: [1, 7] }, nextCtx: 128, lastSeen: 5 };
    const data = encodeKept(kept);
    const read = parseKept(data);
    expect(read && [...encodeKept(read)]).toEqual([...data]);
    expect(read?.record.leaves).toEqual([1, 7]);
    expect(read?.record.mic).toBe(false);
    expect(parseKept(encodeKept({ ...kept, record: { ...kept.record, mic: true } }))?.record.mic).toBe(true);
    expect(parseKept(data.slice(0, -1))).toBeNull();
  });
});

/** Attempts, as long as there are numbers for them. */
function offerSome({ lastMedia }: Device, count: number): void {
  if (lastMedia.closed || !lastMedia.sent.has(1)) return;
  try {
    for (let turn = 0; turn < count; turn++) lastMedia.offer(1);
  } catch (problem) {
    if (!(problem instanceof LocalProtocolError)) throw problem;
  }
}
