/** Calls whose code loads with the first of them, as a chunk of its own (docs/develop/developing.md, "Lazy parts"). */
import type { CallName } from "../../api.ts";
import { once } from "../../lazy.ts";
import type { Handlers } from "../handlers.ts";

/**
 * Handlers of these names that load their module and make theirs with it once, and then are those.
 *
 * Calls run in the order in which they came, also those that came while it loaded. What cannot be loaded rejects with
 * `unreachable`, and the next call tries again.
 */
export function lazyVerbs<const N extends CallName, M>(
  names: readonly N[],
  load: () => Promise<M>,
  make: (module: M) => Handlers<N> | Promise<Handlers<N>>,
): Handlers<N> {
  const open = once(load, make);
  // Each name has its own arguments, on both sides: the type says so, and the table of `device.ts` is whole.
  const call = (name: N) => async (args: never) =>
    ((await open()) as unknown as Record<N, (args: never) => Promise<unknown>>)[name](args);
  return Object.fromEntries(names.map((name) => [name, call(name)])) as unknown as Handlers<N>;
}
