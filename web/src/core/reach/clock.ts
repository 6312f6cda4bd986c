/** The dialer's clock: begins at Unix time, never jumps back, and leaps over what the machine slept. */

const BEAT_MS = 20_000;
/** The wall's clock and the steady one drift; more than this is sleep, or somebody set the clock. */
const LEAP_S = 10;
/** After such a sleep the network may be another one. */
const SLEPT_S = 600;

export interface ClockParts {
  /** The machine slept for 10 minutes or more. */
  slept(): void;
  /** Some seconds passed. */
  beat(): void;
}

/** Begun at once; `close` ends it. */
export class Clock {
  #base = Date.now() / 1000 - performance.now() / 1000;
  #beatAt = this.now();
  readonly #parts: ClockParts;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(parts: ClockParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
  }

  /** Seconds. */
  now(): number {
    return this.#base + performance.now() / 1000;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const ahead = Date.now() / 1000 - this.now();
    if (ahead > LEAP_S) this.#base += ahead;
    const now = this.now();
    // Timers stand still with the machine, whatever the clocks do.
    const slept = now - this.#beatAt - BEAT_MS / 1000 > SLEPT_S;
    this.#beatAt = now;
    if (slept) this.#parts.slept();
    this.#parts.beat();
  }
}
