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
