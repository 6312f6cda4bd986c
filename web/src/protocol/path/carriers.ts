/** The dialer's carriers: starting, stopping, moving the session, rotating segments. `race` decides; pure. */
import type { LinkKind } from "../calls/ladder.ts";
import type { Action, Route } from "./actions.ts";
import { type Attempt, type Entry, isSound, newAttempt, PARALLEL, type Round } from "./attempts.ts";
import type { Candidate, Failure, Random } from "./candidates.ts";
import { Failures } from "./failures.ts";
import { Memory, type Network } from "./memory.ts";
import { CARRIERS, Pace } from "./pace.ts";
import type { State } from "./view.ts";

export interface DialerParts {
  /** Drawn for order and pauses. */
  readonly random: Random;
  readonly memory?: Memory;
  /** Key of the network the device is on. */
  readonly network?: string;
  readonly now: number;
  /** When rounds begin, as `ROUNDS_S`. */
  readonly roundsS?: readonly number[] | undefined;
}

export const echoFailure = (reason: string): Failure => ({ stage: "echo", reason, status: 0 });

/** The state of the dialer, and what it does to single carriers. */
export class Carriers {
  readonly memory: Memory;
  readonly pace = new Pace();
  /** Raised whenever `memory` is worth storing. */
  changes = 0;
  protected readonly random: Random;
  protected readonly failures: Failures;
  protected candidates: ReadonlyMap<string, Candidate> = new Map();
  protected key: string;
  protected network: Network;
  protected online: boolean | null = null;
  protected actions: Action[] = [];
  protected readonly attempts = new Map<number, Attempt>();
  /** The last attempt over each candidate, for people. */
  protected readonly seen = new Map<string, Attempt>();
  protected numbers = 0;
  protected wanted = false;
  protected carrying: Attempt | null = null;
  protected found: Route | null = null;
  protected routes = 0;
  protected round: Round | null = null;
  /** A route was lost, or a round found nothing, and no other route was proved since. */
  protected outage = false;
  /** Rounds in a row that found nothing lasting. */
  protected rounds = 0;
  protected retryAt = Infinity;
  protected startedAt = -Infinity;
  protected tappedAt = -Infinity;
  /** Pressed while a round ran: where that finds nothing, another one begins at once. */
  protected tapWaits = false;
  protected recoveries: number[] = [];
  protected diedAt = -Infinity;
  protected diedEarly = "";
  protected downSince: number;
  protected verdict: State | null = null;
  /** It seemed to freeze: begun in segments, and to be proved as a stream if that works. */
  protected suspect = "";
  /** When an echo decides anew about the segmented route. */
  protected checkAt = Infinity;
  protected rotating = false;
  protected rotationFails = 0;
  protected slowUntil = -Infinity;
  protected slowBytesS = 0;
  protected alternativeAt = -Infinity;
  protected state: State = "waiting";
  protected since: number;
  protected now: number;
  protected readonly roundsS: readonly number[] | undefined;

  constructor({ random, memory = new Memory(), network = "", now, roundsS }: DialerParts) {
    this.roundsS = roundsS;
    this.memory = memory;
    this.random = random;
    this.failures = new Failures(random);
    this.key = network;
    this.network = memory.network(network, now);
    this.downSince = this.since = this.now = now;
  }

  // -- calls
  /** What carried a call last on this network. */
  findRung(now: number): LinkKind | null {
    return this.network.findRung(now);
  }

  /** It carries a call on this network; "": nothing is to be remembered. */
  keepRung(kind: LinkKind | "", now: number): void {
    this.network.keepRung(kind, now);
    this.changes += 1;
  }

  // -- attempts
  protected start(entry: Entry, now: number, rotation = false): void {
    this.numbers += 1;
    const attempt = newAttempt(this.numbers, entry, now, rotation);
    const { candidate, mode } = entry;
    this.attempts.set(attempt.number, attempt);
    this.seen.set(candidate.id, attempt);
    if (mode === "segmented") this.pace.started(now);
    this.startedAt = now;
    if (candidate.endpoint.private) {
      this.network.notePrivate(candidate.endpoint.id, now);
      this.changes += 1;
    }
    this.actions.push({ type: "start", attempt: attempt.number, candidateId: candidate.id, mode });
  }

  protected stop(attempt: Attempt, now: number): void {
    if (attempt.phase === "dialing" || attempt.phase === "proving") attempt.result = "stopped";
    this.forget(attempt, now);
    this.actions.push({ type: "stop", attempt: attempt.number });
  }

  protected forget(attempt: Attempt, now: number): void {
    if (!this.attempts.delete(attempt.number)) return;
    if (attempt.mode === "segmented") this.pace.ended();
    if (attempt !== this.carrying) return;
    this.carrying = null;
    this.downSince = now;
    const known = this.network.known.get(attempt.candidate.id);
    if (known) known.last_ok = now;
    if (attempt.mode === "stream") this.found = null;
  }

  /** The session moves there; what carried before is closed behind it. */
  protected carry(attempt: Attempt, now: number): void {
    const old = this.carrying;
    this.carrying = attempt;
    this.rotating = false;
    attempt.carriedAt = now;
    this.actions.push({ type: "carry", attempt: attempt.number });
    if (old) this.stop(old, now);
    if (!attempt.rotation || !this.found) this.showRoute(attempt);
  }

  protected showRoute({ candidate, mode }: Attempt, proved = mode === "segmented"): void {
    this.routes += 1;
    this.found = { candidateId: candidate.id, mode, number: this.routes, proved };
  }

  /** Nothing sound carries: the first usable attempt does, one that is not on trial before the others. */
  protected handOver(now: number): void {
    if (this.carrying && !this.carrying.doubted) return;
    const sound = [...this.attempts.values()].filter((one) => isSound(one) && one !== this.carrying);
    const onTrial = ({ phase }: Attempt): number => Number(phase === "proving");
    const [first] = sound.sort((a, b) => onTrial(a) - onTrial(b) || a.usableAt - b.usableAt);
    if (first) this.carry(first, now);
  }

  protected noteFailure(attempt: Attempt, failure: Failure): void {
    attempt.result = "failed";
    attempt.failure = failure;
    attempt.inOutage = this.outage && this.found === null;
    this.round?.failures.set(attempt.candidate.id, [attempt.candidate, failure]);
  }

  protected noteFrozen(attempt: Attempt): void {
    attempt.result = "frozen";
    attempt.failure = echoFailure("frozen");
    const frozen = this.round?.frozen;
    if (frozen?.every((one) => one.id !== attempt.candidate.id)) frozen.push(attempt.candidate);
  }

  // -- segments
  /** The next segment, when the pace allows. */
  protected rotateDue(now: number): void {
    if (now < this.rotationAt()) return;
    const candidate = this.found && this.candidates.get(this.found.candidateId);
    if (!candidate) {
      this.rotating = false;
      return;
    }
    // Another session has a carrier too: break before make.
    if (this.pace.open >= CARRIERS && this.carrying) this.stop(this.carrying, now);
    if (this.pace.mayDial(now)) this.start({ candidate, mode: "segmented" }, now, true);
  }

  /** When the next segment may be dialled; infinity while none is wanted, or one is on its way. */
  protected rotationAt(): number {
    const dialing = [...this.attempts.values()].filter(({ phase }) => phase === "dialing");
    const full = dialing.length >= PARALLEL || (this.pace.open >= CARRIERS && !this.carrying);
    return this.rotating && !full && !dialing.some(({ rotation }) => rotation) ? this.pace.readyAt : Infinity;
  }
}
