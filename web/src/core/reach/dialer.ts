/**
 * The shell of `protocol/path/dialer`: carries out what it decides, for all sessions of this client.
 *
 * One session leads: the attempts of the dialer are its carriers. The others dial the route that was found themselves.
 * Who leaves hands the lead on. Whoever makes control calls waits until the way is proved.
 */
import { error, ZajilError } from "../../protocol/errors.ts";
import type { Action, Route } from "../../protocol/path/actions.ts";
import type { Candidate, Failure, Mode } from "../../protocol/path/candidates.ts";
import type { Dialer } from "../../protocol/path/dialer.ts";
import { ECHO_BYTES } from "../../protocol/path/race.ts";
import type { PathView } from "../../protocol/path/view.ts";
import type { Carriers, Line, Said, Seat } from "../shell/carriers.ts";
import { DialError, ORIGIN_GONE_CODE } from "../transports/base.ts";
import { Inbox } from "../transports/inbox.ts";
import { Followers, give, type Place, type ReachParts } from "./following.ts";
import { DialledLine } from "./lines.ts";

/** An attempt of the dialer: one carrier of the leading session. */
interface Attempt {
  readonly number: number;
  readonly giveUp: AbortController;
  line?: DialledLine | undefined;
}

/** Carriers for all sessions, over the best way there is. */
export class Reach implements Carriers {
  readonly #parts: ReachParts;
  readonly #dialer: Dialer;
  readonly #followers: Followers;
  #candidates = new Map<string, Candidate>();
  readonly #places = new Map<Seat, Place>();
  readonly #attempts = new Map<number, Attempt>();
  #leader: Place | undefined;
  #carrying: Attempt | undefined;
  #view: PathView;
  #running = false;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: (() => void)[] = [];
  #closed = false;

  constructor(parts: ReachParts) {
    this.#parts = parts;
    this.#dialer = parts.dialer;
    this.#followers = new Followers(parts, () => this.#run());
    this.#view = this.#dialer.view(parts.now());
  }

  /** What carries now, null for nothing. */
  get route(): Route | null {
    return this.#dialer.route;
  }

  /** The candidate of the route. */
  get chosen(): Candidate | undefined {
    return this.route ? this.#candidates.get(this.route.candidateId) : undefined;
  }

  /** How it stands, as of the last turn. */
  get view(): PathView {
    return this.#view;
  }

  /** Whether any session wants to be connected. */
  get wanted(): boolean {
    return this.#places.size > 0;
  }

  // -- what happens around
  setCandidates(candidates: readonly Candidate[]): void {
    this.#candidates = new Map(candidates.map((candidate) => [candidate.id, candidate]));
    this.#dialer.setCandidates(candidates, this.#parts.now());
    this.#run();
  }

  /** Whether there is a way into the network; null: nobody knows. */
  setOnline(online: boolean | null): void {
    this.#dialer.setOnline(online, this.#parts.now());
    this.#run();
  }

  setNetwork(key: string): void {
    this.#dialer.setNetwork(key, this.#parts.now());
    this.#run();
  }

  /** Something happened behind our back: old proofs count no more. */
  doubt(): void {
    this.#dialer.doubt(this.#parts.now());
    this.#run();
  }

