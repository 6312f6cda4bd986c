/**
 * Candidates and the order in which a round tries them. Pure: chance is an argument. Python's twin also knows proxies,
 * transport programs and addresses, none of which a page can choose.
 */
import type { Endpoint } from "../reach/endpoints.ts";

/** A number from 0 to 1 (excluded), drawn anew at each call. */
export type Random = () => number;
export type Strategy = "wss" | "poll";
/** Whether a carrier lives as long as it can, or is left after 8,192 bytes of frames in either direction. */
export type Mode = "stream" | "segmented";

/** An endpoint and how to speak to it. id: `<endpoint id>/<strategy>`, stable: memory is keyed by it. */
export interface Candidate {
  readonly id: string;
  readonly endpoint: Endpoint;
  readonly strategy: Strategy;
}

/** Why an attempt ended. status: of HTTP, or the code with which the WebSocket was closed; 0 where there was none. */
export interface Failure {
  readonly stage: string;
  readonly reason: string;
  readonly status: number;
}

/** Straight to the home server. */
export const isDirect = ({ endpoint }: Candidate): boolean => endpoint.kind === "origin";

/**
 * All candidates in order; the round cuts it off. Of one endpoint's the one given first is tried first, the next one
 * only after every endpoint had its turn.
 *
 * remembered: ids of earlier winners of this network, best first.
 */
export function plan(candidates: readonly Candidate[], remembered: readonly string[], random: Random): Candidate[] {
  const first = remembered.flatMap((id) => candidates.filter((one) => one.id === id));
  const rest = candidates.filter((one) => !first.includes(one));
  const open = rest.filter((one) => !one.endpoint.private);
  return [...first, ...inTurns(open, random), ...inTurns(rest.filter((one) => one.endpoint.private))];
}

/** Each endpoint's first candidate, then each one's second. random: endpoints by weight, else as they come. */
function inTurns(candidates: readonly Candidate[], random?: Random): Candidate[] {
  const own = new Map<string, Endpoint>();
  for (const { endpoint } of candidates) if (!own.has(endpoint.id)) own.set(endpoint.id, endpoint);
  const order = random ? draw([...own.values()], random) : [...own.values()];
  const lists = order.map(({ id }) => candidates.filter((one) => one.endpoint.id === id));
  const turns = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: turns }, (_, turn) => lists.flatMap((list) => list[turn] ?? [])).flat();
}

/** By weight, neighbours unlike each other where possible; the server itself before anything between. */
function draw(endpoints: readonly Endpoint[], random: Random): Endpoint[] {
  const out: Endpoint[] = [];
  for (const origin of [true, false]) {
    let left = endpoints.filter((one) => (one.kind === "origin") === origin);
    while (left.length > 0) {
      const last = out.at(-1);
      const fitting = left.filter((one) => !last || (one.kind !== last.kind && one.host !== last.host));
      const pool = fitting.length > 0 ? fitting : left;
      let at = random() * pool.reduce((sum, one) => sum + one.weight, 0);
      const chosen =
        pool.find((one) => {
          at -= one.weight;
          return at < 0;
        }) ?? pool.at(-1);
      if (!chosen) break;
      left = left.filter((one) => one !== chosen);
      out.push(chosen);
    }
  }
  return out;
}
