/** What tabs are shown of the way to the server, out of what the dialer knows. */
import type { Connection, Route } from "../api.ts";
import type { PathView, Try } from "../../protocol/path/view.ts";

/** So long may a session without an answer still count as connected: moves from carrier to carrier take a moment. */
export const MOVING_MS = 2_000;

/** What the sessions say. */
export interface Sessions {
  /** The server answers the receiving session, or did a moment ago. */
  readonly answers: boolean;
  /** There is no network, or this device neither receives nor sends any more. */
  readonly offline: boolean;
  readonly roundTripMs: number | undefined;
}

/** The part of `Connection` that the dialer decides. */
export function shownOf(view: PathView, sessions: Sessions): Pick<Connection, "state" | "via" | "trying" | "routes"> {
  const connected = view.state === "direct" || view.state === "via" || view.state === "slow";
  const state = sessions.offline ? "offline" : connected && !sessions.answers ? "trying" : view.state;
  return {
    state,
    ...(view.via === "" ? {} : { via: view.via }),
    ...(state === "trying" ? { trying: Math.max(1, view.trying) } : {}),
    routes: routesOf(view, sessions.roundTripMs),
  };
}

function routesOf({ tries }: PathView, roundTripMs: number | undefined): Route[] {
  const routes = tries.map((one) => routeOf(one, roundTripMs));
  return routes.sort((a, b) => Number(b.chosen) - Number(a.chosen));
}

function routeOf(one: Try, roundTripMs: number | undefined): Route {
  const { endpoint, strategy } = one.candidate;
  const { result } = one;
  return {
    id: one.candidate.id,
    kind: endpoint.kind === "pt" ? "bridge" : endpoint.kind,
    name: endpoint.host,
    own: endpoint.private,
    strategy: strategy === "poll" ? "poll" : "wss",
    segmented: one.mode === "segmented",
    chosen: one.chosen,
    ...(result === "works" || result === "proved" || result === "failed" || result === "frozen" ? { result } : {}),
    ...(result === "failed" || result === "frozen" ? { stage: one.stage, reason: one.reason } : {}),
    ...(one.startedAt > 0 ? { tried_at: Math.round(one.startedAt * 1000) } : {}),
    ...(one.chosen && roundTripMs !== undefined ? { round_trip_ms: roundTripMs } : {}),
    ...(one.lastOk > 0 ? { last_ok_at: Math.round(one.lastOk * 1000) } : {}),
  };
}
