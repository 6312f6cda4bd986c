/** The rules of a race: who starts, who wins, what is concluded. `dialer` tells what happens; pure. */
import type { Route } from "./actions.ts";
import {
  type Attempt,
  type Entry,
  isRacing,
  newRound,
  nextStart,
  type Round,
  settledAt,
  STAGGER_S,
} from "./attempts.ts";
import { type Candidate, type Failure, type Mode, plan } from "./candidates.ts";
import { Carriers, echoFailure } from "./carriers.ts";
import { nextRoundS } from "./failures.ts";
import { PRIVATE_A_DAY, PROOF_S } from "./memory.ts";
import { judge, ORIGIN_DOWN } from "./view.ts";

/** Candidates of one round, and remembered winners that begin it. */
const ROUND = 6;
/** Of a round: however many public ways there are, so many private bridges are in it. */
const PRIVATE_PLACES = 2;
const REMEMBERED = 2;
/** A dial that was not reported in this time is given up; the shell's own deadline is 10 s. */
export const DIAL_S = 12;
export const ECHO_BYTES = 24_576;
export const ECHO_PAUSE_S = 3;
export const ECHO_S = 15;
/** An echo or a carrier that stops with less than this was cut for another reason. */
export const FREEZE_BYTES = 4_096;
/** A carrier that lived this long shows that the route works. */
const STEADY_S = 10;
const RECOVERIES = 3;
const RECOVERIES_S = 60;
/** Two carriers that die within this time put the proofs of the network in doubt. */
const TOGETHER_S = 5;
const SILENT_S = 1;
/** A streaming echo that could not be run decides later. */
const CHECK_AGAIN_S = 60;
/** Failed dials in a row after which a segmented candidate is down. */
const ROTATIONS = 2;

/** What follows from what happens to the carriers. */
export class Race extends Carriers {
  // -- rounds
  /** A round that begins with the route in use; in segments where it seems to freeze. */
  protected again(route: Pick<Route, "candidateId"> | null, now: number, suspect = false): Entry[] {
    const candidate = route && this.candidates.get(route.candidateId);
    if (!candidate) return [];
    const mode = this.mode(candidate, now);
    if (!suspect || mode === "segmented") return [{ candidate, mode }];
    this.suspect = candidate.id;
    return [{ candidate, mode: "segmented" }];
  }

  protected mode({ id }: Candidate, now: number): Mode {
    return this.network.find(id).segmented(now) ? "segmented" : "stream";
  }

  /**
   * A round. first: before all others. fill: also what failed lately. quiet: one other, beside the route. sooner:
   * private bridges need not wait as long as elsewhere.
   */
  protected begin(
    now: number,
    first: readonly Entry[] = [],
    { fill = false, quiet = false, sooner = false } = {},
  ): void {
    const until = ({ id }: Candidate): number => this.failures.until(this.key, id);
    const fresh = (one: Candidate): boolean => until(one) <= now;
    const known = this.network.winners().flatMap((id) => this.candidates.get(id) ?? []);
    const remembered = known.filter(fresh).slice(0, REMEMBERED);
    const ids = remembered.map(({ id }) => id);
    // What worked last is never left out: after a long night without the server it is the one to ask.
    const may = (one: Candidate): boolean => one === known[0] || fresh(one);
    const ordered = plan([...this.candidates.values()], ids, this.random);
    let chosen = ordered.filter(may);
    if (fill || (chosen.length === 0 && !quiet)) {
      chosen.push(...ordered.filter((one) => !may(one)).sort((a, b) => until(a) - until(b)));
    }
    const racing = [...this.attempts.values()].filter((one) => quiet || isRacing(one));
    const taken = new Set([...first, ...racing].map(({ candidate }) => candidate.id));
    chosen = chosen.filter(({ id }) => !taken.has(id));
    let entries = chosen.map((candidate): Entry => ({ candidate, mode: this.mode(candidate, now) }));
    const held = new Set(
      chosen.filter(({ id, endpoint }) => endpoint.private && !ids.includes(id)).map(({ id }) => id),
    );
    if (quiet) {
      entries = entries.filter(({ candidate, mode }) => !held.has(candidate.id) && mode === "stream").slice(0, 1);
    }
    entries = cut(this.withinBudget(entries, first, now), held, ROUND - first.length);
    this.round = newRound(now, [...first, ...entries], { held, quiet, sooner });
    this.retryAt = Infinity;
    this.tapWaits = false;
  }

