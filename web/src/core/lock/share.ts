/**
 * The KEK of an open lock, in the memory of every tab's worker: whichever of them takes the lead next opens the store
 * without asking again. It never rests on the disk, cannot be exported, and is forgotten with the closing.
 */
import type { Kek } from "../store/index.ts";

type Word = { readonly kek: Kek | null } | { readonly want: true };

export class KekShare {
  kek: Kek | undefined;
  /** This worker leads: it tells those that come. */
  #leads = false;
  readonly #channel: BroadcastChannel;

  constructor(profile: string) {
    this.#channel = new BroadcastChannel(`zajil-lock:${profile}`);
    // Only this client's own workers reach it.
    this.#channel.onmessage = ({ data }: MessageEvent<Word>) => {
      if (!("want" in data)) this.kek = data.kek ?? undefined;
      else if (this.#leads) this.#tell();
    };
    this.#channel.postMessage({ want: true } satisfies Word);
  }

  /** What the leader knows. kek: undefined where the lock is off or closed. */
  tell(kek: Kek | undefined): void {
    this.kek = kek;
    this.#leads = true;
    this.#tell();
  }

  #tell(): void {
    try {
      this.#channel.postMessage({ kek: this.kek ?? null } satisfies Word);
    } catch {
      // A browser that hands no keys over: the next leader finds the lock closed, and asks.
    }
  }
}
