/**
 * Sound of one peer in the media room, put back in time; twin of zajil.protocol.calls.jitter, which tells the theory.
 *
 * Times are whole ms of one clock that never goes back. Every number is a whole number, so that both languages agree.
 * Reads no clock.
 */
export const FRAME_MS = 40;
const [TARGET_START_MS, TARGET_LEAST_MS, TARGET_MOST_MS] = [200, 150, 400];
/** Above what 95 of 100 frames need. */
const SPARE_MS = 20;
/** The target shrinks by one in so many. */
const SHRINK_MS = 100;
/** So far the delay may be off the target, beside what a frame's length makes it. */
const SLACK_MS = 10;
const [FASTEST_S, DELAYS_MS, DOUBLE_MS, LATE_MS, LEAP_MS] = [10, 5_000, 2_000, 1_000, 5_000];
/** After so many gaps in a row nothing is played until a frame comes. */
const REST_FRAMES = 25;
const LEVELS = 25;
/** Of two frames that are left out although they are not quiet. */
const APART = 4;
export const FRAMES_MOST = 64;
/** Of the sequence numbers, delays and outcomes that are remembered: more than honest senders need. */
export const NOTES_MOST = 256;

export type Outcome = "kept" | "late" | "double";
/** `play`: 40 ms of sound. `gap`: 40 ms without. `wait`: nothing is due until then; null: until a frame comes. */
export type Pulled =
  | { readonly t: "play"; readonly payload: Uint8Array }
  | { readonly t: "gap" }
  | { readonly t: "wait"; readonly until: number | null };

/** How late frames come: the fastest of 10 s, and what covers nearly all of 5 s. */
class Delays {
  fastest = 0;
  target = TARGET_START_MS;
  #minima: [second: number, least: number][] = [];
  #delays: [at: number, delay: number][] = [];
  #shrunkAt: number | undefined;

  /** From a frame's `ts` to its play time. */
  get needed(): number {
    return this.fastest + this.target;
  }

