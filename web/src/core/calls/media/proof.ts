/** What we tell a device of an attempt of its own: `got` once a frame of it opened, `lost` when its sound stays away. */
import type { Shared } from "./shared.ts";

/** Without a valid audio frame for this long a link is lost. */
export const SILENCE_MS = 600;
/** Either is said again, for it may not have arrived: no signal of a link is kept for who is not connected. */
const AGAIN_MS = 2_000;
const TIMES = 3;

export class Proof {
  /** We have said `got`, and not `lost` since. */
  alive = false;
  /** Since when. */
  aliveAtMs = 0;
  readonly #of: { readonly leaf: number; readonly pc: number };
  readonly #shared: Pick<Shared, "signal" | "nowMs" | "changed">;
  /** How often we said what holds now; 0 where it was not said, because another attempt is heard. */
  #said = 0;
  #saidAtMs = 0;

  constructor(
    of: { readonly leaf: number; readonly pc: number },
    shared: Pick<Shared, "signal" | "nowMs" | "changed">,
  ) {
    this.#of = of;
    this.#shared = shared;
  }

  /** A frame opened. */
  opened(): void {
    if (this.alive) return;
    this.alive = true;
    this.aliveAtMs = this.#shared.nowMs();
    this.#said = 0;
    this.sayGot(this.aliveAtMs);
    this.#shared.changed(this.#of.leaf);
  }

  sayGot(nowMs: number): void {
    this.#say("got", nowMs);
  }

  #say(t: "got" | "lost", nowMs: number): void {
    this.#said++;
    this.#saidAtMs = nowMs;
    this.#shared.signal(this.#of.leaf, { t, pc: this.#of.pc });
  }

  #isDueAgain(nowMs: number): boolean {
    return this.#said > 0 && this.#said < TIMES && nowMs - this.#saidAtMs >= AGAIN_MS;
  }

  /** silent: its sound stays away. others: whether another attempt is heard; then this one's silence is nothing. */
  tick(nowMs: number, at: { readonly silent: boolean; readonly others: boolean }): void {
    if (!this.alive) {
      if (!at.others && this.#isDueAgain(nowMs)) this.#say("lost", nowMs);
    } else if (at.silent) {
      this.alive = false;
      this.#said = 0;
      if (!at.others) this.#say("lost", nowMs);
    } else if (this.#isDueAgain(nowMs)) this.sayGot(nowMs);
  }
}
