/** What the browser says of the network: nothing certain, but `offline` is. */

export interface Network {
  /** False when there is certainly none. */
  online(): boolean;
  /** Tells every change. Answers a function that ends it. */
  listen(changed: (online: boolean) => void): () => void;
}

/** The worker's own `navigator.onLine`, with its events. */
export const browserNetwork: Network = {
  online: () => (globalThis.navigator as Navigator | undefined)?.onLine !== false,
  listen(changed) {
    const online = (): void => changed(true);
    const offline = (): void => changed(false);
    globalThis.addEventListener("online", online);
    globalThis.addEventListener("offline", offline);
    return () => {
      globalThis.removeEventListener("online", online);
      globalThis.removeEventListener("offline", offline);
    };
  },
};

/**
 * The address below which /v1 lies, of a script's own: that of the page, whose scripts stand in `assets` (while
 * developing, in `src`). The last of them counts: a host or a path before it may have the same name.
 */
export function serverOf(script: string): string {
  return script.replace(/^(.*\/)(?:assets|src)\/.*$/, "$1");
}
