/** What each device of a call may say. tests/client/calls/test_budget.py tells the same. */
import { expect, test } from "vitest";
import type { Signal } from "../../protocol/calls/signals.ts";
import { SignalBudget } from "./budget.ts";

const CALL = new Uint8Array(16);
const got = (to: number, pc = 2): Signal => ({ t: "got", call: CALL, to, pc });
const end: Signal = { t: "end", call: CALL, to: null, reason: "hangup" };
const answer = (to: number, pc: number): Signal => ({ t: "desc", call: CALL, to, pc, role: "answer", sdp: "" });
const cand = (pc: number, count: number): Signal => ({
  ...{ t: "cand", call: CALL, to: 0, pc, cands: Array<string>(count).fill(""), done: false },
});
const times = (count: number, works: () => boolean): number =>
  Array.from({ length: count }, works).filter(Boolean).length;

test("300 signals at once, then one a second, and what ends the call always", () => {
  const budget = new SignalBudget();
  expect(times(400, () => budget.admits(1, got(0), 5_000))).toBe(300);
  expect(budget.admits(1, end, 5_000)).toBe(true);
  expect(budget.admits(2, got(0), 5_000)).toBe(true);
  expect(times(9, () => budget.admits(1, got(0), 8_000))).toBe(3);
  expect(times(400, () => budget.admits(1, got(0), 5_000_000))).toBe(300);
});

test("8 times lost at once, then one a second, whatever else is said", () => {
  const budget = new SignalBudget();
  const lost: Signal = { t: "lost", call: CALL, to: 0, pc: 2 };
  expect(times(300, () => budget.admits(1, lost, 0))).toBe(8);
  expect(budget.admits(2, lost, 0)).toBe(true);
  expect(times(9, () => budget.admits(1, lost, 3_000))).toBe(3);
  expect(times(9, () => budget.admits(1, got(0), 60_000))).toBe(9);
});

test("who drains one budget drains no other's", () => {
  const budget = new SignalBudget();
  expect(times(400, () => budget.maySend(got(1), 0))).toBe(300);
  expect([budget.maySend(end, 0), budget.maySend(got(2), 0), budget.maySend(got(1), 1_000)]).toEqual([
    true,
    true,
    true,
  ]);
});

test("an answer is repeated four times for each attempt", () => {
  const budget = new SignalBudget();
  expect(times(9, () => budget.maySend(answer(1, 4), 0))).toBe(5);
  expect(times(9, () => budget.maySend(answer(1, 6), 0))).toBe(5);
  expect(times(9, () => budget.maySend(answer(2, 4), 0))).toBe(5);
  expect(times(400, () => budget.maySend(got(1), 0))).toBe(290);
});

test("20 candidates of an attempt, and no count for what is above the limit of signals", () => {
  const budget = new SignalBudget();
  expect([2, 2, 2, 4].map((pc) => budget.admits(1, cand(pc, 10), 0))).toEqual([true, true, false, true]);
  expect(times(400, () => budget.admits(1, got(0), 0))).toBe(296);
  expect(budget.admits(1, cand(6, 20), 0)).toBe(false);
  expect(budget.admits(1, cand(6, 20), 1_000)).toBe(true);
});
