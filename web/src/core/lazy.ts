/** Code that loads when it is first needed. */
import { error } from "../protocol/errors.ts";

/** Pauses before what has to come is asked for again. */
const AGAIN_MS = [500, 2_000];

/** What `load` answers, at the third try at the latest. Rejects with `unreachable`. what: for who reads the log. */
export async function insist<T>(what: string, load: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await load();
    } catch {
      const pause = AGAIN_MS[tries];
      if (pause === undefined) throw error("unreachable", what);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/** What is made of a module that loads at the first call; the same each time. Rejects with `unreachable`. */
export function once<M, T>(load: () => Promise<M>, make: (module: M) => T | Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= load()
      .catch((problem: unknown) => {
        throw error("unreachable", problem instanceof Error ? problem.name : "");
      })
      .then(make)
      .catch((problem: unknown) => {
        made = undefined;
        throw problem;
      });
    return made;
  };
}
