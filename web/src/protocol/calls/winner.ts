/**
 * Which kind of attempt a network is remembered by: one that has carried for 3 s on end; twin of
 * zajil.protocol.calls.winner. Pure.
 */
import { type Ladder, type LinkKind, STEADY_MS } from "./ladder.ts";

/** Watches the ladder of one link. */
export class Winner {
  #number = 0;
  #sinceMs = 0;
  #told = false;

  /** What to remember now: once for each time that an attempt carries so long. Called again and again. */
  watch({ attempts }: Ladder, nowMs: number): LinkKind | null {
    const carrying = attempts.find(({ stage }) => stage === "carrying");
    const number = carrying?.number ?? 0;
    if (number !== this.#number) {
      this.#number = number;
      this.#sinceMs = nowMs;
      this.#told = false;
    }
    if (!carrying || this.#told || nowMs - this.#sinceMs < STEADY_MS) return null;
    this.#told = true;
    return carrying.kind;
  }

  /** This device is in another network: what carries has to show itself anew. */
  move(): void {
    this.#number = 0;
  }
}
