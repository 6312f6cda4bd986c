/** Sessions that do not lead: they dial the route that was found themselves (`protocol/path/dialer`, "other sessions"). */
import { ZajilError } from "../../protocol/errors.ts";
import type { Route } from "../../protocol/path/actions.ts";
import type { Candidate } from "../../protocol/path/candidates.ts";
import type { Dialer } from "../../protocol/path/dialer.ts";
import { CARRIERS } from "../../protocol/path/pace.ts";
import type { Said, Seat } from "../shell/carriers.ts";
import type { Carrier, CarrierListener } from "../transports/base.ts";
import type { For } from "../transports/dialing.ts";
import { Inbox } from "../transports/inbox.ts";
import { DialledLine } from "./lines.ts";

/** A session whose carrier ends so soon after it came found a way that does not last. */
const LASTING_S = 5;

export interface ReachParts {
  readonly dialer: Dialer;
  /** Seconds, as the dialer wants them. */
  now(): number;
  dial(candidate: Candidate, wanted: For, listener: CarrierListener, signal: AbortSignal): Promise<Carrier>;
  /** What is shown, or remembered, may have changed. */
  changed(): void;
  /** A bug of ours. */
  problem(problem: unknown): void;
}

/** A session, and how far it is. */
export interface Place {
  readonly seat: Seat;
  /** It wants a carrier: it has none, or the one it has is nearly used up. */
  wanting: boolean;
  /** The carrier it has, since when, and over which route where it does not lead. */
  line: DialledLine | undefined;
  since: number;
  route: Route | null;
  dialling: AbortController | undefined;
  /** Number of the last route that failed for it. */
  failed: number;
}

/** Carriers of the sessions that do not lead. */
export class Followers {
  readonly #parts: ReachParts;
  readonly #dialer: Dialer;
  readonly #run: () => void;

  /** run: something happened that the dialer may have an answer to. */
  constructor(parts: ReachParts, run: () => void) {
    this.#parts = parts;
    this.#dialer = parts.dialer;
    this.#run = run;
  }

  /** Get this session a carrier over the route, where it has none, or one of another route. */
  follow(place: Place, route: Route, candidate: Candidate): void {
    if (place.dialling || place.failed === route.number) return;
    if (!place.wanting && place.route?.number === route.number) return;
    if (place.seat.calls && !route.proved) return;
    if (this.#mayDial(place, route)) this.#dial(place, route, candidate);
  }

  /** The session says that its carrier went silent or ended. */
  lose(place: Place, said: Said): void {
    const { route, line } = place;
    const now = this.#parts.now();
    this.drop(place);
    if (!route || !line) return;
    if (said.type === "stalled") {
      place.failed = route.number;
      this.#dialer.routeStalled(route, line.carrier.rxBytes, now);
    } else if (!line.segmented && now < place.since + LASTING_S) {
      place.failed = route.number;
      this.#dialer.routeFailed(route, now);
    }
  }

  /** Close what the session has or waits for. */
  drop(place: Place): void {
    place.dialling?.abort();
    place.dialling = undefined;
    this.#release(place)?.carrier.close();
  }

  /** Segments are dialled at a pace, and there are two at most: with both open, the own one goes first. */
  #mayDial(place: Place, { mode }: Route): boolean {
    if (mode !== "segmented") return true;
    const { pace } = this.#dialer;
    const now = this.#parts.now();
    if (pace.open >= CARRIERS && place.line?.segmented) this.drop(place);
    if (!pace.mayDial(now)) return false;
    pace.started(now);
    return true;
  }

  #dial(place: Place, route: Route, candidate: Candidate): void {
    const segmented = route.mode === "segmented";
    const giveUp = (place.dialling = new AbortController());
    const inbox = new Inbox();
    const wasGivenUp = (): boolean => {
      if (place.dialling === giveUp) place.dialling = undefined;
      return giveUp.signal.aborted;
    };
    this.#parts.dial(candidate, place.seat, inbox, giveUp.signal).then(
      (carrier) => {
        if (segmented) this.#dialer.pace.usable();
        if (wasGivenUp()) {
          carrier.close();
          if (segmented) this.#dialer.pace.ended();
        } else {
          const old = this.#release(place);
          const line = new DialledLine(carrier, inbox, { segmented, ended: () => undefined });
          line.cautious = !route.proved;
          give(place, line, route, this.#parts.now());
          old?.carrier.close();
        }
        this.#run();
      },
      (problem: unknown) => {
        if (!(problem instanceof ZajilError)) this.#parts.problem(problem);
        const now = this.#parts.now();
        if (segmented) {
          this.#dialer.pace.failed(now);
          this.#dialer.pace.ended();
        }
        if (!wasGivenUp()) {
          place.failed = route.number;
          this.#dialer.routeFailed(route, now);
        }
        this.#run();
      },
    );
  }

  #release(place: Place): DialledLine | undefined {
    const { line } = place;
    place.line = undefined;
    if (line?.segmented) this.#dialer.pace.ended();
    return line;
  }
}

/** Hand a carrier to its session. route: null where the session leads. */
export function give(place: Place, line: DialledLine, route: Route | null, now: number): void {
  place.line = line;
  place.route = route;
  place.since = now;
  place.wanting = false;
  place.seat.carry(line);
}
