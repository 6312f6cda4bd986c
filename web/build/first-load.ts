/**
 * One chunk of what a page or a worker loads at its start, so that what is shared with a lazy part costs no request of
 * its own, and no name in each part that needs it. Lazy parts are named after their modules.
 */
import type { Rolldown } from "vite";

/** What is asked of a module: who imports it at once, and whether it is the worker's entry. */
interface Module {
  readonly isEntry: boolean;
  readonly importers: readonly string[];
}

/** Whether a module loads with the entry: by static imports alone. */
export function isOfFirstLoad(id: string, find: (id: string) => Module | null, seen = new Set<string>()): boolean {
  if (seen.has(id)) return false;
  seen.add(id);
  const found = find(id);
  return found !== null && (found.isEntry || found.importers.some((from) => isOfFirstLoad(from, find, seen)));
}

/** How the output is split: what loads with the entry lies in one chunk. */
export function oneStart(name: string): Rolldown.CodeSplittingOptions {
  const group: Rolldown.CodeSplittingGroup = {
    debugName: name,
    name: (id, context) => (isOfFirstLoad(id, (one) => context.getModuleInfo(one)) ? name : null),
    includeDependenciesRecursively: false,
  };
  return { groups: [group] };
}
