/**
 * The KEK of an open lock, in the memory of every tab's worker: whichever of them takes the lead next opens the store
 * without asking again. It never rests on the disk, cannot be exported, and is forgotten with the closing.
 */
import type { Kek } from "../store/index.ts";

/** How long the lock may stay open. seen: when somebody was last there, Unix ms. afterMs: without anybody, 0 = for ever. */
export interface Presence {
  readonly seen: number;
  readonly afterMs: number;
}

type Word = { readonly kek: Kek | null; readonly presence?: Presence } | { readonly want: true };

export class KekShare {
  kek: Kek | undefined;
  /** Absent where nobody counted yet. */
  presence: Presence | undefined;
  /** This worker leads: it tells those that come. */
  #leads = false;
  readonly #channel: BroadcastChannel;

  constructor(profile: string) {
    this.#channel = new BroadcastChannel(`zajil-lock:${profile}`);
    // Only this client's own workers reach it.
    this.#channel.onmessage = ({ data }: MessageEvent<Word>) => {
      if ("want" in data) {
        if (this.#leads) this.#tell();
      } else [this.kek, this.presence] = [data.kek ?? undefined, data.presence];
    };
    this.#channel.postMessage({ want: true } satisfies Word);
  }

  /** What the leader knows. kek: undefined where the lock is off or closed. */
  tell(kek: Kek | undefined): void {
    this.kek = kek;
    this.#leads = true;
    this.#tell();
  }

  /** Another worker leads from now on. */
  leave(): void {
    this.#leads = false;
  }

  /** Whoever leads next goes on counting from there. */
  note(presence: Presence | undefined): void {
    this.presence = presence;
    if (this.#leads) this.#tell();
  }

  /** The KEK, where whoever takes the lead now may open with it: the time did not run out while nobody led. */
  kekAt(now: number): Kek | undefined {
    return this.presence !== undefined && isOver(this.presence, now) ? undefined : this.kek;
  }

  close(): void {
    this.#channel.close();
  }

  #tell(): void {
    const { kek = null, presence } = this;
    try {
      this.#channel.postMessage({ kek, ...(presence && { presence }) } satisfies Word);
    } catch {
      // A browser that hands no keys over: the next leader finds the lock closed, and asks.
    }
  }
}

/** Whether nobody was there for so long. */
export function isOver({ seen, afterMs }: Presence, now: number): boolean {
  return afterMs > 0 && now - seen >= afterMs;
}
