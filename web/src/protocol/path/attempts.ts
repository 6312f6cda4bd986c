/** The attempts of one round and what may start next. Pure; `dialer` decides, this counts. */
import type { Candidate, Failure, Mode } from "./candidates.ts";
import type { Result } from "./view.ts";

export const STAGGER_S = 0.25;
export const PARALLEL = 4;
const PARALLEL_HOST = 2;
/** A dial that hangs this long holds no place any more: where most addresses are dead, the others get their turn. */
const SILENT_DIAL_S = 3;
const PRIVATE_AFTER_S = 3;
/** The same where a route ended that worked: noticing it took its 3 s already. */
const PRIVATE_SOONER_S = 1;
/** Once an echo stopped, dials that are older than this are not waited for. */
const PATIENCE_S = 3;

/** How far an attempt is. stopped: its echo stood still after 4 KiB. slow: it still moves after 15 s. */
export type Phase = "dialing" | "usable" | "proving" | "stopped" | "slow";

/** One carrier, from its dial on. */
export interface Attempt {
  readonly number: number;
  readonly candidate: Candidate;
  readonly mode: Mode;
  readonly startedAt: number;
  /** Takes over from a segmented carrier of the same candidate; it belongs to no round. */
  readonly rotation: boolean;
  phase: Phase;
  /** It may be dead: the next usable attempt takes over. */
  doubted: boolean;
  usableAt: number;
  carriedAt: number;
  echoFrom: number;
  echoAt: number;
  echoBytes: number;
  /** How it ended, for the table that people see. */
  result: Result;
  failure: Failure | null;
  /** It failed while nothing carried any more, so the server or the network may have been away. */
  inOutage: boolean;
}

export const newAttempt = (number: number, entry: Entry, startedAt: number, rotation: boolean): Attempt => ({
  number,
  ...entry,
  startedAt,
  rotation,
  phase: "dialing",
  doubted: false,
  usableAt: 0,
  carriedAt: 0,
  echoFrom: 0,
  echoAt: 0,
  echoBytes: 0,
  result: "dialing",
  failure: null,
  inOutage: false,
});

/** It still has to show something. */
export const isRacing = ({ rotation, phase }: Attempt): boolean =>
  !rotation && (phase === "dialing" || phase === "proving");
/** It can carry, as far as anyone knows. */
export const isSound = ({ phase, doubted }: Attempt): boolean => phase !== "dialing" && !doubted;

/** What a round means to start. */
export interface Entry {
  readonly candidate: Candidate;
  readonly mode: Mode;
}

/** One race. quiet: beside a route that works. sooner: after one. final: segments, after every echo stopped. */
export interface Round {
  readonly startedAt: number;
  queue: Entry[];
  /** Private candidates that wait for the public ones. */
  readonly held: ReadonlySet<string>;
  readonly quiet: boolean;
  readonly sooner: boolean;
  readonly final: boolean;
  /** The first that froze is tried in segments while others are still proved. */
  segmented: boolean;
  readonly failures: Map<string, readonly [Candidate, Failure]>;
  /** Those whose echo stopped after 4 KiB, in the order in which they became usable. */
  frozen: Candidate[];
}

export const newRound = (
  startedAt: number,
  queue: Entry[],
  { held = new Set<string>(), quiet = false, sooner = false, final = false } = {},
): Round => ({ startedAt, queue, held, quiet, sooner, final, segmented: false, failures: new Map(), frozen: [] });

/** The entry that may start, and from when on; none and the time at which one may be let go, or infinity. */
export function nextStart(round: Round, attempts: readonly Attempt[], now: number): [Entry | undefined, number] {
  const racing = attempts.filter(isRacing);
  const rotating = attempts.filter((one) => one.rotation && one.phase === "dialing");
  const dials = racing.filter(({ phase }) => phase === "dialing");
  const fresh = dials.map(({ startedAt }) => startedAt + SILENT_DIAL_S).filter((until) => now < until);
  const letGo = release(round, attempts, now);
  const isHeld = ({ candidate }: Entry): boolean => round.held.has(candidate.id);
  // Public ways that hang would take up all places for as long as a dial may last.
  const kept = now < letGo && letGo < Infinity && round.queue.some(isHeld);
  const dialing = racing.length - dials.length + fresh.length + rotating.length;
  if (dialing >= PARALLEL - Number(kept))
    return [undefined, Math.min(...fresh, kept && dialing < PARALLEL ? letGo : Infinity)];
  // Once private bridges may start they go before second strategies of what has shown nothing.
  const queue = now < letGo ? round.queue : [...round.queue].sort((a, b) => Number(isHeld(b)) - Number(isHeld(a)));
  for (const entry of queue) {
    const { host } = entry.candidate.endpoint;
    const near = racing.filter((one) => one.candidate.endpoint.host === host).length;
    if (near >= PARALLEL_HOST || (isHeld(entry) && now < letGo)) continue;
    const proving = racing.filter((one) => one.phase === "proving");
    return [entry, Math.max(...proving.map((one) => one.echoAt)) + STAGGER_S];
  }
  return [undefined, round.queue.some(isHeld) ? letGo : Infinity];
}

/** When private bridges may be shown to this network: 3 s (1 s) without a usable route, or all others failed. */
function release(round: Round, attempts: readonly Attempt[], now: number): number {
  if (round.frozen.length > 0 || attempts.some(isSound)) return Infinity;
  const waiting = [...round.queue, ...attempts.filter(isRacing)];
  const afterS = round.sooner ? PRIVATE_SOONER_S : PRIVATE_AFTER_S;
  return waiting.some(({ candidate }) => !round.held.has(candidate.id)) ? round.startedAt + afterS : now;
}

/** When nothing more is to be hoped for: a time that may have passed, or infinity while something moves. */
export function settledAt(round: Round, attempts: readonly Attempt[], now: number): number {
  const racing = attempts.filter(isRacing);
  const fallback = round.frozen.length > 0 || attempts.some(({ phase }) => phase === "slow");
  const hopeless = fallback || attempts.some(isSound);
  if (racing.some(({ phase }) => phase === "proving")) return Infinity;
  if (round.queue.some(({ candidate }) => !hopeless || !round.held.has(candidate.id))) return Infinity;
  if (racing.length === 0) return now;
  return fallback ? Math.max(...racing.map(({ startedAt }) => startedAt)) + PATIENCE_S : Infinity;
}
