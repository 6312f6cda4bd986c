/** How the seed's server is reached: one connection for each state that a person can see. */
import type { Connection, ConnectionState, Route } from "../../src/core/api.ts";
import { DAY, HOUR, MINUTE, NOW } from "./world.ts";

const OWN = ["cafe-almond.example", "gartenverein-nord.example", "letters.example"] as const;
export const BRIDGES: readonly string[] = OWN;

function route(id: string, more: Partial<Route> & Pick<Route, "kind" | "name">): Route {
  return { id, own: false, strategy: "wss", segmented: false, chosen: false, ...more };
}

const failed = (stage: string, reason?: string): Partial<Route> => ({
  result: "failed",
  stage,
  tried_at: NOW - 2 * MINUTE,
  ...(reason === undefined ? {} : { reason }),
});

const ORIGIN = { kind: "origin", name: "home.example" } as const;
const FRONT = { kind: "front", name: "assets-17.cdn.example" } as const;
const PUBLIC = { kind: "bridge", name: "recipes.example" } as const;
const own = (at: 0 | 1 | 2, more: Partial<Route> = {}): Route =>
  route(`private-${String(at + 1)}`, { kind: "bridge", name: OWN[at], own: true, ...more });
const UNTRIED = [4, 5, 6].map((n) =>
  route(`bridge-${String(n)}`, { kind: "bridge", name: `pages-${String(n)}.example` }),
);

/** Everything failed, each in its own way. */
const CLOSED: readonly Route[] = [
  route("origin", { ...ORIGIN, ...failed("tls", "reset"), last_ok_at: NOW - 3 * HOUR }),
  route("origin", { ...ORIGIN, ...failed("http", "timeout"), strategy: "poll" }),
  route("front-1", { ...FRONT, ...failed("tls", "cert") }),
  route("bridge-1", { ...PUBLIC, ...failed("connect") }),
];
const SILENT: readonly Route[] = [
  route("origin", { ...ORIGIN, ...failed("tcp", "refused"), last_ok_at: NOW - HOUR }),
  route("front-1", { ...FRONT, ...failed("accept", "status") }),
  own(0, failed("accept", "closed")),
  own(1, failed("accept", "closed")),
  own(2),
];
const MIXED: readonly Route[] = [
  own(0, { chosen: true, result: "proved", tried_at: NOW - HOUR, last_ok_at: NOW - 4_000, round_trip_ms: 92 }),
  route("origin", { ...ORIGIN, ...failed("tls", "timeout"), last_ok_at: NOW - 2 * DAY }),
  route("front-1", { ...FRONT, result: "frozen", stage: "echo", reason: "frozen", tried_at: NOW - HOUR }),
  route("bridge-1", { ...PUBLIC, result: "works", tried_at: NOW - HOUR, round_trip_ms: 140 }),
  own(1, { result: "proved", tried_at: NOW - HOUR, round_trip_ms: 118, strategy: "poll" }),
  own(2),
  ...UNTRIED,
];
const LOST = { server: "home.example", queued: 2, bridges: 0, last_ok_at: NOW - 14 * MINUTE } as const;
const HELD = { server: "home.example", queued: 0, bridges: 3, last_ok_at: NOW - 4_000, since: NOW - HOUR } as const;

/** The connection in a state. */
export const CONNECTIONS: Readonly<Record<ConnectionState, Connection>> = {
  direct: {
    state: "direct",
    since: NOW - 3 * HOUR,
    server: "home.example",
    round_trip_ms: 48,
    last_ok_at: NOW - 4_000,
    queued: 0,
    routes: [
      route("origin", { ...ORIGIN, chosen: true, result: "proved", tried_at: NOW - 3 * HOUR, round_trip_ms: 48 }),
    ],
    bridges: 0,
  },
  via: { ...HELD, state: "via", via: OWN[0], round_trip_ms: 92, routes: MIXED },
  slow: {
    ...HELD,
    state: "slow",
    via: PUBLIC.name,
    round_trip_ms: 740,
    queued: 1,
    bridges: 0,
    routes: [
      route("bridge-1", { ...PUBLIC, chosen: true, segmented: true, result: "works", round_trip_ms: 740 }),
      route("origin", { ...ORIGIN, ...failed("echo", "frozen"), result: "frozen", last_ok_at: NOW - 5 * DAY }),
      ...UNTRIED,
    ],
  },
  trying: {
    ...LOST,
    state: "trying",
    since: NOW - 9_000,
    last_ok_at: NOW - 9_000,
    trying: 3,
    routes: CLOSED,
  },
  waiting: { ...LOST, state: "waiting", since: NOW - MINUTE, routes: [...CLOSED, ...UNTRIED] },
  blocked: { ...LOST, state: "blocked", since: NOW - 14 * MINUTE, routes: CLOSED },
  server_down: { ...LOST, state: "server_down", since: NOW - 14 * MINUTE, bridges: 3, routes: SILENT },
  offline: { ...LOST, state: "offline", since: NOW - 14 * MINUTE, routes: [] },
};
