/** Sound is put back in time as vectors/calls/jitter.json says, which Python's code wrote. */
import { describe, expect, it } from "vitest";
import jitter from "../../../../vectors/calls/jitter.json";
import { encodeUint, parseUint } from "../bytes.ts";
import { FRAMES_MOST, JitterBuffer, NOTES_MOST } from "./jitter.ts";

type Step =
  | readonly ["push", seq: number, ts: number, at: number, outcome: string, target: number]
  | readonly ["play", at: number, seq: number, leftOut: boolean]
  | readonly ["gap", at: number]
  | readonly ["wait", at: number, until: number | null]
  | readonly ["report", at: number, late: number, delay: number];

/** What the buffer does at a step, written as the file writes it. */
function lived(buffer: JitterBuffer, step: Step): Step {
  if (step[0] === "push") {
    const [, seq, ts, at] = step;
    const outcome = buffer.push(seq, ts, at, encodeUint(seq, 2));
    return ["push", seq, ts, at, outcome, buffer.targetMs];
  }
  const at = step[1];
  if (step[0] === "report") return ["report", at, buffer.latePerMille(at), buffer.delayMs];
  const pulled = buffer.pull(at);
  if (pulled.t === "gap") return ["gap", at];
  if (pulled.t === "wait") return ["wait", at, pulled.until];
  const seq = parseUint(pulled.payload);
  return ["play", at, seq, buffer.leavesOut((seq * 37) % 100)];
}

describe("the jitter buffer", () => {
  it.each(jitter.stories as unknown as [string, string, Step[]][])("%s", (_name, _about, steps) => {
    const buffer = new JitterBuffer();
    expect(steps.map((step) => lived(buffer, step))).toEqual(steps);
  });

  it("holds little, whatever comes", () => {
    const buffer = new JitterBuffer();
    let chance = 1;
    const next = (below: number): number => (chance = (chance * 48_271) % 2_147_483_647) % below;
    for (let turn = 0; turn < 20_000; turn += 1) {
      buffer.push(next(65_536), next(2 ** 31) * 2, turn >> 3, new Uint8Array(1));
      if (turn % 16 === 0) buffer.pull(turn >> 3);
      expect(buffer.held.frames <= FRAMES_MOST && buffer.held.notes <= NOTES_MOST).toBe(true);
    }
    for (let turn = 0; turn < 20_000; turn += 1) {
      buffer.push(turn % 65_536, Math.floor(turn * 0.4), 5_000_000 + Math.floor(turn * 0.4), new Uint8Array(1));
    }
    expect(buffer.held.frames <= FRAMES_MOST && buffer.held.notes <= NOTES_MOST).toBe(true);
    expect(buffer.pull(6_000_000).t).toBe("gap");
  });
});
