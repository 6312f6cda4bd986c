/** What a member can do to others' calls with signals alone. tests/client/calls/test_hostile_member.py tells the same. */
import { describe, expect, it } from "vitest";
import { LOSSES } from "../../protocol/calls/limits.ts";
import { encodeSignal, type Signal } from "../../protocol/calls/signals.ts";
import type { Key, Parsed } from "../../protocol/cbor.ts";
import { type Device, GID, OFFER, RELAY, World } from "../testing/callworld.ts";

const NOBODYS = 999_998;

/** The attacker's device says this, and needs no session for it. */
function say(victim: Device, attacker: Device, ...signals: readonly Signal[]): void {
  for (const signal of signals)
    victim.session.hear(GID, { ...attacker.me, ageMs: 0 }, encodeSignal(signal) as Map<Key, Parsed>);
}

/** A call of a group that these have joined. */
function talking(names: string, joining = names.split(" ").slice(1), group = true): World {
  const world = new World(names, group);
  world.at("a1").session.dial(GID, "audio");
  world.wait(1000);
  for (const name of joining) {
    world.at(name).session.accept("audio");
    world.wait(1000);
  }
  expect(world.at("a1").view.peers.map(({ up }) => up)).toEqual(joining.map(() => true));
  return world;
}

/** Each of another call, each lower than the one before. */
const rings = (count: number): Signal[] =>
  Array.from({ length: count }, (_, at) => {
    const call = new Uint8Array(16);
    call[1] = count - at;
    return { t: "ring", call, to: null, secret: new Uint8Array(32), kind: "audio", suite: 4 };
  });

describe("a hostile member", () => {
  it("makes a device try anew a few times by storms of lost, and it runs out of nothing", () => {
    const world = talking("a1 b1 c1 d1");
    const one = world.at("a1");
    one.slowDisk = true;
    const [before, { call }] = [one.used.length, one.lastMedia.start];
    for (const name of ["b1", "c1", "d1"])
      for (let turn = 0; turn < 100; turn++)
        for (const pc of [0, NOBODYS]) say(one, world.at(name), { t: "lost", call, to: 0, pc });
    expect(one.used.length - before).toBe(3 * LOSSES);
    expect(["active", "recovering"]).toContain(one.view.phase);
    one.settle();
    world.wait(5_000);
    expect(one.view.phase).toBe("active");
  });

  it("reaches no media about links from outside the call", () => {
    const world = talking("a1 b1 c1 d1", ["d1"]);
    const [one, outside] = [world.at("a1"), world.at("c1")];
    const { call } = one.lastMedia.start;
    const [told, used] = [[...one.lastMedia.told], one.used.length];
    const sdp = OFFER.replaceAll("sendonly", "recvonly");
    for (const pc of [0, 2, one.lastMedia.sent.get(3) ?? 0, NOBODYS]) {
      const about = { call, to: 0, pc };
      say(one, outside, { t: "got", ...about }, { t: "lost", ...about });
      say(
        one,
        outside,
        { t: "cand", ...about, cands: [RELAY], done: false },
        { t: "desc", ...about, role: "answer", sdp },
      );
    }
    say(one, outside, { t: "state", call, to: null, mic: false, cam: true, relayOnly: false });
    expect([one.lastMedia.told, one.used.length]).toEqual([told, used]);
    expect(one.view.peers.map(({ leaf }) => leaf)).toEqual([3]);
    // What is meant for another device is not ours either, whoever says it.
    say(one, world.at("d1"), { t: "lost", call, to: 2, pc: 0 });
    expect(one.used.length).toBe(used);
  });

  it("does not say who was taken unless it calls, and ends nothing that is not its own", () => {
    const world = new World("a1 a2 b1 b2");
    const [one, heard] = [world.at("a1"), world.at("b1")];
    one.session.dial(GID, "audio");
    world.wait(100);
    const { call } = one.lastMedia.start;
    const taken: Signal = { t: "taken", call, to: null, leaf: 3 };
    const cancel: Signal = { t: "cancel", call, to: null, reason: "cancelled" };
    const end: Signal = { t: "end", call, to: null, reason: "hangup" };
    for (const liar of ["a2", "b2"]) {
      say(heard, world.at(liar), taken, cancel, end);
      expect(heard.shown).toBe("ringing");
    }
    heard.session.accept("audio");
    say(heard, world.at("a2"), taken, cancel, end);
    world.wait(1_000);
    expect(heard.view.phase).toBe("active");
    for (const liar of ["a2", "b2"]) say(heard, world.at(liar), taken, end);
    world.wait(60_000);
    expect([one.view.phase, heard.view.phase]).toEqual(["active", "active"]);
  });

  it("ends no call of a group alone", () => {
    const world = talking("a1 b1 c1", ["c1"]);
    const [one, outside] = [world.at("a1"), world.at("b1")];
    const { call } = one.lastMedia.start;
    for (const reason of ["hangup", "failed", "alarm", "full"])
      for (const to of [null, 0]) say(one, outside, { t: "end", call, to, reason });
    say(one, outside, { t: "cancel", call, to: null, reason: "cancelled" });
    say(one, outside, { t: "decline", call, to: null, reason: "busy" }, { t: "taken", call, to: null, leaf: 1 });
    world.wait(100);
    expect(one.view.peers.map(({ up }) => up)).toEqual([true]);
  });

  it.each(["outgoing", "active"])("moves a device once by ever lower rings, and not out of a call: %s", (phase) => {
    const world = phase === "outgoing" ? new World("a1 b1 c1", true) : talking("a1 b1 c1", ["c1"]);
    const one = world.at("a1");
    if (phase === "outgoing") one.session.dial(GID, "audio");
    const calls = one.media.length;
    say(one, world.at("b1"), ...rings(40));
    expect(one.media.length - calls).toBe(phase === "outgoing" ? 1 : 0);
    expect(one.view.phase).toBe(phase === "outgoing" ? "connecting" : "active");
    world.wait(21_000);
    // The call that never was is given up; nothing is left of it.
    expect(one.shown).toBe(phase === "outgoing" ? "ended failed" : "active");
  });

  it("rings in a big group without a sound and one call at a time, and never again what was declined", () => {
    const world = new World("a1 b1 c1 d1 e1 f1 g1 h1 i1", true);
    const one = world.at("a1");
    say(one, world.at("b1"), ...rings(40));
    expect(new Set(one.views.map(({ silent }) => silent))).toEqual(new Set([true]));
    one.session.decline();
    expect(one.view.phase).toBe("ended");
    const shown = one.views.length;
    say(one, world.at("c1"), ...rings(40).slice(-1));
    expect(one.views.length).toBe(shown);
  });
});
