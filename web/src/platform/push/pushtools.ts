/** The browser's push subscription, and what passes between the page and its service worker. */

/** endpoint: of the push service. p256dh, auth, key: base64url; key is the server's that it was made for. */
export interface Subscription {
  readonly endpoint: string;
  readonly p256dh: string;
  readonly auth: string;
  readonly key: string;
}

/** What the service worker shows. */
export interface WakeWords {
  readonly title: string;
  readonly body: string;
  readonly lang: string;
  readonly dir: "ltr" | "rtl";
}

export interface PushTools {
  /** install: on iOS only pages on the home screen can be woken. */
  support(): "yes" | "no" | "install";
  /** The service worker has this page: the browser was here before, and keeps the client. */
  isKept(): boolean;
  current(): Promise<Subscription | undefined>;
  /** Rejects with a DOMException where the browser or its push service refuses. */
  subscribe(key: string): Promise<Subscription>;
  unsubscribe(): Promise<void>;
  /** One at a time in all tabs. */
  alone(work: () => Promise<void>): Promise<void>;
  keepWords(words: WakeWords): Promise<void>;
  /** Take the notification of a push away: somebody looks. */
  clear(): Promise<void>;
  /** wake: a push came; changed: the browser gave the subscription up. Answers what ends the listening. */
  onWord(listener: (word: "wake" | "changed") => void): () => void;
}

const CACHE = "zajil-push";

function encode(bytes: ArrayBuffer | null): string {
  const text = String.fromCharCode(...new Uint8Array(bytes ?? new ArrayBuffer(0)));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

function read(found: PushSubscription): Subscription {
  return {
    endpoint: found.endpoint,
    p256dh: encode(found.getKey("p256dh")),
    auth: encode(found.getKey("auth")),
    key: encode(found.options.applicationServerKey),
  };
}

const registration = (): Promise<ServiceWorkerRegistration> => navigator.serviceWorker.ready;

export const pushTools: PushTools = {
  support() {
    if ("serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis) return "yes";
    return "standalone" in navigator && !navigator.standalone ? "install" : "no";
  },
  isKept: () => navigator.serviceWorker.controller !== null,
  async current() {
    const found = await (await registration()).pushManager.getSubscription();
    return found === null ? undefined : read(found);
  },
  async subscribe(key) {
    const { pushManager } = await registration();
    return read(await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: decode(key) }));
  },
  async unsubscribe() {
    await (await (await registration()).pushManager.getSubscription())?.unsubscribe();
  },
  alone: async (work) => {
    await navigator.locks.request(CACHE, work);
  },
  async keepWords(words) {
    await (await caches.open(CACHE)).put("words", new Response(JSON.stringify(words)));
  },
  async clear() {
    for (const shown of await (await registration()).getNotifications({ tag: "wake" })) shown.close();
  },
  onWord(listener) {
    const heard = ({ data }: MessageEvent<unknown>): void => {
      if (data === "wake" || data === "changed") listener(data);
    };
    navigator.serviceWorker.addEventListener("message", heard);
    return () => navigator.serviceWorker.removeEventListener("message", heard);
  },
};
