/**
 * One session kept attached: asks for carriers, moves records between the one in use and the session logic.
 *
 * Whoever dials (`Carriers`) gives it another carrier when that is better, or when the one in use is silent, used up or
 * gone: the session opens the new one first, then the old one is dropped. Where none could be had, the machine behind
 * `down` decides when to ask again. Twin of zajil.client.shell.connection.
 */
import { encodeHex } from "../../protocol/bytes.ts";
import type { ZajilError } from "../../protocol/errors.ts";
import { encodeFrame, type Frame, type Role } from "../../protocol/frames.ts";
import { ClientSession } from "../../protocol/session/client.ts";
import type { ClientEvent } from "../../protocol/session/events.ts";
import { randomBytes } from "../crypto.ts";
import type { Carriers, Line, Said, Seat } from "./carriers.ts";

export interface ConnectionParts {
  readonly carriers: Carriers;
  /** Its frames are control calls. */
  readonly calls?: boolean;
  /** As of a `Seat`. */
  readonly lane?: string;
  /** Events of the session, in order. May call anything here. */
  take(events: readonly ClientEvent[]): void;
  /** Everything that arrived together was told. */
  pause(): void;
  /** The session or its carrier ended (problem: none), or no carrier could be had. retryMs: what the server asked for. */
  down(problem: ZajilError | undefined, retryMs: number): void;
}

/** Seconds of a clock that does not jump. */
export const steady = (): number => performance.now() / 1000;

/** One role's session over carriers that come and go. */
export class Connection implements Seat {
  readonly role: Role;
  readonly r = encodeHex(randomBytes(2));
  readonly calls: boolean;
  readonly lane: string;
  readonly #parts: ConnectionParts;
  readonly #session: ClientSession;
  /** The carrier in use, and its number in the session. */
  #line: Line | undefined;
  #number = 0;
  #wanting = false;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(role: Role, parts: ConnectionParts) {
    this.role = role;
    this.calls = parts.calls ?? false;
    this.lane = parts.lane ?? "";
    this.#parts = parts;
    this.#session = new ClientSession(role);
  }

  /** Whether the server answers on a carrier now. */
  get usable(): boolean {
    return this.#session.usable;
  }

  /** Whether a carrier is there or on its way. */
  get busy(): boolean {
    return this.#wanting || this.#line !== undefined;
  }

  /** Seconds of the last measured round trip, 0 before the first. */
  get rttS(): number {
    return this.#session.rttS;
  }

  /** Get a carrier, unless there is one; `down` tells when that fails. */
  dial(): void {
    if (this.busy) return;
    this.#wanting = true;
    this.#parts.carriers.want(this);
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
    if (!this.busy) return;
    this.#leave();
    this.#parts.down(undefined, 0);
  }

  /** End the session and drop the carrier; the next one begins anew. `down` is told. */
  renew(): void {
    this.#session.close();
    this.#flush();
    this.reopen();
  }

  /** End everything without another word; `dial` begins anew. */
  stop(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#session.close(); // without a carrier too: what is dialled later must not go on with it
    this.#flush();
    this.#leave();
  }

  // -- Seat
  carry(line: Line): void {
    this.#wanting = false;
    this.#line = line;
    const { carrier: number, events } = this.#session.openCarrier(steady(), line);
    this.#number = number;
    this.#take(line, events);
    if (line !== this.#line) return; // what `take` told made somebody drop it
    line.listen({
      record: (data) => {
        if (line === this.#line) this.#take(line, this.#session.feed(number, data, steady()));
      },
      ended: (code = 0) => this.#lose(line, { type: "ended", code }),
    });
  }

  prove(): void {
    this.#session.prove(steady());
    this.#flush();
  }

  refuse(problem?: ZajilError): void {
    if (!this.#wanting) return;
    this.#wanting = false;
    this.#parts.down(problem, 0);
  }

  #take(line: Line, events: readonly ClientEvent[]): void {
    if (events.length > 0) {
      this.#parts.take(events);
      this.#pause ??= setTimeout(() => {
        this.#pause = undefined;
        this.#parts.pause();
      }, 0);
    }
    this.#flush();
    if (line !== this.#line) return;
    for (const event of events) this.#tell(line, event);
  }

  /** What an event means for the carrier. */
  #tell(line: Line, event: ClientEvent): void {
    if (line !== this.#line) return;
    const { carriers } = this.#parts;
    switch (event.event) {
      case "stalled":
        return this.#lose(line, { type: "stalled" });
      case "rotate":
        return carriers.report(this, line, { type: "rotate" });
      case "slow":
        return carriers.report(this, line, { type: "slow", bytesS: event.bytes_s });
      case "echoed":
        return carriers.report(this, line, { type: "echoed", bytes: event.received_bytes });
      case "closed":
        this.#leave();
        return this.#parts.down(undefined, event.retry_ms);
    }
  }

  /** Send what is due, and look again when the session wants to. */
  #flush(): void {
    const line = this.#line;
    if (!line) return;
    for (const record of this.#session.pull(this.#number, steady())) line.carrier.send(record);
    clearTimeout(this.#deadline);
    const at = this.#session.nextDeadline();
    if (at === null) return;
    this.#deadline = setTimeout(
      () => {
        if (line === this.#line) this.#take(line, this.#session.tick(steady()));
      },
      Math.max(1, (at - steady()) * 1000),
    );
  }

  /** The carrier is of no use any more; another one may be on its way already. */
  #lose(line: Line, said: Said): void {
    if (line !== this.#line) return;
    this.#detach();
    this.#wanting = true;
    this.#parts.carriers.report(this, line, said);
  }

  #leave(): void {
    this.#detach();
    this.#wanting = false;
    this.#parts.carriers.leave(this);
  }

  #detach(): void {
    this.#line = undefined;
    this.#session.lost(this.#number);
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }
}
