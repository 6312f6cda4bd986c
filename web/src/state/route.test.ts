/** When a change of the route is said, and when it alarms. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Connection } from "../core/api.ts";
import { RouteWatch, sayState } from "./route.ts";

const at = (state: Connection["state"], more: Partial<Connection> = {}): Connection => ({
  state,
  since: Date.now(),
  server: "home.example",
  queued: 0,
  routes: [],
  bridges: 0,
  ...more,
});

let said: string[];
let calm: boolean;
let watch: RouteWatch;
beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  said = [];
  watch = new RouteWatch({ calm: (now) => (calm = now), say: (words) => said.push(words) });
});
afterEach(() => {
  vi.useRealTimers();
});

test("a short break is neither said nor an alarm", () => {
  watch.see(at("direct"));
  watch.see(at("trying"));
  vi.advanceTimersByTime(19_000);
  expect(calm).toBe(true);
  watch.see(at("direct"));
  vi.advanceTimersByTime(60_000);
  expect(calm).toBe(true);
  expect(said).toEqual([]);
});

test("a long one alarms after 20 s, through all rounds, and is said once", () => {
  watch.see(at("direct"));
  watch.see(at("trying", { trying: 3 }));
  vi.advanceTimersByTime(12_000);
  watch.see(at("waiting"));
  vi.advanceTimersByTime(7_900);
  expect(calm).toBe(true);
  vi.advanceTimersByTime(200);
  expect(calm).toBe(false);
  watch.see(at("trying", { trying: 1 }));
  watch.see(at("waiting"));
  expect(said).toEqual([sayState(at("waiting"))]);
  watch.see(at("blocked"));
  watch.see(at("blocked", { queued: 2 }));
  watch.see(at("via", { via: "a.example" }));
  watch.see(at("via", { via: "a.example", round_trip_ms: 9 }));
  watch.see(at("via", { via: "b.example" }));
  expect(said.slice(1)).toEqual(
    [at("blocked"), at("via", { via: "a.example" }), at("via", { via: "b.example" })].map(sayState),
  );
  expect(calm).toBe(true);
});

test("what began before the page was there alarms at once", () => {
  watch.see(at("waiting", { since: Date.now() - 60_000 }));
  expect(calm).toBe(false);
  expect(said).toHaveLength(1);
});

test("a start that goes well says nothing", () => {
  watch.see(at("trying"));
  watch.see(at("via", { via: "a.example" }));
  watch.see(at("direct"));
  expect(said).toEqual([sayState(at("direct"))]);
});

test("a host is isolated from the words around it", () => {
  expect(sayState(at("via", { via: "a.example\u202E" }))).toContain("\u2066a.example\u2069");
});