  note(delay: number, now: number): void {
    const second = Math.floor(now / 1000);
    const last = this.#minima.at(-1);
    if (last?.[0] === second) last[1] = Math.min(last[1], delay);
    else this.#minima.push([second, delay]);
    this.#minima = this.#minima.filter(([at]) => at > second - FASTEST_S);
    this.#delays.push([now, delay]);
    this.#delays = this.#delays.filter(([at]) => at > now - DELAYS_MS).slice(-NOTES_MOST);
    this.fastest = Math.min(...this.#minima.map(([, least]) => least));
    const ranked = this.#delays.map(([, one]) => one).sort((one, other) => one - other);
    const covering = (ranked[Math.ceil((95 * ranked.length) / 100) - 1] ?? 0) - this.fastest + SPARE_MS;
    this.#aim(Math.max(TARGET_LEAST_MS, Math.min(TARGET_MOST_MS, covering)), now);
  }

  #aim(wanted: number, now: number): void {
    if (wanted >= this.target || this.#shrunkAt === undefined) {
      this.target = Math.max(wanted, this.target);
      this.#shrunkAt = now;
      return;
    }
    const steps = Math.floor((now - this.#shrunkAt) / SHRINK_MS);
    this.#shrunkAt += steps * SHRINK_MS;
    this.target = Math.max(wanted, this.target - steps);
  }
}

/**
 * The sound of one attempt of one leaf. `push` what was opened, as it comes; `pull` until `wait`; of each `play`,
 * `leavesOut` says whether to be silent about it. Throws nothing.
 */
export class JitterBuffer {
  /** Frames pushed, by what became of them. Those that a full buffer let go of count as late. */
  kept = 0;
  late = 0;
  doubles = 0;
  /** Frames pulled: of sound; gaps for want of sound; gaps put in; and sound that was left out. */
  played = 0;
  gaps = 0;
  stretched = 0;
  leftOut = 0;
  restarts = 0;
  #delays = new Delays();
  readonly #frames = new Map<number, Uint8Array>();
  readonly #seen = new Map<number, number>();
  #outcomes: [at: number, late: boolean][] = [];
  #levels: number[] = [];
  #sinceLeftOut = 0;
  #now: number | undefined;
  #newest = 0;
  #newestAt = 0;
  #out: number | null = null;
  #place = 0;
  #empty = 0;
  #lateSince: number | undefined;

  /** How long the fastest frame should wait. */
  get targetMs(): number {
    return this.#delays.target;
  }

  /** How long it does wait; the target while nothing plays. */
  get delayMs(): number {
    return this.#out === null ? this.targetMs : this.#out - this.#place - this.#delays.fastest;
  }

  /** How many frames, and how many numbers and outcomes, are held. */
  get held(): { readonly frames: number; readonly notes: number } {
    return { frames: this.#frames.size, notes: Math.max(this.#seen.size, this.#outcomes.length) };
  }

  /** Of the frames that came in the last second, how many were late. */
  latePerMille(nowMs: number): number {
    this.#outcomes = this.#outcomes.filter(([at]) => at > nowMs - 1000);
    const late = this.#outcomes.filter(([, was]) => was).length;
    return this.#outcomes.length > 0 ? Math.floor((1000 * late) / this.#outcomes.length) : 0;
  }

  /** Take a frame that was opened. seq: u16. ts: u32, ms. Of doubles within 2 s the first one counts. */
  push(seq: number, ts: number, arrivalMs: number, payload: Uint8Array): Outcome {
    const now = this.#now === undefined ? arrivalMs : Math.max(this.#now, arrivalMs);
    if (this.#isDouble(seq, now)) {
      this.doubles += 1;
      return "double";
    }
    const place = this.#unwrap(ts, now);
    this.#now = now;
    if (this.#frames.has(place)) {
      this.doubles += 1;
      return "double";
    }
    this.#delays.note(now - place, now);
    if (this.#isLate(place, now)) {
      this.#lateSince ??= now;
      if (now - this.#lateSince < LATE_MS) {
        this.late += 1;
        this.#noteOutcome(now, true);
        return "late";
      }
      this.#restart(place, now);
    }
    this.#keep(place, payload, now);
    return "kept";
  }

  #isDouble(seq: number, now: number): boolean {
    for (const [old, at] of this.#seen) if (now - at >= DOUBLE_MS) this.#seen.delete(old);
    if (this.#seen.has(seq)) return true;
    const [oldest] = this.#seen.keys();
    if (this.#seen.size === NOTES_MOST && oldest !== undefined) this.#seen.delete(oldest);
    this.#seen.set(seq, now);
    return false;
  }

  /** The place of a frame; the clock begins anew where `ts` leaps. */
  #unwrap(ts: number, now: number): number {
    // The difference of two u32, as a number with a sign.
    const leap = (ts - this.#newest) | 0;
    if (this.#now === undefined || Math.abs(leap - (now - this.#newestAt)) > LEAP_MS) {
      if (this.#now !== undefined) this.#restart(ts, now);
      [this.#newest, this.#newestAt] = [ts, now];
      return ts;
    }
    const place = this.#newest + leap;
    if (leap > 0) [this.#newest, this.#newestAt] = [place, now];
    return place;
  }

  #isLate(place: number, now: number): boolean {
    if (this.#out === null) return place + this.#delays.needed < now;
    return place + FRAME_MS / 2 < this.#place;
  }

  #restart(place: number, now: number): void {
    this.restarts += 1;
    this.#frames.clear();
    this.#out = null;
    this.#lateSince = undefined;
    this.#delays = new Delays();
    this.#delays.note(now - place, now);
    [this.#newest, this.#newestAt] = [place, now];
  }

  #noteOutcome(now: number, late: boolean): void {
    this.#outcomes = [...this.#outcomes.slice(1 - NOTES_MOST), [now, late]];
  }

  #keep(place: number, payload: Uint8Array, now: number): void {
    this.kept += 1;
    this.#noteOutcome(now, false);
    this.#lateSince = undefined;
    this.#frames.set(place, payload);
    if (this.#out === null) {
      [this.#place, this.#out, this.#empty] = [place, place + this.#delays.needed, 0];
    } else if (this.#frames.size > FRAMES_MOST) {
      this.#frames.delete(Math.min(...this.#frames.keys()));
      this.late += 1;
    }
  }

  /** What is due: the next 40 ms, or nothing yet. */
  pull(nowMs: number): Pulled {
    if (this.#out === null || nowMs < this.#out) return { t: "wait", until: this.#out };
    if (nowMs - this.#out > LATE_MS) this.#skip(this.#out, Math.floor((nowMs - this.#out) / FRAME_MS));
    const stretches = this.#out - this.#place < this.#delays.needed - SLACK_MS;
    this.#out += FRAME_MS;
    if (stretches) {
      this.stretched += 1;
      return { t: "gap" };
    }
    const first = Math.min(...this.#frames.keys());
    const payload = first < this.#place + FRAME_MS / 2 ? this.#frames.get(first) : undefined;
    if (payload) {
      this.#frames.delete(first);
      [this.#place, this.#empty] = [first + FRAME_MS, 0];
      this.played += 1;
      return { t: "play", payload };
    }
    this.#place += FRAME_MS;
    this.gaps += 1;
    this.#empty = this.#frames.size > 0 ? 0 : this.#empty + 1;
    if (this.#empty >= REST_FRAMES) this.#out = null;
    return { t: "gap" };
  }

  /** Nobody pulled for a while: what was due then is over. */
  #skip(out: number, frames: number): void {
    this.#out = out + frames * FRAME_MS;
    this.#place += frames * FRAME_MS;
    for (const place of this.#frames.keys()) {
      if (place + FRAME_MS / 2 >= this.#place) continue;
      this.#frames.delete(place);
      this.late += 1;
    }
  }

  /**
   * Whether the frame that was just pulled is left out, because there is more delay than needed.
   *
   * level: how loud it is, in any unit. It is left out when it is the quietest of a second, or when there are two
   * frames too many. Then the next one is due at once.
   */
  leavesOut(level: number): boolean {
    this.#levels = [...this.#levels.slice(1 - LEVELS), level];
    this.#sinceLeftOut += 1;
    if (this.#out === null) return false;
    const excess = this.#out - this.#place - this.#delays.needed - SLACK_MS;
    const quiet = this.#levels.length === LEVELS && level <= Math.min(...this.#levels);
    const tooMuch = excess > 2 * FRAME_MS && this.#sinceLeftOut >= APART;
    if (excess < FRAME_MS || !(quiet || tooMuch)) return false;
    this.#out -= FRAME_MS;
    this.#sinceLeftOut = 0;
    this.leftOut += 1;
    return true;
  }
}
