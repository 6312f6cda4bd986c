/** A world that a file of tests makes once: each test gets a copy, which costs a fraction of the making. */
import { Person, World } from "./people.ts";

/**
 * What `make` gives, made at the first call: its world settled, people in that world, ids. Each call gets a copy of the
 * world, and its people in place of the first ones; what else a test needs is made over the copy.
 */
export function copies<T extends { readonly [K in keyof T]: World | Person | string } & { readonly world: World }>(
  make: () => Promise<T>,
): () => Promise<T> {
  let made: Promise<T> | undefined;
  return async () => {
    const first = await (made ??= make());
    const world = await first.world.copy();
    const ofCopy = (value: unknown): unknown => {
      if (value instanceof World) return world;
      return value instanceof Person ? world.people[first.world.people.indexOf(value)] : value;
    };
    return Object.fromEntries(Object.entries(first).map(([name, value]) => [name, ofCopy(value)])) as unknown as T;
  };
}
