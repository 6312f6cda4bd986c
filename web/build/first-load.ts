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

/**
 * How the output is split: what loads with the entry lies in one chunk.
 *
 * wholes: other modules, by the end of their path, each of which lies in one chunk with all that it needs at once and the
 * start has not; named after the module. alone: an entry, by the end of its path, that stays out of the start's chunk, so
 * that no lazy chunk imports it: WebKit runs the entry of a worker again then.
 */
export function oneStart(name: string, wholes: readonly string[] = [], alone?: string): Rolldown.CodeSplittingOptions {
  const group = (own: string, isRoot: (id: string) => boolean, priority: number): Rolldown.CodeSplittingGroup => ({
    debugName: own,
    name: (id, context) => {
      if (alone !== undefined && id.endsWith(alone)) return null;
      const find = (one: string): Module | null => {
        const found = context.getModuleInfo(one);
        return found && { isEntry: isRoot(one) || found.isEntry, importers: found.importers };
      };
      return isOfFirstLoad(id, find) ? own : null;
    },
    priority,
    includeDependenciesRecursively: false,
  });
  return {
    groups: [
      group(name, () => false, 2),
      ...wholes.map((whole) => group(nameOf(whole), (id) => id.endsWith(whole), 1)),
    ],
  };
}

const nameOf = (path: string): string => /(\w+)\.\w+$/.exec(path)?.[1] ?? path;