  /** Without the private endpoints of which there were enough today. first: are tried in any case. */
  protected withinBudget(entries: readonly Entry[], first: readonly Entry[], now: number): Entry[] {
    const tried = new Set(this.network.privateTried(now));
    for (const { candidate } of first) if (candidate.endpoint.private) tried.add(candidate.endpoint.id);
    return entries.filter(({ candidate: { endpoint } }) => {
      if (!endpoint.private || tried.has(endpoint.id)) return true;
      return tried.size < PRIVATE_A_DAY && tried.add(endpoint.id);
    });
  }

  /** A round while what carries may be dead: the first usable attempt takes over. */
  protected beginInDoubt(first: readonly Entry[], now: number, sooner = false): void {
    this.doubtCarrying(now);
    this.begin(now, first, { sooner });
  }

  protected doubtCarrying(now: number): void {
    if (this.carrying) this.carrying.doubted = true;
    this.found = null;
    this.downSince = now;
  }

  /** The route is gone or in doubt: at once, but not for ever. */
  protected recover(first: readonly Entry[], now: number): void {
    if (this.round?.quiet === false) return;
    this.outage = true;
    this.recoveries = this.recoveries.filter((then) => now < then + RECOVERIES_S);
    if (this.recoveries.length >= RECOVERIES) {
      this.doubtCarrying(now);
      this.round = null;
      this.rounds += 1;
      this.retryAt = now + nextRoundS(this.rounds, this.random, this.roundsS);
      return;
    }
    this.recoveries.push(now);
    this.beginInDoubt(first, now, true);
    this.handOver(now);
  }

  /** What carried and had won is gone. */
  protected afterLoss({ candidate: { id }, carriedAt }: Attempt, now: number, suspect: boolean): void {
    this.found = this.verdict = null;
    this.rotating = false;
    this.outage = true;
    this.downSince = now;
    if (now < this.diedAt + TOGETHER_S) this.network.doubt();
    this.diedAt = now;
    let again = this.diedEarly !== id;
    if (now >= carriedAt + STEADY_S) {
      this.rounds = 0;
      this.recoveries = [];
      this.diedEarly = "";
      again = true;
    } else this.diedEarly = id;
    if (!again) this.failures.note(this.key, id, now);
    if (this.wanted) this.recover(again ? this.again({ candidateId: id }, now, suspect) : [], now);
  }

  // -- conclusions
  /** Without an echo: proved lately as a stream; known to work in segments, or the last thing to try. */
  protected wins({ candidate, mode }: Attempt, round: Round, now: number): boolean {
    const known = this.network.find(candidate.id);
    if (mode === "stream") return known.proved(now);
    return round.final || (known.segmented(now) && now < known.won_at + PROOF_S);
  }

  /** Nothing carries, what does may be dead, or it is on trial and silent while segments work. */
  protected takesOver({ mode }: Attempt, now: number): boolean {
    if (!this.carrying || this.carrying.doubted) return true;
    const { phase, echoAt } = this.carrying;
    return mode === "segmented" && phase === "proving" && now >= echoAt + SILENT_S;
  }

  /** A whole echo wins, but beside a slow route only if it was quicker. */
  protected better({ echoFrom }: Attempt, now: number): boolean {
    if (!this.round?.quiet || !this.carrying || this.carrying.mode === "segmented") return true;
    return this.slowBytesS * (now - echoFrom) < ECHO_BYTES;
  }

  /** It carries, the others stop, the round is over. */
  protected win(attempt: Attempt, now: number): void {
    this.closeRound(now);
    if (attempt !== this.carrying) this.carry(attempt, now);
    for (const other of this.attempts.values()) if (other !== attempt) this.stop(other, now);
    attempt.phase = "usable";
    attempt.doubted = false;
    const { candidate, mode } = attempt;
    const known = this.network.keep(candidate.id);
    known.won_at = known.last_ok = now;
    this.failures.clear(this.key, candidate.id);
    this.verdict = null;
    this.outage = false;
    this.suspect = "";
    this.retryAt = Infinity;
    this.slowUntil = -Infinity;
    // Asked nothing of the network: where this way is gone again, the next tap counts.
    if (this.tapWaits) this.tappedAt = -Infinity;
    this.tapWaits = false;
    if (this.found) this.found = { candidateId: candidate.id, mode, number: this.found.number, proved: true };
    else this.showRoute(attempt, true);
    this.planCheck(now);
    this.changes += 1;
  }

