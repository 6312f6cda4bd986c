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
  readonly history?: boolean;
  answer(value: unknown): void;
}

/** A worker whose answers the test gives. */
function worker(): Asked[] {
  const asked: Asked[] = [];
  const call = (name: string, args: Pick<Asked, "code" | "history">) =>
    new Promise((answer) => void asked.push({ name, ...args, answer }));
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

test("what was before goes along unless the switch says otherwise", async () => {
  for (const history of [true, false]) {
    const asked = worker();
    const other = new LinkOther();
    const looked = other.look("a code");
    asked[0]?.answer({ name: "My laptop", platform: "web", emoji: [] });
    await looked;
    expect(other.history).toBe(true);
    other.history = history;
    const approved = other.approve();
    expect(asked[1]).toMatchObject({ name: "approve_link", code: "a code", history });
    asked[1]?.answer({ device: 2, history: history ? "goes" : "stays" });
    await approved;
    expect(other.linked?.history).toBe(history ? "goes" : "stays");
  }
});
