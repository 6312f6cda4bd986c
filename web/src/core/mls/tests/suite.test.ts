/** The cipher suite comes apart from the engine: it is asked for again, and no group is touched before it is here. */
import { afterEach, expect, test, vi } from "vitest";
import { makeXWing } from "../xwing.ts";

// Files share their modules, and another one may have loaded the suite.
vi.resetModules();
const { addSuite, cryptoOf, loadSuite, SUITE_NAMES } = await import("../suites.ts");

const NAME = SUITE_NAMES[0x53];
const unloaded = () => Promise.reject(new TypeError("Failed to fetch dynamically imported module"));

afterEach(() => vi.useRealTimers());

test("a suite that does not come is asked for three times, then refused with words, and comes the next time", async () => {
  vi.useFakeTimers();
  let asked = 0;
  addSuite(NAME, () => (asked++, unloaded()));
  const refused = expect(loadSuite()).rejects.toMatchObject({ code: "unreachable" });
  await vi.runAllTimersAsync();
  await refused;
  expect(asked).toBe(3);
  let comes = 0;
  addSuite(NAME, () => (comes++ === 0 ? unloaded() : makeXWing()));
  const loaded = loadSuite();
  await vi.runAllTimersAsync();
  await loaded;
  expect(await cryptoOf(NAME)).toBe(await cryptoOf(NAME));
  expect(comes).toBe(2);
});
