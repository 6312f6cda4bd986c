/** What tabs are shown, out of what the dialer knows and the sessions say. */
import { describe, expect, it } from "vitest";
import type { PathView, Try } from "../../protocol/path/view.ts";
import { endpoint, ORIGIN } from "../testing/net.ts";
import { shownOf } from "./view.ts";

const tried = (one = ORIGIN, more: Partial<Try> = {}): Try => ({
  ...{ candidate: { id: `${one.id}/wss`, endpoint: one, strategy: "wss" }, result: "", stage: "", reason: "" },
  ...{ startedAt: 0, echoBytes: 0, lastOk: 0, chosen: false, mode: "stream", inOutage: false },
  ...more,
});
const view = (more: Partial<PathView>): PathView => ({
  state: "direct",
  since: 0,
  via: "",
  trying: 0,
  tries: [],
  ...more,
});
const GOOD = { answers: true, offline: false, roundTripMs: 40 };

describe("the state", () => {
  it.each([
    ["as the dialer says, while the server answers", "slow", GOOD, "slow"],
    ["trying, while a way is there and no session on it", "via", { ...GOOD, answers: false }, "trying"],
    ["as the dialer says, where there is no way", "blocked", { ...GOOD, answers: false }, "blocked"],
    ["offline, where there is no network", "direct", { ...GOOD, offline: true }, "offline"],
  ] as const)("is %s", (_, state, sessions, shown) => {
    expect(shownOf(view({ state }), sessions).state).toBe(shown);
  });

  it("names the host in between, and how many ways are tried", () => {
    expect(shownOf(view({ state: "via", via: "b.example" }), GOOD)).toEqual({
      state: "via",
      via: "b.example",
      routes: [],
    });
    expect(shownOf(view({ state: "trying", trying: 3 }), GOOD).trying).toBe(3);
    expect(shownOf(view({ state: "direct" }), { ...GOOD, answers: false }).trying).toBe(1);
  });
});

describe("the routes", () => {
  it("begin with the one in use, and tell how each went", () => {
    const bridge = endpoint("b.example", { private: true });
    const failed = { result: "failed", stage: "connect", reason: "timeout", startedAt: 10, lastOk: 5 } as const;
    const tries = [
      tried(ORIGIN, failed),
      tried(bridge, { result: "proved", chosen: true, mode: "segmented", startedAt: 11, lastOk: 12 }),
      tried(endpoint("c.example", { kind: "front" }), { result: "stopped", startedAt: 11 }),
      tried(endpoint("d.example")),
    ];
    const { routes } = shownOf(view({ tries }), GOOD);
    expect(routes).toEqual([
      {
        ...{ id: "b.example/wss", kind: "bridge", name: "b.example", own: true, strategy: "wss" },
        ...{ segmented: true, chosen: true, result: "proved", tried_at: 11_000, round_trip_ms: 40, last_ok_at: 12_000 },
      },
      {
        ...{ id: "own/wss", kind: "origin", name: "home.example", own: false, strategy: "wss" },
        ...{ segmented: false, chosen: false, result: "failed", stage: "connect", reason: "timeout" },
        ...{ tried_at: 10_000, last_ok_at: 5_000 },
      },
      {
        ...{ id: "c.example/wss", kind: "front", name: "c.example", own: false, strategy: "wss" },
        ...{ segmented: false, chosen: false, tried_at: 11_000 },
      },
      {
        ...{ id: "d.example/wss", kind: "bridge", name: "d.example", own: false, strategy: "wss" },
        ...{ segmented: false, chosen: false },
      },
    ]);
  });
});
