/**
 * Carriers made of POSTs (`protocol/reach/polling`): one poll open, one send under way, both of the same virtual carrier.
 * Whatever goes wrong with a POST ends it.
 */
import { ZajilError } from "../../protocol/errors.ts";
import { BODY_BYTES, CARRIER_ID_BYTES, encodePost, fitting, parseItems } from "../../protocol/reach/polling.ts";
import { randomBytes } from "../crypto.ts";
import { type Carrier, type CarrierListener, ORIGIN_GONE_CODE, ORIGIN_GONE_STATUS } from "./base.ts";
import { post, readBody } from "./direct.ts";

/** A server answers a poll within 25 s; a way that holds the answer longer is lost. */
const PATIENCE_MS = 45_000;

/** A carrier of POSTs to this address. Nothing goes out before the first record is sent, so it cannot fail yet. */
export function openPoll(url: string, listener: CarrierListener): Carrier {
  return new PollCarrier(url, listener);
}

class PollCarrier implements Carrier {
  rxBytes = 0;
  txBytes = 0;
  readonly #url: string;
  readonly #listener: CarrierListener;
  readonly #id = randomBytes(CARRIER_ID_BYTES);
  readonly #stop = new AbortController();
  #seq = 0;
  #queue: Uint8Array[] = [];
  #state: "quiet" | "open" | "closing" | "over" = "quiet";
  #sending = false;

  constructor(url: string, listener: CarrierListener) {
    this.#url = url;
    this.#listener = listener;
  }

  send(record: Uint8Array): void {
    if (this.#state === "closing" || this.#state === "over") return;
    this.txBytes += record.length;
    this.#queue.push(record);
    if (!this.#sending) void this.#sendAll();
    if (this.#state === "open") return;
    this.#state = "open";
    void this.#pollOn();
  }

  close(): void {
    if (this.#state === "closing" || this.#state === "over") return;
    this.#state = this.#sending ? "closing" : "over";
    if (!this.#sending) this.#stop.abort();
    this.#listener.ended(0);
  }

  async #sendAll(): Promise<void> {
    this.#sending = true;
    try {
      while (this.#queue.length > 0 && this.#state !== "over") {
        // What comes within this turn goes together.
        await Promise.resolve();
        await this.#post(this.#queue.splice(0, fitting(this.#queue)));
      }
    } catch (problem) {
      this.#fail(problem);
    }
    this.#sending = false;
    if (this.#state !== "closing") return;
    this.#state = "over";
    this.#stop.abort();
  }

  async #pollOn(): Promise<void> {
    try {
      while (this.#state === "open") {
        for (const record of parseItems(await this.#post([]))) {
          if (!this.#isOpen()) return;
          this.rxBytes += record.length;
          this.#listener.record(record);
        }
      }
    } catch (problem) {
      this.#fail(problem);
    }
  }

  /** Asked again after others had a word: a listener may have closed it. */
  #isOpen(): boolean {
    return this.#state === "open";
  }

  async #post(records: readonly Uint8Array[]): Promise<Uint8Array> {
    const body = encodePost(this.#id, this.#seq++, records);
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(PATIENCE_MS)]);
    const response = await post(this.#url, body, signal);
    if (response.status !== 200) throw new PostRefused(response.status);
    return readBody(response, BODY_BYTES);
  }

  #fail(problem: unknown): void {
    const known = problem instanceof ZajilError || problem instanceof PostRefused || problem instanceof DOMException;
    const told = this.#state === "closing" || this.#state === "over";
    this.#state = "over";
    this.#stop.abort();
    const gone = problem instanceof PostRefused && problem.status === ORIGIN_GONE_STATUS;
    if (!told) this.#listener.ended(gone ? ORIGIN_GONE_CODE : 0);
    // A body that breaks off is a TypeError of fetch's; anything else is a bug of ours, and goes on.
    if (!known && !(problem instanceof TypeError)) throw problem;
  }
}

/** Another answer than the one that carriers get. */
class PostRefused extends Error {
  constructor(readonly status: number) {
    super(`answer ${String(status)}`);
  }
}
