/** What is approved is what was shown, whatever is scanned or pasted meanwhile. */
import { expect, test, vi } from "vitest";
import type { Link } from "../core/link.ts";
import { type Host, useHost } from "./host.ts";

// Vitest compiles no runes; without a screen around, a plain field is all they are.
vi.stubGlobal(
  "$state",
  Object.assign((value: unknown) => value, { raw: (value: unknown) => value }),
);
const { LinkOther } = await import("./devices.svelte.ts");

interface Asked {
  readonly name: string;
  readonly code: string;
  answer(value: unknown): void;
}

/** A worker whose answers the test gives. */
function worker(): Asked[] {
  const asked: Asked[] = [];
  const call = (name: string, { code }: { code: string }) =>
    new Promise((answer) => void asked.push({ name, code, answer }));
  useHost({ link: { call } as unknown as Link, browser: {} as Host["browser"] });
  return asked;
}

test("a second code that comes while the first is looked at is not the one that Yes approves", async () => {
  const asked = worker();
  const other = new LinkOther();
  const first = other.look("first");
  await other.look("second");
  asked[0]?.answer({ name: "My laptop", platform: "web", emoji: [] });
  await first;
  expect(other.offer).toMatchObject({ name: "My laptop" });
  void other.approve();
  expect(asked.map(({ name, code }) => [name, code])).toEqual([
    ["preview_link", "first"],
    ["approve_link", "first"],
  ]);
});
