/** The dialer's clock: Unix time that never goes back, and what it makes of sleep. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Clock } from "./clock.ts";

let clock: Clock;
let slept: number;
let beats: number;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000, toFake: ["setInterval", "clearInterval", "performance", "Date"] });
  slept = beats = 0;
  clock = new Clock({ slept: () => void (slept += 1), beat: () => void (beats += 1) });
});
afterEach(() => {
  clock.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

it("is Unix time, and goes on with the steady clock whatever somebody sets", () => {
  expect(clock.now()).toBeCloseTo(1_800_000_000, 3);
  vi.advanceTimersByTime(60_000);
  expect(clock.now()).toBeCloseTo(1_800_000_060, 3);
  expect([slept, beats]).toEqual([0, 3]);
  vi.setSystemTime(1_700_000_000_000);
  vi.advanceTimersByTime(20_000);
  expect(clock.now()).toBeCloseTo(1_800_000_080, 3);
  expect(slept).toBe(0);
});

it.each([
  [300, 0],
  [3_600, 1],
])("leaps over a sleep of %d s, and tells of a long one", (seconds, told) => {
  // Asleep, neither timers nor the steady clock go on.
  vi.setSystemTime(1_800_000_000_000 + seconds * 1000);
  vi.advanceTimersByTime(20_000);
  expect(clock.now()).toBeCloseTo(1_800_000_020 + seconds, 3);
  expect(slept).toBe(told);
});
