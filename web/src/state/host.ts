/** What main.ts hands to the view models: the way to the worker, and the browser around us. */
import type { Answer, CallName, CoreEvent } from "../core/api.ts";
import type { CallArguments, Link } from "../core/link.ts";
import type { Browser } from "../platform/browser.ts";

export interface Host {
  readonly link: Link;
  readonly browser: Browser;
}

let current: Host | undefined;

/** Once, before anything is mounted. */
export function useHost(next: Host): void {
  current = next;
}

function host(): Host {
  if (!current) throw new Error("no host: useHost comes first");
  return current;
}

export function browser(): Browser {
  return host().browser;
}

/** One call to the worker. Rejects with `CallFailed`. */
export function call<N extends CallName>(name: N, ...args: CallArguments<N>): Promise<Answer<N>> {
  return host().link.call(name, ...args);
}

/** Every event of the worker. Answers a function that ends the listening. */
export function listen(listener: (event: CoreEvent) => void): () => void {
  return host().link.on(listener);
}
