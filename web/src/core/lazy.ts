/** Code that loads when it is first needed. */
import { error } from "../protocol/errors.ts";

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
