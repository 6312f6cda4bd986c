/** Sound between blocks and a reader: even, without edges where some is missing, and never long behind. */
import { expect, test } from "vitest";
import { FADE_SAMPLES, LEAD_SAMPLES, MOST_SAMPLES, Ring } from "./ring.ts";

const BLOCK = 1_920;
const block = (value: number): Float32Array => new Float32Array(BLOCK).fill(value);
function read(ring: Ring, count: number): Float32Array {
  const out = new Float32Array(count);
  for (let at = 0; at < count; at += 128) ring.read(out.subarray(at, Math.min(count, at + 128)));
  return out;
}
const steps = (out: Float32Array): number => {
  let most = 0;
  for (let at = 1; at < out.length; at++) most = Math.max(most, Math.abs((out[at] ?? 0) - (out[at - 1] ?? 0)));
  return most;
};

test("silence first, then what was pushed, sample by sample", () => {
  const ring = new Ring();
  expect(read(ring, 256).every((sample) => sample === 0)).toBe(true);
  ring.push(BLOCK, block(0.5));
  ring.push(BLOCK, block(0.5));
  const out = read(ring, LEAD_SAMPLES + 2 * BLOCK);
  expect(out.subarray(0, LEAD_SAMPLES).every((sample) => sample === 0)).toBe(true);
  expect(out.subarray(LEAD_SAMPLES + FADE_SAMPLES).every((sample) => sample === 0.5)).toBe(true);
});

test("a missing block fades out within 10 ms, and back in", () => {
  const ring = new Ring();
  ring.push(BLOCK, block(0.5));
  ring.push(BLOCK);
  ring.push(BLOCK, block(0.5));
  const out = read(ring, LEAD_SAMPLES + 3 * BLOCK);
  const gap = out.subarray(LEAD_SAMPLES + BLOCK, LEAD_SAMPLES + 2 * BLOCK);
  expect(gap[0]).toBeGreaterThan(0.4);
  expect(gap.subarray(FADE_SAMPLES).every((sample) => sample === 0)).toBe(true);
  expect(out.at(-1)).toBe(0.5);
  expect(steps(out)).toBeLessThan(0.01);
});

test("where nothing more comes it fades as well, and what is 200 ms old is left out", () => {
  const ring = new Ring();
  ring.push(BLOCK, block(0.5));
  const out = read(ring, LEAD_SAMPLES + 2 * BLOCK);
  expect([steps(out) < 0.01, out.at(-1)]).toEqual([true, 0]);
  for (let turn = 0; turn < 10; turn++) ring.push(BLOCK, block(turn));
  const late = read(ring, MOST_SAMPLES + BLOCK);
  expect(late.filter((sample) => sample === 9).length).toBeGreaterThan(BLOCK - FADE_SAMPLES);
  expect(late.filter((sample) => sample === 2).length).toBeLessThan(10);
});
