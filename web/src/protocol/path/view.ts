/** What a person is told about the way to the server. Pure. */
import type { Candidate, Failure, Mode } from "./candidates.ts";

export type State = "direct" | "via" | "slow" | "trying" | "waiting" | "blocked" | "server_down" | "offline";
export type Result = "" | "dialing" | "works" | "proved" | "frozen" | "failed" | "stopped";
/** So long without a route nothing alarming is said. */
export const CALM_S = 20;
/** How a bridge or an edge says that it does not reach the server: by poll, and by closing the WebSocket. */
export const ORIGIN_DOWN = [502, 4502];

/**
 * The last attempt over a candidate on this network. result: "" never tried; "works" carries but is not proved;
 * "stopped" because another was quicker. lastOk: Unix seconds, 0 for never. chosen: it is the route. inOutage: it failed
 * after a route was lost or a round found nothing, and before there was a route.
 */
export interface Try {
  readonly candidate: Candidate;
  readonly result: Result;
  readonly stage: string;
  readonly reason: string;
  readonly startedAt: number;
  readonly echoBytes: number;
  readonly lastOk: number;
  readonly chosen: boolean;
  readonly mode: Mode;
  readonly inOutage: boolean;
}

/** via: host of the route, "" for none. trying: attempts under way. since: Unix seconds. */
export interface PathView {
  readonly state: State;
  readonly since: number;
  readonly via: string;
  readonly trying: number;
  readonly tries: readonly Try[];
}

/**
 * What a round without success shows.
 *
 * online: whether there is a default route, null where nobody knows. One host that refuses is a server that is off;
 * endpoints that say the server is unreachable are believed if there are two, or if all say so. `blocked` needs a sign
 * that the network works: something answered, or there is a default route.
 */
export function judge(failures: readonly (readonly [Candidate, Failure])[], online: boolean | null): State {
  const found = failures.map(([, failure]) => failure);
  const all = (test: (failure: Failure) => boolean): boolean => found.length > 0 && found.every(test);
  if (online === false || all(({ reason }) => reason === "unreachable")) return "offline";
  const saysDown = ({ status }: Failure): boolean => ORIGIN_DOWN.includes(status);
  const down = failures.filter(([, failure]) => saysDown(failure));
  if (new Set(down.map(([one]) => one.endpoint.id)).size >= 2 || all(saysDown)) return "server_down";
  const hosts = new Set(failures.map(([one]) => one.endpoint.host));
  if (hosts.size === 1 && all(({ reason }) => reason === "refused")) return "server_down";
  return online === true || found.some(answered) ? "blocked" : "waiting";
}

/** Somebody on the network reacted: the peer, or whoever stands between. */
const answered = ({ stage, reason }: Failure): boolean =>
  ["reset", "cert", "status", "frozen", "refused"].includes(reason) ||
  (["tls", "http", "accept", "echo"].includes(stage) && ["timeout", "closed"].includes(reason));
