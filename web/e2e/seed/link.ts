/**
 * The page's side of a worker that is not there: the interface of core/link.ts over seeded data and a fixed clock.
 * `vite --mode seed` puts it in place of core/link.ts; it is never part of the product. `?scene=NAME` chooses the world;
 * `globalThis.zajilSeed` lets a test push it on (ticks, incoming messages, typing, connection).
 */
import type { Answer, CallName, Connection, CoreEvent, Failure, Health, HistoryProgress } from "../../src/core/api.ts";
import { CallFailed, type CallArguments, type Link } from "../../src/core/link.ts";
import { Refused } from "./answers.ts";
import { RINGS } from "./callside.ts";
import { createSeed, type Seed } from "./calls.ts";
import { worldOf } from "./scenes.ts";

export { CallFailed } from "../../src/core/link.ts";
export type { CallArguments, Link, WorkerLike } from "../../src/core/link.ts";

const CATEGORY: Record<string, Failure["category"]> = {
  unreachable: "unavailable",
  "gate-required": "refused",
  "slow-down": "limited",
  gone: "refused",
};

/** What tests call in the page. */
export interface SeedHandle {
  readonly scene: string;
  /** Own messages of a chat move one tick on: queued, sending, sent, delivered, read. */
  advance(chat: string): void;
  incoming(chat: string, text: string): void;
  typing(chat: string): void;
  connection(change: Partial<Connection>): void;
  health(change: Partial<Health>): void;
  history(progress: HistoryProgress): void;
  readonly seed: Seed;
}

declare global {
  var zajilSeed: SeedHandle | undefined;
}

function failed(error: unknown): CallFailed {
  const code = error instanceof Refused ? error.code : "internal";
  if (!(error instanceof Refused)) console.error(error);
  return new CallFailed({ code, category: CATEGORY[code] ?? "local" });
}

/** Starts the seed. The worker, if one is given, is not used. */
export function connect(worker?: unknown): Link {
  (worker as { terminate?: () => void } | undefined)?.terminate?.();
  const scene = new URLSearchParams(location.search).get("scene") ?? "busy";
  const listeners = new Set<(event: CoreEvent) => void>();
  let stopped = false;
  const seed = createSeed(worldOf(scene), (event) => {
    queueMicrotask(() => {
      for (const listener of [...listeners]) listener(event);
    });
  });
  if (RINGS.includes(scene))
    setTimeout(() => {
      for (const listener of [...listeners]) listener({ event: "calling", chat: "" });
    });
  globalThis.zajilSeed = {
    scene,
    seed,
    advance: (chat) => seed.advance(chat),
    incoming: (chat, text) => seed.incoming(chat, text),
    typing: (chat) => seed.typing(chat),
    connection: (change) => seed.change({ connection: change }),
    health: (change) => seed.change({ health: change }),
    history: (progress) => {
      for (const listener of [...listeners]) listener({ event: "history", progress });
    },
  };
  return {
    async call<N extends CallName>(name: N, ...args: CallArguments<N>): Promise<Answer<N>> {
      if (stopped) throw new CallFailed({ code: "stopped", category: "local" });
      if (seed.world.silent.has(name)) return new Promise<Answer<N>>(() => undefined);
      await Promise.resolve();
      const code = seed.world.refuse.get(name);
      if (code !== undefined) throw failed(new Refused(code));
      try {
        return seed.answer(name, args[0]) as Answer<N>;
      } catch (error) {
        throw failed(error);
      }
    },
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    setVisible: () => undefined,
    stop() {
      stopped = true;
      listeners.clear();
    },
  };
}
