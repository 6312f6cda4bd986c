/** A carrier under a seal that was agreed on it (see `sealed`). */
import { ZajilError } from "../../protocol/errors.ts";
import type { RecordSeal } from "../reach/records.ts";
import type { Carrier, CarrierListener } from "./base.ts";
import type { Inbox } from "./inbox.ts";

/** Seals what goes, opens what comes, each in its order. */
export class SealedCarrier implements Carrier {
  readonly #bare: Carrier;
  readonly #codec: RecordSeal;
  readonly #listener: CarrierListener;
  #going: Promise<void> = Promise.resolve();
  #coming: Promise<void> = Promise.resolve();
  #over = false;

  constructor(bare: Carrier, codec: RecordSeal, inbox: Inbox, listener: CarrierListener) {
    this.#bare = bare;
    this.#codec = codec;
    this.#listener = listener;
    inbox.handOver({
      record: (data) => (this.#coming = this.#coming.then(() => this.#open(data))),
      // Behind what came: it may be the last word of the session.
      ended: (code) => (this.#coming = this.#coming.then(() => this.#end(code))),
    });
  }

  get rxBytes(): number {
    return this.#bare.rxBytes;
  }

  get txBytes(): number {
    return this.#bare.txBytes;
  }

  send(record: Uint8Array): void {
    if (this.#over) return;
    this.#going = this.#going.then(async () => this.#bare.send(await this.#codec.seal(record)));
  }

  close(): void {
    this.#end(0);
  }

  async #open(data: Uint8Array): Promise<void> {
    if (this.#over) return;
    try {
      const record = await this.#codec.open(data);
      if (!this.#isOver()) this.#listener.record(record);
    } catch (problem) {
      // Somebody between changed, repeated or left out a record: this carrier is worth nothing any more.
      this.#end(0);
      if (!(problem instanceof ZajilError)) throw problem;
    }
  }

  /** Asked again after waiting: it may have been closed meanwhile. */
  #isOver(): boolean {
    return this.#over;
  }

  #end(code = 0): void {
    if (this.#over) return;
    this.#over = true;
    void this.#going.then(() => this.#bare.close());
    this.#listener.ended(code);
  }
}
