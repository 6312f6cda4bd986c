/**
 * How long a transfer bears with a line that fails: it gives up after some failures without a byte between them.
 * Twin of zajil.client.files.patience.
 *
 * After each failure it asks for smaller pieces, so that a line on which a large one never gets through in the time of a
 * call still moves; each piece that gets through lets the next one be larger again.
 */
import { PIECE_BYTES } from "../../protocol/attachments.ts";
import { Limited, Unavailable, type ZajilError } from "../../protocol/errors.ts";
import { KIB } from "../../protocol/limits.ts";

export const PIECE_LEAST_BYTES = 8 * KIB;
export const PAUSES_MS = [250, 500, 1_000, 2_000, 4_000, 8_000];
/** A longer wait than that is for the next attempt, not for this one. */
export const LONGEST_MS = 15_000;

/** Resolves after so long; rejects with the signal's reason. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

export const pause: Pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    const give = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", give);
      resolve();
    }, ms);
    if (signal.aborted) give();
    else signal.addEventListener("abort", give, { once: true });
  });

/** One transfer's. */
export class Patience {
  /** What the next call may carry. */
  pieceBytes = PIECE_BYTES;
  readonly #pause: Pause;
  readonly #signal: AbortSignal;
  #failures = 0;

  constructor(pause: Pause, signal: AbortSignal) {
    this.#pause = pause;
    this.#signal = signal;
  }

  /** A piece went through. */
  moved(): void {
    this.#failures = 0;
    this.pieceBytes = Math.min(2 * this.pieceBytes, PIECE_BYTES);
  }

  /** Wait before the next try. Rejects with `problem` where there is no point in one now. */
  async bear(problem: ZajilError): Promise<void> {
    const next = PAUSES_MS[this.#failures];
    const passing = problem instanceof Limited || problem instanceof Unavailable;
    const ms = problem.retryMs || next || 0;
    if (!passing || next === undefined || ms > LONGEST_MS) throw problem;
    this.#failures += 1;
    this.pieceBytes = Math.max(Math.floor(this.pieceBytes / 2), PIECE_LEAST_BYTES);
    await this.#pause(ms, this.#signal);
  }
}
