/** What has to come is asked for three times, and then it is unreachable. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { insist } from "./lazy.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test.each([0, 1, 2])("%i failures before it comes", async (failures) => {
  let tries = 0;
  const coming = insist("it", () => (tries++ < failures ? Promise.reject(new TypeError()) : Promise.resolve("here")));
  await vi.runAllTimersAsync();
  expect(await coming).toBe("here");
  expect(tries).toBe(failures + 1);
});

test("the third failure is told", async () => {
  let tries = 0;
  const coming = insist("it", () => {
    tries += 1;
    return Promise.reject(new TypeError());
  });
  const told = expect(coming).rejects.toMatchObject({ code: "unreachable" });
  await vi.runAllTimersAsync();
  await told;
  expect(tries).toBe(3);
});
