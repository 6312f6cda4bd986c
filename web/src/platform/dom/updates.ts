/** A newer client: found by the service worker, taken only when the person says so. */

interface Updates {
  on(listener: () => void): () => void;
  take(): void;
}

export function createUpdates(): Updates {
  const listeners = new Set<() => void>();
  let waiting: ServiceWorker | undefined;
  let taken = false;

  function found(worker: ServiceWorker | null): void {
    // The first worker of a fresh browser is no update.
    if (!worker || !navigator.serviceWorker.controller) return;
    waiting = worker;
    // What it has of the version before it need not come again; the rest should be there before it takes over.
    worker.postMessage("keep-all");
    for (const listener of listeners) listener();
  }

  async function watch(): Promise<void> {
    const registration = await navigator.serviceWorker.ready;
    found(registration.waiting);
    registration.addEventListener("updatefound", () => {
      const next = registration.installing;
      next?.addEventListener("statechange", () => {
        if (next.state === "installed") found(next);
      });
    });
  }

  if ("serviceWorker" in navigator) {
    void watch();
    navigator.serviceWorker.addEventListener("controllerchange", () => {
      if (taken) location.reload();
    });
  }

  return {
    on(listener) {
      listeners.add(listener);
      if (waiting) listener();
      return () => listeners.delete(listener);
    },
    take() {
      taken = true;
      if (waiting) waiting.postMessage("take-over");
      else location.reload();
    },
  };
}
