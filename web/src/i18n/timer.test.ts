/** Spans in one unit, in the plural forms of each language. */
import { beforeAll, expect, test } from "vitest";
import { useLanguage } from "./catalogue.ts";
import { sayAfter, sayLeft, sayTimer } from "./timer.ts";

beforeAll(() => {
  Object.assign(globalThis, { document: { documentElement: {} } });
});

test.each([
  ["en", ["1 hour", "1 day", "7 days", "30 days", "90 seconds", "90 minutes"]],
  ["ru", ["1 час", "1 день", "7 дней", "30 дней", "90 секунд", "90 минут"]],
] as const)("spans in %s", async (language, said) => {
  await useLanguage(language);
  expect([3_600, 86_400, 604_800, 2_592_000, 90, 5_400].map(sayTimer)).toEqual(said);
});

test("Arabic has its six forms", async () => {
  await useLanguage("ar");
  const days = [1, 2, 3, 11, 100].map((n) => sayTimer(n * 86_400).replace(/[\d٠-٩]+/g, "#"));
  expect(days).toEqual(["يوم", "يومان", "# أيام", "# يومًا", "# يوم"]);
});

test("in a sentence an Arabic two takes another ending", async () => {
  await useLanguage("ar");
  expect([1, 2, 3].map((n) => sayAfter(n * 86_400).replace(/[\d٠-٩]+/g, "#"))).toEqual(["يوم", "يومين", "# أيام"]);
  await useLanguage("en");
  expect(sayAfter(2 * 86_400)).toBe("2 days");
});

test("what is left is rounded up, and never nothing", async () => {
  await useLanguage("en");
  const now = 1_795_000_000_000;
  expect(sayLeft(now + 86_400_000, now, "long")).toBe("1 day");
  expect(sayLeft(now + 86_399_000, now, "long")).toBe("24 hours");
  expect(sayLeft(now + 61_000, now, "long")).toBe("2 minutes");
  expect(sayLeft(now + 1, now, "long")).toBe("1 second");
  expect(sayLeft(now - 5_000, now, "narrow")).toBe("1s");
});
