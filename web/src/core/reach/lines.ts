/** Carriers in the hands of whoever dialled them, perhaps proved there before any session is on them. */
import { Echo } from "../../protocol/session/echo.ts";
import type { Line } from "../shell/carriers.ts";
import type { Carrier, CarrierListener } from "../transports/base.ts";
import type { Inbox } from "../transports/inbox.ts";

const NOBODY: CarrierListener = { record: () => undefined, ended: () => undefined };

/** Seconds of a clock that does not jump. */
const steady = (): number => performance.now() / 1000;

/** One carrier. What comes is offered to the echo on it first, then to whoever listens. */
export class DialledLine implements Line {
  readonly carrier: Carrier;
  readonly segmented: boolean;
  cautious = false;
  #listener = NOBODY;
  #ended: (() => void) | undefined;
  #echo: Echo | undefined;
  #echoed: (bytes: number) => void = () => undefined;

  /** inbox: has heard the carrier so far. ended: told if it ends before a session listens. */
  constructor(carrier: Carrier, inbox: Inbox, { segmented, ended }: { segmented: boolean; ended: () => void }) {
    this.carrier = carrier;
    this.segmented = segmented;
    this.#ended = ended;
    inbox.handOver({
      record: (data) => this.#take(data),
      ended: (code) => {
        this.#ended?.();
        this.#listener.ended(code);
      },
    });
  }

  listen(listener: CarrierListener): void {
    this.#ended = undefined;
    this.#listener = listener;
  }

  /** Run the echo on the bare carrier. echoed: told at every record meanwhile how much is back. */
  prove(echoed: (bytes: number) => void): void {
    this.#echo = new Echo(steady());
    this.#echoed = echoed;
    for (const record of this.#echo.records()) this.carrier.send(record);
  }

  #take(data: Uint8Array): void {
    const echo = this.#echo;
    if (!echo?.feed(data, steady())) this.#listener.record(data);
    if (!echo) return;
    if (echo.done) this.#echo = undefined;
    this.#echoed(echo.receivedBytes);
  }
}