  /** A person wants another try now. */
  tap(): void {
    this.#dialer.tap(this.#parts.now());
    for (const place of this.#places.values()) place.failed = 0;
    this.#run();
  }

  /** Resolves when there is a way for control calls, or none is to be had for now: `route` tells. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#run();
    });
  }

  /** End everything. */
  close(): void {
    this.#closed = true;
    for (const seat of [...this.#places.keys()]) this.leave(seat);
    clearTimeout(this.#timer);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  // -- Carriers
  want(seat: Seat): void {
    let place = this.#places.get(seat);
    if (!place) {
      place = { seat, wanting: true, line: undefined, since: 0, route: null, dialling: undefined, failed: 0 };
      this.#places.set(seat, place);
    }
    place.wanting = true;
    if (!this.#leader) this.#lead(place);
    this.#run();
  }

  leave(seat: Seat): void {
    const place = this.#places.get(seat);
    if (!place) return;
    this.#places.delete(seat);
    if (place === this.#leader) this.#handOn();
    else this.#followers.drop(place);
    this.#run();
  }

  report(seat: Seat, line: Line, said: Said): void {
    const place = this.#places.get(seat);
    if (!place?.line || place.line !== line) return;
    const gone = said.type === "stalled" || said.type === "ended";
    if (gone || said.type === "rotate") place.wanting = true;
    if (place === this.#leader) {
      this.#reportLeading(place.line, said);
      if (gone) place.line = undefined;
    } else if (gone) {
      this.#followers.lose(place, said);
    }
    this.#run();
  }

  #reportLeading(line: DialledLine, said: Said): void {
    const attempt = this.#carrying;
    if (attempt?.line !== line) return; // the dialer itself stopped it
    const { number } = attempt;
    const now = this.#parts.now();
    switch (said.type) {
      case "stalled":
        return this.#dialer.stalled(number, line.carrier.rxBytes, now);
      case "ended":
        this.#forget(attempt);
        return this.#dialer.lost(number, line.carrier.rxBytes, now);
      case "rotate":
        return this.#dialer.rotate(number, now);
      case "slow":
        return this.#dialer.slow(number, said.bytesS, now);
      case "echoed":
        return this.#dialer.echoed(number, passedOf(said.bytes, line), now);
    }
  }

  // -- the lead
  #lead(place: Place): void {
    this.#leader = place;
    this.#dialer.want(this.#parts.now());
  }

  /** Another session leads from now on: one whose carrier is as good as the attempt's, else one begins anew. */
  #handOn(): void {
    this.#leader = undefined;
    const heirs = [...this.#places.values()].sort((a, b) => Number(a.seat.calls) - Number(b.seat.calls));
    const { route } = this;
    const heir = heirs.find((place) => place.line && place.route?.number === route?.number);
    if (heir && this.#carrying && this.#attempts.size === 1) {
      const { line } = this.#carrying;
      this.#leader = heir;
      this.#carrying.line = heir.line;
      if (heir.line?.segmented) this.#dialer.pace.ended(); // the attempt counts already
      line?.carrier.close();
      return;
    }
    this.#dialer.rest(this.#parts.now());
    this.#carryOut();
    const [next] = heirs;
    if (!next) return;
    this.#followers.drop(next);
    next.wanting = true;
    this.#lead(next);
  }

  // -- turns
  /** Carry out what the dialer wants and look after the other sessions, until there is nothing left to do. */
  #run(): void {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#again) {
        this.#again = false;
        this.#view = this.#dialer.view(this.#parts.now());
        this.#carryOut();
        this.#follow();
        this.#tellHopeless();
      }
    } finally {
      this.#running = false;
    }
    if (this.#closed) return;
    this.#plan();
    this.#parts.changed();
  }

  #carryOut(): void {
    for (let actions = this.#dialer.pull(); actions.length > 0; actions = this.#dialer.pull()) {
      for (const action of actions) this.#carryOutOne(action);
    }
    // A leading session that makes calls gets its carrier once that is proved.
    if (this.#leader?.seat.calls && this.route?.proved) this.#giveLeader();
  }

  #giveLeader(): void {
    const place = this.#leader;
    const line = this.#carrying?.line;
    if (!place || !line || place.line === line) return;
    line.cautious = !this.route?.proved;
    give(place, line, null, this.#parts.now());
  }

  #carryOutOne(action: Action): void {
    if (action.type === "start") return this.#start(action.attempt, action.candidateId, action.mode);
    const attempt = this.#attempts.get(action.attempt);
    if (!attempt) return;
    switch (action.type) {
      case "carry":
        this.#carrying = attempt;
        if (!this.#leader?.seat.calls) this.#giveLeader();
        return;
      case "prove":
        return this.#prove(attempt);
      case "stop":
        this.#forget(attempt);
        attempt.giveUp.abort();
        attempt.line?.carrier.close();
    }
  }

  #forget(attempt: Attempt): void {
    this.#attempts.delete(attempt.number);
    if (this.#carrying === attempt) this.#carrying = undefined;
  }

  #start(number: number, candidateId: string, mode: Mode): void {
    const attempt: Attempt = { number, giveUp: new AbortController() };
    this.#attempts.set(number, attempt);
    const isOurs = (): boolean => this.#attempts.get(number) === attempt;
    const failed = (failure: Failure): void => {
      if (!isOurs()) return;
      this.#forget(attempt);
      this.#dialer.failed(number, failure, this.#parts.now());
      this.#run();
    };
    const candidate = this.#candidates.get(candidateId);
    const seat = this.#leader?.seat;
    if (!candidate || !seat) return failed({ stage: "connect", reason: "closed", status: 0 });
    const inbox = new Inbox();
    this.#parts.dial(candidate, seat, inbox, attempt.giveUp.signal).then(
      (carrier) => {
        if (!isOurs()) return carrier.close();
        const ended = (): void => {
          if (!isOurs()) return;
          this.#forget(attempt);
          this.#dialer.lost(number, carrier.rxBytes, this.#parts.now());
          this.#run();
        };
        attempt.line = new DialledLine(carrier, inbox, { segmented: mode === "segmented", ended });
        this.#dialer.usable(number, this.#parts.now());
        this.#run();
      },
      (problem: unknown) => {
        if (!(problem instanceof ZajilError)) this.#parts.problem(problem);
        failed(failureOf(problem));
      },
    );
  }

  #prove({ line, number }: Attempt): void {
    if (line && this.#leader?.line === line) return this.#leader.seat.prove();
    line?.prove((bytes) => {
      this.#dialer.echoed(number, bytes, this.#parts.now());
      this.#run();
    });
  }

  #follow(): void {
    const { route, chosen } = this;
    if (!route || !chosen) return;
    // Where there is one carrier for all of them, what a person wrote goes before the calls of the program.
    const inOrder = [...this.#places.values()].sort((a, b) => Number(a.seat.calls) - Number(b.seat.calls));
    for (const place of inOrder) if (place !== this.#leader) this.#followers.follow(place, route, chosen);
  }

  /** No way, and nobody looks for one now: sessions and calls that wait are told. */
  #tellHopeless(): void {
    const { state, trying } = this.#view;
    const hopeless = !this.route && state !== "trying" && trying === 0;
    if (hopeless) {
      for (const { seat, wanting } of [...this.#places.values()]) if (wanting) seat.refuse(error("unreachable"));
    }
    const open = this.route !== null && (this.route.proved || this.chosen?.endpoint.kind === "origin");
    if (hopeless || open) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #plan(): void {
    clearTimeout(this.#timer);
    const now = this.#parts.now();
    const due = [this.#dialer.nextDeadline(), this.#pacedAt(now)].filter((at) => at !== null);
    if (due.length === 0) return;
    this.#timer = setTimeout(
      () => {
        this.#dialer.tick(this.#parts.now());
        this.#run();
      },
      Math.max(1, (Math.min(...due) - now) * 1000),
    );
  }

  /** When a segment that some other session waits for may be dialled. */
  #pacedAt(now: number): number | null {
    const { readyAt } = this.#dialer.pace;
    const waits = [...this.#places.values()].some((place) => place !== this.#leader && place.wanting);
    return this.route?.mode === "segmented" && waits && readyAt > now ? readyAt : null;
  }
}

/**
 * How much is known to have passed. What a session is told goes before the echo, and where that freezes on its way it is
 * as good a sign; but only a whole echo is a proof.
 */
function passedOf(echoed: number, { carrier }: DialledLine): number {
  return echoed >= ECHO_BYTES ? echoed : Math.max(echoed, Math.min(carrier.rxBytes, ECHO_BYTES - 1));
}

function failureOf(problem: unknown): Failure {
  if (!(problem instanceof DialError)) return { stage: "accept", reason: "status", status: 0 };
  return { stage: problem.stage, reason: problem.reason, status: problem.originGone ? ORIGIN_GONE_CODE : 0 };
}
