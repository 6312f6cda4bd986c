/** Loudness folded to 64 bytes. */
import { expect, test } from "vitest";
import { foldWave, loudnessOf } from "./waveform.ts";

test("64 bytes, the loudest at full height, quiet ones still seen", () => {
  const moments = Array.from({ length: 640 }, (_, at) => ({ at: at * 10, loudness: at < 320 ? 0.01 : 0.16 }));
  const wave = foldWave(moments, 6400);
  expect(wave).toHaveLength(64);
  expect([...wave.slice(0, 32)]).toEqual(new Array(32).fill(64));
  expect([...wave.slice(32)]).toEqual(new Array(32).fill(255));
});

test("a gap is like what was before it; silence and nothing at all are flat", () => {
  const gap = foldWave(
    [
      { at: 0, loudness: 1 },
      { at: 999, loudness: 0.25 },
    ],
    1000,
  );
  expect([gap[0], gap[31], gap[63]]).toEqual([255, 255, 128]);
  expect([...foldWave([{ at: 5, loudness: 0 }], 10)]).toEqual(new Array(64).fill(0));
  expect([...foldWave([], 0)]).toEqual(new Array(64).fill(0));
});

test("what was measured after the end counts to the last part", () => {
  expect(foldWave([{ at: 2000, loudness: 0.5 }], 1000)[63]).toBe(255);
});

test("loudness is the root mean square", () => {
  expect(loudnessOf(Float32Array.from([0.5, -0.5, 0.5, -0.5]))).toBe(0.5);
  expect(loudnessOf(new Float32Array(0))).toBe(0);
});
