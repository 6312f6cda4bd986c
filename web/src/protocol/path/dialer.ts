/**
 * The dialer: which candidate is dialled when, which carrier carries, and what is said of it. Sans-I/O, `now` given.
 *
 * Twin of zajil.protocol.path.dialer, whose docstring is the design: attempts and who owns them, rounds, what follows a
 * win, other sessions. `now`: seconds of a clock that never jumps and that began at Unix time. After every call: carry
 * out what `pull` returns, in order; show `view`; call `tick` at `nextDeadline`. Never throws.
 */
import type { Action, Route } from "./actions.ts";
import { isRacing, newRound, settledAt } from "./attempts.ts";
import { type Candidate, type Failure, isDirect } from "./candidates.ts";
import { echoFailure } from "./carriers.ts";
import { DIAL_S, ECHO_BYTES, ECHO_PAUSE_S, ECHO_S, FREEZE_BYTES, Race } from "./race.ts";
import { CALM_S, type PathView, type State, type Try } from "./view.ts";

const FREEZE_MOST_BYTES = 65_536;
const TAP_S = 10;
/** A segmented carrier that ended with less was not used up. */
const SEGMENT_LEAST = 4096;
const SLOW_BYTES_S = 4096;
/** A report of a slow carrier counts so long; a slow route is compared with another one at most so often. */
const SLOW_S = 60;
const ALTERNATIVE_S = 600;

/** One per device. */
export class Dialer extends Race {
  /** What other sessions may dial; null: wait. */
  get route(): Route | null {
    return this.found;
  }

  // -- what the shell wants
  /** All there are; of one endpoint's, the better one first. What is not among them is left at once. */
  setCandidates(candidates: readonly Candidate[], now: number): void {
    const old = this.candidates;
    this.candidates = new Map(candidates.map((one) => [one.id, one]));
    const gone = (id: string): boolean => !this.candidates.has(id);
    if (this.round) {
      this.round.queue = this.round.queue.filter(({ candidate }) => !gone(candidate.id));
      this.round.frozen = this.round.frozen.filter(({ id }) => !gone(id));
    }
    for (const one of this.attempts.values()) if (gone(one.candidate.id)) this.stop(one, now);
    if (this.found && gone(this.found.candidateId)) {
      this.found = null;
      this.rotating = false;
    }
    const same = old.size === this.candidates.size && ![...old.keys()].some(gone);
    if (this.idle && !same) this.begin(now);
    this.tick(now);
  }

  /** The device is on this network now. The same as before: nothing. */
  setNetwork(key: string, now: number): void {
    if (key === this.key) return;
    this.key = key;
    this.network = this.memory.network(key, now);
    for (const one of this.attempts.values()) if (one !== this.carrying) this.stop(one, now);
    this.seen.clear();
    this.rounds = 0;
    this.recoveries = [];
    this.verdict = this.round = this.found = null;
    this.outage = false;
    this.suspect = this.diedEarly = "";
    this.rotating = false;
    this.checkAt = Infinity;
    this.slowUntil = -Infinity;
    if (this.wanted) this.beginInDoubt([], now);
    this.tick(now);
  }

  /** Whether there is a default route (`navigator.onLine`); null: unknown. */
  setOnline(online: boolean | null, now: number): void {
    const back = online === true && this.online === false;
    this.online = online;
    if (back && this.idle) this.begin(now);
    this.tick(now);
  }

  /** Proofs of this network count no more, and the carrier may be dead. */
  doubt(now: number): void {
    this.network.doubt();
    if (this.wanted && !this.round && this.found) this.beginInDoubt(this.again(this.found, now), now);
    this.tick(now);
  }

  /** A session needs a carrier, from now on. */
  want(now: number): void {
    if (!this.wanted) {
      this.wanted = true;
      this.downSince = now;
      this.found = null;
      this.begin(now);
    }
    this.tick(now);
  }

  /** No session needs a carrier. */
  rest(now: number): void {
    this.wanted = this.rotating = false;
    this.round = null;
    this.retryAt = Infinity;
    for (const one of this.attempts.values()) this.stop(one, now);
    if (this.found?.proved === false) this.found = null;
    this.tick(now);
  }

  /** A person pressed "try now". False: pressed less than 10 s ago, nothing happens. */
  tap(now: number): boolean {
    if (now < this.tappedAt + TAP_S) return false;
    this.tappedAt = now;
    this.rounds = 0;
    this.recoveries = [];
    this.tapWaits = this.wanted && this.round?.quiet === false;
    if (this.wanted && !this.tapWaits) this.begin(now, this.again(this.found, now), { fill: true });
    this.tick(now);
    return true;
  }