  /** When the route is segmented, an echo decides again: soon after a suspicion, a day after a certainty. */
  protected planCheck(now: number): void {
    this.checkAt = Infinity;
    if (this.carrying?.mode !== "segmented") return;
    const until = this.network.find(this.carrying.candidate.id).segmented_until;
    this.checkAt = until > now ? until : now + CHECK_AGAIN_S;
  }

  /** What the round showed is remembered. */
  protected closeRound(now: number): void {
    const round = this.round;
    this.round = null;
    if (!round) return;
    for (const { id } of round.frozen) {
      this.network.keep(id).mark(2, now);
      this.changes += 1;
    }
    if ([...round.failures.values()].every(([, { reason }]) => reason === "unreachable")) return;
    for (const [id, [, { status }]] of round.failures) {
      if (id !== this.carrying?.candidate.id && !ORIGIN_DOWN.includes(status)) this.failures.note(this.key, id, now);
    }
  }

  /** Nothing more is to be hoped for, and nothing was proved. */
  protected conclude(round: Round, now: number): void {
    const carrying = this.carrying;
    const slow = [...this.attempts.values()].filter(({ phase }) => phase === "slow");
    const [firstSlow] = slow;
    const sound = carrying && !carrying.doubted;
    if (round.quiet) {
      this.closeRound(now);
      this.stopRacing(now);
      this.planCheck(now);
    } else if (firstSlow) this.win(carrying && slow.includes(carrying) ? carrying : firstSlow, now);
    else if (sound && carrying.mode === "segmented") this.win(carrying, now);
    else if ((sound && carrying.phase === "usable") || round.frozen.length === 0) this.giveUp(round, now);
    else {
      this.closeRound(now);
      for (const one of this.attempts.values()) this.stop(one, now);
      const queue = round.frozen.map((candidate): Entry => ({ candidate, mode: "segmented" }));
      this.round = newRound(round.startedAt, queue, { final: true });
    }
  }

  /** A round that found nothing. */
  protected giveUp(round: Round, now: number): void {
    this.closeRound(now);
    this.stopRacing(now);
    if (this.carrying) {
      // It was only doubted, and nothing better is there: it stays until its session says otherwise.
      this.carrying.doubted = false;
      this.showRoute(this.carrying, true);
      return;
    }
    this.outage = true;
    this.verdict = round.failures.size > 0 ? judge([...round.failures.values()], this.online) : null;
    this.rounds += 1;
    const due = round.startedAt + nextRoundS(this.rounds, this.random, this.roundsS);
    this.retryAt = this.tapWaits ? now + 1 : Math.max(now + 1, due);
  }

  protected stopRacing(now: number): void {
    for (const one of this.others()) if (one !== this.carrying) this.stop(one, now);
  }

  // -- time
  protected timeOut(now: number): void {
    for (const attempt of this.attempts.values()) {
      const quiet = attempt.phase === "proving" && now >= attempt.echoAt + ECHO_PAUSE_S;
      if (attempt.phase === "dialing" && now >= attempt.startedAt + DIAL_S) {
        this.actions.push({ type: "stop", attempt: attempt.number });
        this.failDial(attempt, { stage: "connect", reason: "timeout", status: 0 }, now);
      } else if (quiet && attempt.echoBytes < FREEZE_BYTES) {
        this.stop(attempt, now);
        this.noteFailure(attempt, echoFailure("timeout"));
      } else if (quiet) {
        // Not closed yet: what comes late shows that the line is bad and not frozen.
        attempt.phase = "stopped";
        attempt.doubted = true;
        this.noteFrozen(attempt);
        if (attempt === this.carrying) {
          this.found = null;
          this.downSince = now;
        }
      } else if (attempt.phase === "proving" && now >= attempt.echoFrom + ECHO_S) attempt.phase = "slow";
    }
  }

