/**
 * One session kept attached: dials when told to, moves records between a carrier and the session logic.
 * Twin of zajil.client.shell.connection, but it never decides when to dial again: the machine behind `down` does.
 */
import { error, ZajilError } from "../../protocol/errors.ts";
import { encodeFrame, type Frame, type Role } from "../../protocol/frames.ts";
import { ClientSession } from "../../protocol/session/client.ts";
import type { ClientEvent } from "../../protocol/session/events.ts";
import type { Carrier, CarrierListener, Dial } from "../transports/base.ts";

export interface ConnectionParts {
  readonly dial: Dial;
  /** Events of the session, in order. May call anything here. */
  take(events: readonly ClientEvent[]): void;
  /** Everything that arrived together was told. */
  pause(): void;
  /** The carrier ended (problem: none) or could not be had. retryMs: what the server asked for, else 0. */
  down(problem: ZajilError | undefined, retryMs: number): void;
}

/** Seconds of a clock that does not jump. */
export const steady = (): number => performance.now() / 1000;

/** One role's session over carriers that come and go. */
export class Connection {
  readonly #role: Role;
  readonly #parts: ConnectionParts;
  readonly #session: ClientSession;
  #carrier: Carrier | undefined;
  #number = 0;
  /** Counts attempts: what an older one still brings is dropped. */
  #attempt = 0;
  #dialling = false;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(role: Role, parts: ConnectionParts) {
    this.#role = role;
    this.#parts = parts;
    this.#session = new ClientSession(role);
  }

  /** Whether the server answers on a carrier now. */
  get usable(): boolean {
    return this.#session.usable;
  }

  /** Whether a carrier is there or on its way. */
  get busy(): boolean {
    return this.#dialling || this.#carrier !== undefined;
  }

  /** Seconds of the last measured round trip, 0 before the first. */
  get rttS(): number {
    return this.#session.rttS;
  }

  /** Get a carrier, unless there is one; `down` tells when that fails. */
  dial(): void {
    if (this.busy) return;
    const attempt = ++this.#attempt;
    this.#dialling = true;
    const listener: CarrierListener = {
      record: (data) => this.#feed(attempt, data),
      ended: () => this.#lose(attempt, undefined),
    };
    this.#parts.dial(this.#role, listener).then(
      (carrier) => this.#attach(attempt, carrier),
      (problem: unknown) => {
        const known = problem instanceof ZajilError ? problem : error("unreachable");
        this.#lose(attempt, known);
      },
    );
  }

  /** Queue a frame on the session as it is now. */
  send(frame: Frame): void {
    this.#session.send(encodeFrame(frame));
    this.#flush();
  }

  /** Measure the way to the server and back: `rttS` tells it once the answer came. */
  ping(): void {
    this.#session.ping(steady());
    this.#flush();
  }

  /** Drop the carrier; the session can go on over the next. `down` is told. */
  reopen(): void {
    if (this.busy) this.#lose(this.#attempt, undefined);
  }

  /** End the session and drop the carrier; the next one begins anew. `down` is told. */
  renew(): void {
    this.#session.close();
    this.#flush();
    this.reopen();
  }

  /** End everything without another word; `dial` begins anew. */
  stop(): void {
    this.#attempt += 1;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    if (this.#carrier) {
      this.#session.close();
      this.#flush();
    }
    this.#detach();
  }

  #attach(attempt: number, carrier: Carrier): void {
    if (attempt !== this.#attempt) return carrier.close();
    this.#dialling = false;
    this.#carrier = carrier;
    const { carrier: number, events } = this.#session.openCarrier(steady());
    this.#number = number;
    this.#take(attempt, events);
  }

  #feed(attempt: number, record: Uint8Array): void {
    if (attempt !== this.#attempt || !this.#carrier) return;
    this.#take(attempt, this.#session.feed(this.#number, record, steady()));
  }

  #take(attempt: number, events: readonly ClientEvent[]): void {
    if (events.length > 0) {
      this.#parts.take(events);
      this.#pause ??= setTimeout(() => {
        this.#pause = undefined;
        this.#parts.pause();
      }, 0);
    }
    this.#flush();
    const over = events.find((event) => event.event === "closed" || event.event === "stalled");
    if (over) this.#lose(attempt, undefined, over.event === "closed" ? over.retry_ms : 0);
  }

  /** Send what is due, and look again when the session wants to. */
  #flush(): void {
    if (!this.#carrier) return;
    for (const record of this.#session.pull(this.#number, steady())) this.#carrier.send(record);
    clearTimeout(this.#deadline);
    const at = this.#session.nextDeadline();
    if (at === null) return;
    const attempt = this.#attempt;
    this.#deadline = setTimeout(
      () => this.#take(attempt, this.#session.tick(steady())),
      Math.max(1, (at - steady()) * 1000),
    );
  }

  #lose(attempt: number, problem: ZajilError | undefined, retryMs = 0): void {
    if (attempt !== this.#attempt) return;
    this.#attempt += 1;
    this.#detach();
    this.#parts.down(problem, retryMs);
  }

  #detach(): void {
    const carrier = this.#carrier;
    this.#carrier = undefined;
    this.#dialling = false;
    this.#session.lost(this.#number);
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    carrier?.close();
  }
}
