/** The history that an old device handed to this one. What fetches it is loaded where some waits. */
import type { Host } from "../verbs/handlers.ts";
import { HISTORY } from "./name.ts";
import type { Receiving } from "./receiving.ts";

/** Of one leading device. */
export class HistoryDoor {
  readonly #host: Host;
  #receiving: Receiving | undefined;
  #closed = false;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Go on with what waits. Rejects with what ends this worker. */
  async begin(): Promise<void> {
    if (this.#receiving || !(await this.#host.store.look((tx) => tx.has("meta", HISTORY)))) return;
    const { Receiving } = await import("./receiving.ts");
    if (this.#closed) return;
    this.#receiving = new Receiving(this.#host);
    await this.#receiving.run().finally(() => (this.#receiving = undefined));
  }

  close(): void {
    this.#closed = true;
    this.#receiving?.close();
  }
}
