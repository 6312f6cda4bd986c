/** The service worker: the client's files, kept for offline starts. No keys, no API cache; waits until it is told. */
/// <reference lib="webworker" />
import { cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute } from "workbox-precaching";
import { NavigationRoute, registerRoute } from "workbox-routing";

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: { url: string; revision: string | null }[] };

precacheAndRoute(self.__WB_MANIFEST);
cleanupOutdatedCaches();

// Pages and calls of the server itself never come from the cache.
const SERVER = [/\/v1\//, /\/pub\//, /\/mod\//, /\/c\//, /\/transparency\//, /\/review$/];
registerRoute(new NavigationRoute(createHandlerBoundToURL("index.html"), { denylist: SERVER }));

self.addEventListener("message", (event) => {
  // "Update ready" was pressed.
  if (event.data === "take-over") void self.skipWaiting();
});

// A push says nothing but that something is there: whoever looks is told so, else one notification says it.
self.addEventListener("push", (event) => event.waitUntil(wake()));
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(tell("changed")));

/** Tell every tab; whether somebody looks at one. */
async function tell(word: string): Promise<boolean> {
  const tabs = await self.clients.matchAll({ type: "window" });
  for (const tab of tabs) tab.postMessage(word);
  return tabs.some((tab) => tab.visibilityState === "visible");
}

async function wake(): Promise<void> {
  if (await tell("wake")) return;
  // The page left the words here, in its language.
  const kept = await caches.match("words", { cacheName: "zajil-push" });
  const { title, ...words } = kept
    ? ((await kept.json()) as NotificationOptions & { title: string })
    : { title: "Zajil" };
  await self.registration.showNotification(title, { ...words, tag: "wake", icon: "icon-192.png" });
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open());
});

async function open(): Promise<void> {
  const [tab] = await self.clients.matchAll({ type: "window" });
  if (tab) await tab.focus();
  else await self.clients.openWindow("./");
}