  /** What the round starts next, and when. */
  protected nextStart(round: Round, now: number): [Entry | undefined, number] {
    const [entry, due] = nextStart(round, [...this.attempts.values()], now);
    if (!entry) return [entry, due];
    const paced = entry.mode === "segmented" ? this.pace.readyAt : due;
    return [entry, Math.max(due, paced, this.startedAt + STAGGER_S)];
  }

  protected runRound(now: number): void {
    for (let round = this.round; round; round = this.round) {
      this.segmentSoon(round);
      const [entry, due] = this.nextStart(round, now);
      if (entry && now >= due) {
        round.queue = round.queue.filter((one) => one !== entry);
        this.start(entry, now);
      } else if (now >= settledAt(round, this.others(), now)) this.conclude(round, now);
      else return;
    }
  }

  /** The round's own attempts: no rotation. */
  protected others(): Attempt[] {
    return [...this.attempts.values()].filter(({ rotation }) => !rotation);
  }

  /** An echo stopped, and none was whole before: segments at once, while the rest of the round goes on. */
  protected segmentSoon(round: Round): void {
    const [candidate] = round.frozen;
    const segmented = [...this.attempts.values()].some(({ mode }) => mode === "segmented");
    if (!candidate || segmented || round.quiet || round.final || round.segmented) return;
    round.segmented = true;
    round.queue.unshift({ candidate, mode: "segmented" });
  }

  /** The same candidate works on a new carrier: one mark, and an echo decides. */
  protected markSuspect({ candidate }: Attempt, round: Round, now: number): void {
    this.suspect = "";
    const known = this.network.keep(candidate.id);
    known.mark(1, now);
    this.changes += 1;
    if (!known.segmented(now)) round.queue.unshift({ candidate, mode: "stream" });
  }

  protected failDial(attempt: Attempt, failure: Failure, now: number): void {
    if (attempt.mode === "segmented") this.pace.failed(now);
    this.forget(attempt, now);
    if (!attempt.rotation) {
      this.noteFailure(attempt, failure);
      if (answers(failure)) this.tryOtherwise(attempt.candidate, now);
      return;
    }
    attempt.result = "failed";
    attempt.failure = failure;
    this.rotationFailed(attempt, now);
  }

  /** The next way of speaking to an endpoint that answers goes before endpoints that may be silent. */
  protected tryOtherwise({ endpoint }: Candidate, now: number): void {
    const { round } = this;
    if (!round || round.quiet || round.final) return;
    const tried = new Set([...round.failures.keys(), ...[...this.attempts.values()].map((one) => one.candidate.id)]);
    const next = [...this.candidates.values()].find(
      (one) => one.endpoint.id === endpoint.id && !tried.has(one.id) && this.failures.until(this.key, one.id) <= now,
    );
    if (!next) return;
    const queue = round.queue.filter(({ candidate }) => candidate.id !== next.id);
    round.queue = [{ candidate: next, mode: this.mode(next, now) }, ...queue];
  }

  protected rotationFailed(attempt: Attempt, now: number): void {
    this.rotationFails += 1;
    if (this.rotationFails < ROTATIONS || this.carrying) return;
    this.rotationFails = 0;
    this.afterLoss(attempt, now, false);
  }
}

/** Somebody is there and refused what was asked for. A browser does not tell a refusal from a reset. */
function answers({ stage, reason, status }: Failure): boolean {
  return !ORIGIN_DOWN.includes(status) && (status !== 0 || (stage === "connect" && reason === "closed"));
}

/**
 * As many as there are places, in order. A few are kept for private bridges that are held; then every endpoint's first
 * strategy goes before anyone's second: what stops one strategy often stops all of that endpoint's.
 */
function cut(entries: readonly Entry[], held: ReadonlySet<string>, places: number): Entry[] {
  const turns = new Map<string, number>();
  const ranked = entries.map((entry, number) => {
    const { id } = entry.candidate.endpoint;
    const turn = turns.get(id) ?? 0;
    turns.set(id, turn + 1);
    return { entry, number, turn };
  });
  ranked.sort((a, b) => a.turn - b.turn || a.number - b.number);
  const hidden = ranked.filter(({ entry }) => held.has(entry.candidate.id));
  const kept = new Set(hidden.slice(0, Math.min(places, PRIVATE_PLACES)));
  for (const one of ranked) if (kept.size < places) kept.add(one);
  return [...kept].sort((a, b) => a.number - b.number).map(({ entry }) => entry);
}
