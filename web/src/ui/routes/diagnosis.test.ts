/** The report is for strangers: no host, name or address may be in it, whatever the worker put into its fields. */
import { expect, test } from "vitest";
import type { Connection, Route } from "../../core/api.ts";
import { diagnose } from "./diagnosis.ts";

const NOW = Date.UTC(2026, 9, 14, 15, 42);
const route = (more: Partial<Route>): Route => ({
  id: "letters.example:443",
  kind: "bridge",
  name: "letters.example",
  own: true,
  strategy: "wss",
  segmented: false,
  chosen: false,
  ...more,
});
const connection: Connection = {
  state: "blocked",
  since: NOW - 14 * 60_000,
  server: "home.example",
  queued: 2,
  via: "letters.example",
  last_ok_at: NOW - 3 * 3_600_000,
  bridges: 2,
  routes: [
    route({ kind: "origin", own: false, name: "home.example", result: "failed", stage: "tls", reason: "reset" }),
    route({ kind: "front", own: false, name: "cdn.example", result: "frozen", segmented: true }),
    route({ result: "failed", stage: "connect", reason: "refused by letters.example", tried_at: NOW - 120_000 }),
    route({ chosen: true, result: "proved", strategy: "poll", round_trip_ms: 81.6, last_ok_at: NOW - 5 * 86_400_000 }),
    route({ kind: "bridge", own: false }),
  ],
};

test("it tells what was tried and how it went", () => {
  expect(diagnose(connection, { version: "1.2.3", now: NOW }).split("\n")).toEqual([
    "Zajil web 1.2.3, diagnosis",
    "state: blocked, since 14 min ago",
    "last reached: 3 h ago",
    "private bridges held: 2",
    "origin 1: wss, failed, tls reset",
    "front 1: wss segmented, frozen",
    "private bridge 1: wss, failed, connect unknown, tried 2 min ago",
    "private bridge 2: poll, in use, proved, 82 ms, last worked 5 days ago",
    "bridge 1: wss, not tried",
  ]);
});

test("no host is in it", () => {
  expect(diagnose(connection, { version: "1.2.3", now: NOW })).not.toMatch(/example|443/);
});
