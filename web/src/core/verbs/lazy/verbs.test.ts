/** Calls whose code comes with the first of them: once, in order, and again where it did not come. */
import { expect, test } from "vitest";
import { Unreachable } from "../../../protocol/errors.ts";
import type { Handlers } from "../handlers.ts";
import { lazyVerbs } from "./verbs.ts";

type Names = "arrange" | "react";

/** A module that comes when it is told to, and what was called of it. */
function arriving() {
  const called: string[] = [];
  const coming: { resolve(module: object): void; reject(problem: unknown): void }[] = [];
  const verbs = lazyVerbs(
    ["arrange", "react"],
    () => new Promise<object>((resolve, reject) => coming.push({ resolve, reject })),
    (): Handlers<Names> => {
      called.push("made");
      return {
        arrange: ({ chat }) => (called.push(`mute ${chat}`), Promise.resolve()),
        react: ({ id }) => (called.push(`react ${id}`), Promise.reject(new TypeError(`${id} is a bug`))),
      };
    },
  );
  return { called, coming, verbs };
}

test("calls that come while it loads run in their order, and it loads once", async () => {
  const { called, coming, verbs } = arriving();
  const first = verbs.arrange({ chat: "a", act: "mute" });
  const second = verbs.arrange({ chat: "b", act: "mute" });
  expect(coming).toHaveLength(1);
  coming[0]?.resolve({});
  await Promise.all([second, first]);
  await verbs.arrange({ chat: "c", act: "mute" });
  expect(called).toEqual(["made", "mute a", "mute b", "mute c"]);
  expect(coming).toHaveLength(1);
});

test("what does not load is told to all who wait, and the next call asks again", async () => {
  const { called, coming, verbs } = arriving();
  const calls = [verbs.arrange({ chat: "a", act: "mute" }), verbs.arrange({ chat: "b", act: "mute" })];
  coming[0]?.reject(new TypeError("Failed to fetch dynamically imported module"));
  for (const call of calls) await expect(call).rejects.toBeInstanceOf(Unreachable);
  const again = verbs.arrange({ chat: "c", act: "mute" });
  coming[1]?.resolve({});
  await again;
  expect(called).toEqual(["made", "mute c"]);
});

test("a fault of the code that came stays what it is", async () => {
  const { coming, verbs } = arriving();
  const call = verbs.react({ chat: "a", id: "m", emoji: "x" });
  coming[0]?.resolve({});
  await expect(call).rejects.toThrow("m is a bug");
});
