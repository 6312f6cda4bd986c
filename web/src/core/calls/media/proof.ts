/** What we tell a device of an attempt of its own: `got` once a frame of it opened, `lost` when its sound stays away. */
import type { Shared } from "./shared.ts";

/** Without a valid audio frame for this long a link is lost. */
export const SILENCE_MS = 600;
/** `got` is said again, for it may not have arrived. */
const GOT_AGAIN_MS = 2_000;
const GOTS = 3;

export class Proof {
  /** We have said `got`, and not `lost` since. */
  alive = false;
  /** Since when. */
  aliveAtMs = 0;
  readonly #of: { readonly leaf: number; readonly pc: number };
  readonly #shared: Pick<Shared, "signal" | "nowMs" | "changed">;
  #gots = 0;
  #gotAtMs = 0;

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
    this.#gots = 0;
    this.sayGot(this.aliveAtMs);
    this.#shared.changed(this.#of.leaf);
  }

  sayGot(nowMs: number): void {
    this.#gots++;
    this.#gotAtMs = nowMs;
    this.#shared.signal(this.#of.leaf, { t: "got", pc: this.#of.pc });
  }

  /** silentMs: since its last sound. others: whether another attempt is heard; then this one's silence is nothing. */
  tick(nowMs: number, at: { readonly silentMs: number; readonly limitMs: number; readonly others: boolean }): void {
    if (!this.alive) return;
    if (at.silentMs >= at.limitMs) {
      this.alive = false;
      if (!at.others) this.#shared.signal(this.#of.leaf, { t: "lost", pc: this.#of.pc });
    } else if (this.#gots < GOTS && nowMs - this.#gotAtMs >= GOT_AGAIN_MS) this.sayGot(nowMs);
  }
}
