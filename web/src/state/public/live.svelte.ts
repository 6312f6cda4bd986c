/**
 * What happens in the channels that are followed or on screen: one long poll of this tab, while anything listens and the
 * tab is seen. Whoever was away too long gets `gap` and reads its lists again.
 */
import { codeOf } from "../../i18n/errors.ts";
import { browser } from "../host.ts";
import { session } from "../session.svelte.ts";
import { personas } from "./personas.svelte.ts";
import type { PublicEvent } from "./shapes.ts";
import { type As, updates } from "./space.ts";

export type Heard = { readonly gap: true } | { readonly gap: false; readonly event: PublicEvent };
type Listener = (heard: Heard) => void;

const WAIT_S = 25;
const AGAIN_MS = 1_000;
const MOST_AGAIN_MS = 60_000;
/** Codes that no second try changes: there is no public space, or this persona may not ask. */
const HOPELESS = ["no-such-route", "persona-suspended", "stopped"];

class Live {
  readonly #listeners = new Map<Listener, string | undefined>();
  /** Of the poll that counts; an older one ends when its answer is there. */
  #turn = 0;
  #watching = false;
  #after: string | undefined;
  #as: As;
  /** How often the cursor went on. What was read before it did may lack what it went past for others. */
  moves = 0;

  /** Follow the persona's channels, and this one if it is named. Answers what ends it. */
  follow(listener: Listener, channel?: string): () => void {
    if (!this.#watching) browser().onVisibility((visible) => visible && this.restart());
    this.#watching = true;
    this.#listeners.set(listener, channel);
    this.#begin();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#turn += 1;
    };
  }

  /** Another persona, another set of channels, or the tab is seen again. */
  restart(): void {
    if (this.#listeners.size > 0) this.#begin();
  }

  #begin(): void {
    this.#turn += 1;
    // Several screens come in together: one poll for all of them.
    const turn = this.#turn;
    queueMicrotask(() => {
      if (turn === this.#turn) void this.#run(turn);
    });
  }

  async #run(turn: number): Promise<void> {
    let pause = AGAIN_MS;
    const as = await personas.known();
    if (as !== this.#as) this.#after = undefined;
    this.#as = as;
    while (turn === this.#turn && session.visible) {
      const channels = [...new Set([...this.#listeners.values()].flatMap((id) => id ?? []))].slice(-5);
      if (as === undefined && channels.length === 0) return;
      try {
        const first = this.#after === undefined;
        const found = await updates(as, channels, this.#after, first ? 0 : WAIT_S);
        if (turn !== this.#turn) return;
        if (this.#after !== found.next) this.moves += 1;
        this.#after = found.next;
        pause = AGAIN_MS;
        // What came between a list and the first cursor is in neither: the lists are read once more.
        if (first || found.gap) this.#tell({ gap: true });
        for (const event of found.events) this.#tell({ gap: false, event });
      } catch (error) {
        if (HOPELESS.includes(codeOf(error))) return;
        await new Promise((resolve) => setTimeout(resolve, pause));
        pause = Math.min(2 * pause, MOST_AGAIN_MS);
      }
    }
  }

  #tell(heard: Heard): void {
    for (const listener of [...this.#listeners.keys()]) listener(heard);
  }
}

export const live = new Live();
