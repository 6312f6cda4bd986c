/**
 * Sound on its way to the loudspeaker: blocks come in when they come, samples go out evenly. Where there is none, what
 * was heard last fades out in 10 ms; what comes after that fades in as fast.
 */

/** Silence before the first block, so that the next may come a little late. 20 ms. */
export const LEAD_SAMPLES = 960;
export const FADE_SAMPLES = 480;
/** With more than 200 ms somebody slept: the oldest goes. */
export const MOST_SAMPLES = 9_600;

interface Piece {
  readonly length: number;
  /** Undefined: it is missing. */
  readonly samples: Float32Array | undefined;
}

export class Ring {
  readonly #pieces: Piece[] = [];
  /** Of the first piece, what was read; of all, what was not. */
  #read = 0;
  #held = 0;
  /** The newest samples of sound, in a circle. */
  readonly #heard = new Float32Array(FADE_SAMPLES);
  #newest = 0;
  /** Samples of silence since, and of sound after it, as far as they fade. */
  #out = FADE_SAMPLES;
  #in = 0;

  /** A block of sound, or one that is missing: `length` samples without any. */
  push(length: number, samples?: Float32Array): void {
    if (this.#held === 0) this.#add(LEAD_SAMPLES, undefined);
    this.#add(length, samples);
    while (this.#held > MOST_SAMPLES) this.#drop();
  }

  #add(length: number, samples: Float32Array | undefined): void {
    this.#pieces.push({ length, samples });
    this.#held += length;
  }

  #drop(): void {
    this.#held -= (this.#pieces.shift()?.length ?? 0) - this.#read;
    this.#read = 0;
  }

  /** Fill `out` with the next samples. */
  read(out: Float32Array): void {
    for (let at = 0; at < out.length; at++) {
      const piece = this.#pieces[0];
      const sample = piece?.samples?.[this.#read];
      out[at] = sample === undefined ? this.#fadeOut() : this.#fadeIn(sample);
      if (!piece) continue;
      this.#held -= 1;
      this.#read += 1;
      if (this.#read < piece.length) continue;
      this.#pieces.shift();
      this.#read = 0;
    }
  }

  /** What was heard last, backwards, which has no edge where it begins. */
  #fadeOut(): number {
    this.#in = 0;
    if (this.#out >= FADE_SAMPLES) return 0;
    this.#out += 1;
    const at = (this.#newest - this.#out + FADE_SAMPLES) % FADE_SAMPLES;
    return (this.#heard[at] ?? 0) * (1 - this.#out / FADE_SAMPLES);
  }

  #fadeIn(sample: number): number {
    this.#out = 0;
    this.#heard[this.#newest] = sample;
    this.#newest = (this.#newest + 1) % FADE_SAMPLES;
    if (this.#in >= FADE_SAMPLES) return sample;
    this.#in += 1;
    return (sample * this.#in) / FADE_SAMPLES;
  }
}
