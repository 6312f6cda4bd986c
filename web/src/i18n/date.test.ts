/** Days are counted by the local calendar, not by 24 hours. */
import { beforeAll, expect, test } from "vitest";
import { daysBetween, formatDay, formatMoment, formatTime, formatWhen } from "./date.ts";
import { useLanguage } from "./catalogue.ts";

const NOW = new Date(2026, 2, 6, 9, 30).getTime();
const at = (...parts: [number, number, number, number, number]): number => new Date(...parts).getTime();

beforeAll(async () => {
  Object.assign(globalThis, { document: { documentElement: {} } });
  await useLanguage("en");
});

test("yesterday begins at midnight", () => {
  expect(daysBetween(at(2026, 2, 5, 23, 59), NOW)).toBe(1);
  expect(daysBetween(at(2026, 2, 6, 0, 0), NOW)).toBe(0);
  expect(daysBetween(at(2026, 2, 7, 0, 0), NOW)).toBe(-1);
});

test("a heading names the day as people do", () => {
  expect(formatDay(at(2026, 2, 6, 1, 0), NOW)).toBe("Today");
  expect(formatDay(at(2026, 2, 5, 23, 0), NOW)).toBe("Yesterday");
  expect(formatDay(at(2026, 2, 2, 12, 0), NOW)).toBe("Monday");
  expect(formatDay(at(2026, 1, 20, 12, 0), NOW)).toMatch(/February 20|20 February/);
  expect(formatDay(at(2025, 1, 20, 12, 0), NOW)).toContain("2025");
});

test("the clock has 24 hours and two digits", () => {
  expect(formatTime(at(2026, 2, 6, 18, 53))).toBe("18:53");
  expect(formatTime(at(2026, 2, 6, 0, 5))).toBe("00:05");
});

test("a row says the time today and the date later", () => {
  expect(formatWhen(at(2026, 2, 6, 8, 1), NOW)).toBe("08:01");
  expect(formatWhen(at(2026, 2, 5, 8, 1), NOW)).toBe("Yesterday");
  expect(formatWhen(at(2026, 2, 3, 8, 1), NOW)).toBe("Tue");
  expect(formatWhen(at(2026, 0, 3, 8, 1), NOW)).toMatch(/Jan/);
  expect(formatWhen(at(2024, 0, 3, 8, 1), NOW)).toBe("01/03/2024");
});

test("a time beyond all dates, as a member may give a link, is said and breaks nothing", () => {
  expect(formatMoment((2 ** 53 - 1) * 1000)).toMatch(/275760/);
});
