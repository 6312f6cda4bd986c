/** What a carrier brings before somebody listens to it for good: kept in order, and handed over. */
import { type CarrierListener, DialError, ORIGIN_GONE_CODE, type Stage } from "./base.ts";

/** The first listener of a carrier. Whoever takes the carrier over gets what has come meanwhile. */
export class Inbox implements CarrierListener {
  #records: Uint8Array[] = [];
  /** Code with which it ended. */
  #ended: number | undefined;
  #next: CarrierListener | undefined;
  #woken: (() => void) | undefined;

  record(data: Uint8Array): void {
    if (this.#next) return this.#next.record(data);
    this.#records.push(data);
    this.#woken?.();
  }

  ended(code = 0): void {
    if (this.#next) return this.#next.ended(code);
    this.#ended = code;
    this.#woken?.();
  }

  /**
   * The next record, while nobody else listens. stage: how far the dial is.
   * Rejects with DialError `closed` when the carrier ended instead, `timeout` when `signal` gives up.
   */
  async next(stage: Stage, signal: AbortSignal): Promise<Uint8Array> {
    for (;;) {
      const record = this.#records.shift();
      if (record) return record;
      if (this.#ended !== undefined) throw new DialError(stage, "closed", this.#ended === ORIGIN_GONE_CODE);
      if (signal.aborted) throw new DialError(stage, "timeout");
      await new Promise<void>((resolve) => {
        this.#woken = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
      this.#woken = undefined;
    }
  }

  /** From now on `listener` is told; first of all of what has come. May be called again: the last one counts. */
  handOver(listener: CarrierListener): void {
    this.#next = listener;
    // What it is told may make it close the carrier, and so bring `ended` here in the middle.
    for (const record of this.#records.splice(0)) listener.record(record);
    if (this.#ended === undefined) return;
    const code = this.#ended;
    this.#ended = undefined;
    listener.ended(code);
  }
}
