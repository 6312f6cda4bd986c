/** Which candidates failed on which network, and when rounds follow each other. In RAM only; pure. */
import type { Random } from "./candidates.ts";

const FIRST_S = 60;
const MOST_S = 6 * 3600;
const KEPT = 512;
/** When rounds begin, counted from the first; then every 5 minutes. */
export const ROUNDS_S: readonly number[] = [0, 10, 30, 60, 120, 300];

/** The negative cache: (network, candidate) for 60 s x 2^fails, at most 6 h, +-50 %. */
export class Failures {
  readonly #random: Random;
  readonly #found = new Map<string, { readonly fails: number; readonly until: number }>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** It failed. */
  note(network: string, candidate: string, now: number): void {
    const key = keyOf(network, candidate);
    const fails = this.#found.get(key)?.fails ?? 0;
    this.#found.delete(key);
    const length = Math.min(MOST_S, FIRST_S * 2 ** Math.min(fails, 16));
    this.#found.set(key, { fails: fails + 1, until: now + length * (0.5 + this.#random()) });
    for (const oldest of this.#found.keys()) {
      if (this.#found.size <= KEPT) break;
      this.#found.delete(oldest);
    }
  }

  /** It works. */
  clear(network: string, candidate: string): void {
    this.#found.delete(keyOf(network, candidate));
  }

  /** When it may be tried again; a time that has passed where nothing is against it. */
  until(network: string, candidate: string): number {
    return this.#found.get(keyOf(network, candidate))?.until ?? 0;
  }
}

const keyOf = (network: string, candidate: string): string => JSON.stringify([network, candidate]);

/** Seconds from the start of round `rounds` (from 1) to the next one, +-30 %. roundsS: as `ROUNDS_S`. */
export function nextRoundS(rounds: number, random: Random, roundsS = ROUNDS_S): number {
  const [begins, before] = [roundsS[rounds], roundsS[rounds - 1]];
  const gap = begins === undefined || before === undefined ? (roundsS.at(-1) ?? 0) : begins - before;
  return gap * (0.7 + 0.6 * random());
}
