/** Signals and SDPs are judged as vectors/calls/signals.json says, which Python wrote; and nothing hostile throws. */
import { describe, expect, it } from "vitest";
import vectors from "../../../../vectors/calls/signals.json";
import { parseHex } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import type { Parsed } from "../cbor.ts";
import { Malformed } from "../errors.ts";
import { checkSdp, findType, hideAddresses, type Role } from "./sdp.ts";
import { encodeSignal, parseSignal, type Signal, ttlOf, wakes } from "./signals.ts";
import { shown } from "./testing.ts";

const mapOf = (hex: string): Map<cbor.Key, Parsed> => cbor.parse(parseHex(hex)) as Map<cbor.Key, Parsed>;
function orNull<T>(work: () => T): T | null {
  try {
    return work();
  } catch (problem) {
    if (!(problem instanceof Malformed)) throw problem;
    return null;
  }
}

describe("signals", () => {
  const cases = vectors.read as [string, string, object | null][];
  it.each(cases)("are read: %s", (_, hex, signal) => {
    const found = parseSignal(mapOf(hex));
    expect(shown(found)).toEqual(signal);
  });

  it("are written as they were read", () => {
    for (const [about, hex, signal] of cases) {
      const found = parseSignal(mapOf(hex));
      if (!found || found.t === "unsupported" || about.includes(" ")) continue;
      expect(shown(parseSignal(mapOf(Buffer.from(cbor.encode(encodeSignal(found))).toString("hex"))))).toEqual(signal);
      expect(Buffer.from(cbor.encode(encodeSignal(found))).toString("hex")).toBe(hex);
    }
  });

  it("wait at the server, and wake, by their type", () => {
    const every = cases.flatMap(([, hex]) => parseSignal(mapOf(hex)) ?? []).filter(({ t }) => t !== "unsupported");
    const types = (fits: (signal: Signal) => boolean): string[] => [
      ...new Set((every as Signal[]).filter(fits).map(({ t }) => t)),
    ];
    expect(types((one) => ttlOf(one) === 60).sort()).toEqual(
      ["ring", "cancel", "accept", "decline", "taken", "end", "beacon"].sort(),
    );
    expect(types(wakes)).toEqual(["ring"]);
  });

  it("of ours that a peer would drop are an error", () => {
    const to = null;
    expect(() => encodeSignal({ t: "taken", call: new Uint8Array(16), to, leaf: 65_536 })).toThrow(Malformed);
  });
});

describe("SDP", () => {
  it.each(vectors.sdp as [string, string, Role, boolean][])("%s", (_, sdp, role, taken) => {
    expect(orNull(() => checkSdp(sdp, role)) !== null).toBe(taken);
  });

  it.each(vectors.candidates as [string, string | null][])("candidate %s", (candidate, type) => {
    expect(orNull(() => findType(candidate))).toBe(type);
  });

  it("hides addresses under the relay policy", () => {
    for (const [sdp, hidden] of vectors.hidden) expect(orNull(() => hideAddresses(sdp ?? ""))).toBe(hidden);
  });

  it("survives what is no SDP", () => {
    let state = 7;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    const [, sdp = ""] = vectors.sdp[0] as [string, string];
    for (let round = 0; round < 2000; round++) {
      const lines = sdp.split("\r\n");
      for (let edit = 0; edit <= random(4); edit++) {
        const odd = [lines[random(lines.length)] ?? "", "m=", "m=audio", "a=rtpmap:", "a=mid:", "a=group:BUNDLE "];
        lines.splice(random(lines.length), random(3), odd[random(odd.length)] ?? "");
      }
      orNull(() => checkSdp(lines.join("\r\n"), "offer"));
    }
  });
});