  // -- what became of an attempt
  /** Its carrier takes records. */
  usable(number: number, now: number): void {
    const attempt = this.attempts.get(number);
    if (attempt?.phase !== "dialing") return;
    attempt.phase = "usable";
    attempt.usableAt = now;
    attempt.result = "works";
    const round = this.round;
    if (attempt.mode === "segmented") this.pace.usable();
    if (attempt.rotation) this.carry(attempt, now);
    else if (!round) this.stop(attempt, now);
    else if (!round.quiet && this.wins(attempt, round, now)) this.win(attempt, now);
    else {
      if (this.takesOver(attempt, now)) this.carry(attempt, now);
      if (attempt.mode === "stream") {
        attempt.phase = "proving";
        attempt.echoFrom = attempt.echoAt = now;
        this.actions.push({ type: "prove", attempt: number });
      } else if (attempt.candidate.id === this.suspect) this.markSuspect(attempt, round, now);
    }
    this.tick(now);
  }

  /** Something came while it is proved; so much of the echo is back. */
  echoed(number: number, receivedBytes: number, now: number): void {
    const attempt = this.attempts.get(number);
    if (!attempt || attempt.phase === "dialing" || attempt.phase === "usable") return;
    attempt.echoBytes = Math.max(attempt.echoBytes, receivedBytes);
    attempt.echoAt = now;
    const { id } = attempt.candidate;
    if (attempt.phase === "stopped") {
      attempt.phase = "proving";
      attempt.doubted = false;
      attempt.result = "works";
      if (this.round) this.round.frozen = this.round.frozen.filter((one) => one.id !== id);
      if (attempt === this.carrying) this.showRoute(attempt);
    }
    if (attempt.echoBytes >= ECHO_BYTES) {
      attempt.result = "proved";
      if (this.better(attempt, now)) {
        this.network.keep(id).prove(now);
        this.win(attempt, now);
      } else this.stop(attempt, now);
    }
    this.tick(now);
  }

  /** It could not be had; or, after `usable`, it is gone. */
  failed(number: number, failure: Failure, now: number): void {
    const attempt = this.attempts.get(number);
    if (attempt?.phase !== "dialing") return this.lost(number, 0, now);
    this.failDial(attempt, failure, now);
    this.tick(now);
  }

  /** Its connection ended, and not by Stop. rxBytes: frames received on it since its dial. */
  lost(number: number, rxBytes: number, now: number): void {
    const attempt = this.attempts.get(number);
    if (!attempt) return;
    const carried = attempt === this.carrying;
    this.forget(attempt, now);
    if (carried && attempt.mode === "segmented" && this.found) {
      this.rotating = true;
      if (rxBytes < SEGMENT_LEAST) this.rotationFailed(attempt, now);
    } else if (carried && attempt.phase === "usable") this.afterLoss(attempt, now, false);
    else this.noteFailure(attempt, echoFailure("closed"));
    this.tick(now);
  }

  /** It carries and is silent although an answer is due. rxBytes: frames received on it since its dial. */
  stalled(number: number, rxBytes: number, now: number): void {
    const attempt = this.attempts.get(number);
    if (!attempt) return;
    const won = attempt.phase === "usable";
    this.network.find(attempt.candidate.id).proved_at = 0;
    this.stop(attempt, now);
    const streams = attempt.mode === "stream";
    if (won) this.afterLoss(attempt, now, streams && isFreeze(rxBytes));
    else if (streams && Math.max(rxBytes, attempt.echoBytes) >= FREEZE_BYTES) this.noteFrozen(attempt);
    else this.noteFailure(attempt, echoFailure("timeout"));
    this.tick(now);
  }

  /** Half of its segment is used up. */
  rotate(number: number, now: number): void {
    if (this.carrying?.number === number) {
      this.rotating = this.carrying.mode === "segmented";
      this.rotationFails = 0;
    }
    this.tick(now);
  }

  /** It carries this little although more waits; from 4 KiB/s on it is well again. */
  slow(number: number, bytesS: number, now: number): void {
    if (this.carrying?.number !== number) return;
    const isSlow = bytesS < SLOW_BYTES_S;
    this.slowBytesS = bytesS;
    this.slowUntil = isSlow ? now + SLOW_S : -Infinity;
    if (isSlow && !this.round && now >= this.alternativeAt) {
      this.alternativeAt = now + ALTERNATIVE_S;
      this.begin(now, [], { quiet: true });
    }
    this.tick(now);
  }

