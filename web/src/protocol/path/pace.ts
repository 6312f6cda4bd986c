/** How fast a device dials in segments: connections that come in a row are counted by censors. Pure. */
const GAP_S = 0.5;
const CLEAN_GAP_S = 0.25;
const CLEAN_DIALS = 20;
const GAP_MOST_S = 4;
/** Most segmented carriers at one time, over all sessions of the device. */
export const CARRIERS = 2;

/** One for all sessions of a device. Who dials in segments asks `mayDial`, and tells how it went. */
export class Pace {
  /** Segmented carriers that are open or on their way. */
  open = 0;
  /** When the next dial may begin. */
  readyAt = 0;
  #gapS = GAP_S;
  #clean = 0;

  /** Whether a segmented carrier may be dialled now; with two open one must go first. */
  mayDial(now: number): boolean {
    return now >= this.readyAt && this.open < CARRIERS;
  }

  /** A dial begins; `ended` follows when it failed or its carrier is gone. */
  started(now: number): void {
    this.open += 1;
    this.readyAt = now + this.#gapS;
  }

  /** The dial succeeded. */
  usable(): void {
    this.#clean += 1;
    this.#gapS = this.#clean >= CLEAN_DIALS ? CLEAN_GAP_S : GAP_S;
  }

  /** The dial failed. */
  failed(now: number): void {
    this.#clean = 0;
    this.#gapS = Math.min(GAP_MOST_S, 2 * Math.max(this.#gapS, GAP_S));
    this.readyAt = Math.max(this.readyAt, now + this.#gapS);
  }

  /** The carrier, or the dial, is gone. */
  ended(): void {
    this.open -= 1;
  }
}
