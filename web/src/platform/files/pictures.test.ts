/** What pictures and movies are made of where a browser has nothing to draw. */
import { afterEach, expect, test, vi } from "vitest";
import { measureMovie, unfoldThumb } from "./pictures.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test.each([
  ["no width", "b70e0f7807a79023719f8c3cd93194ef"],
  ["no height", "8f96e638da3c7bae9660d2a4fcf6c0"],
  ["nothing", ""],
])("a thumbhash that unfolds to %s is none", (_, hex) => {
  expect(unfoldThumb([...Buffer.from(hex, "hex")])).toBeUndefined();
});

test("a thumbhash of a picture unfolds", () => {
  const thumb = unfoldThumb([...Buffer.from("3608820d0275778887787778887f8888", "hex")]);
  if (!thumb) throw new Error("no picture");
  expect(thumb.rgba.length).toBe(4 * thumb.width * thumb.height);
  expect(thumb.rgba.length).toBeGreaterThan(0);
});

test("a movie that a browser neither plays nor refuses is given up", async () => {
  vi.useFakeTimers();
  const video = Object.assign(new EventTarget(), { removeAttribute: () => undefined, load: vi.fn() });
  vi.stubGlobal("document", { createElement: () => video });
  const measured = measureMovie(new Blob(["?"]));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await measured).toBeUndefined();
  expect(video.load).toHaveBeenCalled();
});