  /** Another session could not dial this route. */
  routeFailed(route: Route, now: number): void {
    this.routeStalled(route, 0, now);
  }

  /** Another session's carrier over this route is silent. */
  routeStalled(route: Route, rxBytes: number, now: number): void {
    if (this.found?.number === route.number) {
      this.found = null;
      if (this.wanted) this.recover(this.again(route, now, isFreeze(rxBytes)), now);
    }
    this.tick(now);
  }

  // -- what follows
  /** Time passed. Every other call ends with this. */
  tick(now: number): void {
    this.now = now;
    this.timeOut(now);
    if (this.wanted) {
      this.handOver(now);
      if (!this.round && now >= this.retryAt) this.begin(now, [], { fill: this.tapWaits });
      if (!this.round && now >= this.checkAt && this.carrying) {
        this.checkAt = Infinity;
        this.round = newRound(now, [{ candidate: this.carrying.candidate, mode: "stream" }], { quiet: true });
      }
      this.runRound(now);
      if (!this.round && this.nothing) {
        this.begin(now);
        this.runRound(now);
      }
      this.rotateDue(now);
    }
    const state = this.decideState(now);
    if (state !== this.state) {
      this.state = state;
      this.since = now;
    }
  }

  /** What to do now, in order; empty the next time. */
  pull(): Action[] {
    return this.actions.splice(0);
  }

  /** When `tick` is due although nothing happens; null: never. */
  nextDeadline(): number | null {
    const now = this.now;
    const times = this.wanted ? [this.retryAt] : [];
    for (const { phase, startedAt, echoAt, echoFrom } of this.attempts.values()) {
      if (phase === "dialing") times.push(startedAt + DIAL_S);
      else if (phase === "proving") times.push(Math.min(echoAt + ECHO_PAUSE_S, echoFrom + ECHO_S));
    }
    if (this.round) times.push(this.nextStart(this.round, now)[1], settledAt(this.round, this.others(), now));
    else if (this.carrying) times.push(this.checkAt);
    times.push(this.rotationAt());
    const shown = this.found ? this.slowUntil : this.downSince + CALM_S;
    if (shown > now) times.push(shown);
    const due = Math.min(...times);
    return due === Infinity ? null : due;
  }

  /** What to show. */
  view(now: number): PathView {
    this.tick(now);
    const candidate = this.found && this.candidates.get(this.found.candidateId);
    return {
      state: this.state,
      since: this.since,
      via: !candidate || isDirect(candidate) ? "" : candidate.endpoint.host,
      trying: [...this.attempts.values()].filter(isRacing).length,
      tries: [...this.candidates.values()].map((one) => this.tryOf(one)),
    };
  }

  private tryOf(candidate: Candidate): Try {
    const seen = this.seen.get(candidate.id);
    return {
      candidate,
      result: seen?.result ?? "",
      stage: seen?.failure?.stage ?? "",
      reason: seen?.failure?.reason ?? "",
      startedAt: seen?.startedAt ?? 0,
      echoBytes: seen?.echoBytes ?? 0,
      lastOk: this.network.find(candidate.id).last_ok,
      chosen: this.found?.candidateId === candidate.id,
      mode: seen?.mode ?? "stream",
      inOutage: seen?.inOutage ?? false,
    };
  }

  private decideState(now: number): State {
    if (this.found) {
      if (this.found.mode === "segmented" || now < this.slowUntil) return "slow";
      const candidate = this.candidates.get(this.found.candidateId);
      return candidate && isDirect(candidate) ? "direct" : "via";
    }
    if (!this.wanted) return "waiting";
    if (this.online === false || this.verdict === "offline") return "offline";
    const alarming = this.verdict === "blocked" || this.verdict === "server_down";
    if (alarming && this.verdict && now >= this.downSince + CALM_S) return this.verdict;
    return this.round ? "trying" : "waiting";
  }

  /** Nothing carries, and nothing that was begun will change that. */
  private get nothing(): boolean {
    return !this.carrying && !this.rotating && this.retryAt === Infinity && this.candidates.size > 0;
  }

  /** Nothing carries and no round runs although a session waits. */
  private get idle(): boolean {
    return this.wanted && !this.found && !this.round;
  }
}

/** Whether a stall looks like a limit of bytes per connection. */
const isFreeze = (rxBytes: number): boolean => rxBytes >= FREEZE_BYTES && rxBytes <= FREEZE_MOST_BYTES;
