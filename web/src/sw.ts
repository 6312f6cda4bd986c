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

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open());
});

async function open(): Promise<void> {
  const [tab] = await self.clients.matchAll({ type: "window" });
  if (tab) await tab.focus();
  else await self.clients.openWindow("./");
}
