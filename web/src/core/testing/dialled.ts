/** Carriers of one kind for tests: each time a session wants one, it is dialled; where that fails, the session is told. */
import { error, ZajilError } from "../../protocol/errors.ts";
import { DialledLine } from "../reach/lines.ts";
import type { Carriers, Line, Said, Seat } from "../shell/carriers.ts";
import type { Carrier, CarrierListener } from "../transports/base.ts";
import { Inbox } from "../transports/inbox.ts";

/** A carrier for this session, ready for the OPEN record. Rejects with DialError. */
export type Dial = (seat: Seat, listener: CarrierListener) => Promise<Carrier>;

/** Dials by one function, without choice or retry. */
export class Dialled implements Carriers {
  readonly #dial: Dial;
  /** By seat: its line, or the dial that is under way. */
  readonly #held = new Map<Seat, Line | Promise<void>>();

  constructor(dial: Dial) {
    this.#dial = dial;
  }

  want(seat: Seat): void {
    if (this.#held.has(seat)) return;
    const inbox = new Inbox();
    const dialling: Promise<void> = this.#dial(seat, inbox).then(
      (carrier) => {
        if (this.#held.get(seat) !== dialling) return carrier.close();
        const line = new DialledLine(carrier, inbox, { segmented: false, ended: () => undefined });
        this.#held.set(seat, line);
        seat.carry(line);
      },
      (problem: unknown) => {
        if (this.#held.get(seat) !== dialling) return;
        this.#held.delete(seat);
        seat.refuse(problem instanceof ZajilError ? problem : error("unreachable"));
      },
    );
    this.#held.set(seat, dialling);
  }

  leave(seat: Seat): void {
    const held = this.#held.get(seat);
    this.#held.delete(seat);
    if (held && "carrier" in held) held.carrier.close();
  }

  report(seat: Seat, _line: Line, said: Said): void {
    if (said.type !== "stalled" && said.type !== "ended") return;
    this.leave(seat);
    seat.refuse();
  }
}
