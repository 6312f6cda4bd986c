/** A lift that fails leaves what was written for it, though the list has come anew. */
import { afterEach, expect, test, vi } from "vitest";
import { suspendedDesk } from "./suspended.svelte.ts";

afterEach(() => vi.unstubAllGlobals());

const LISTED = {
  suspensions: [
    { kind: "rule", ref: "a", since: 1 },
    { kind: "domain", ref: "a", since: 2 },
  ],
};

test("the reason stays with the one it is for where the server takes no lift", async () => {
  vi.stubGlobal("document", { baseURI: "https://zajil.example/review" });
  vi.stubGlobal("fetch", (_: URL, { method }: RequestInit) =>
    Promise.resolve(method === "GET" ? Response.json(LISTED) : Response.json({ code: "busy" }, { status: 503 })),
  );
  await suspendedDesk.list.refresh();
  const [first] = suspendedDesk.list.value ?? [];
  if (first === undefined) throw new Error("nothing listed");
  suspendedDesk.begin(first);
  suspendedDesk.reason = "looked at";
  expect(await suspendedDesk.lift()).toBe(false);
  expect(suspendedDesk.press.error).toBe("busy");
  expect(suspendedDesk.reason).toBe("looked at");
  expect(suspendedDesk.list.value?.map((one) => suspendedDesk.isAt(one))).toEqual([true, false]);
});
