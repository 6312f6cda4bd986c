/**
 * The service worker: the client's files, kept for starts without a server. No keys, no API cache; waits until it is told.
 *
 * It is there once it holds what reading, writing and queueing need, in the language of the page (`build/kept.ts` says
 * what comes later). The page then asks for the rest, which comes one file after another; what is used before is kept as
 * it comes. All but a few names carry a hash: what is kept under one never changes, and stays for the next version. The
 * others are compared with their own: a server that is being updated may give out an index of before beside this worker,
 * which would lead nowhere for as long as this one lives.
 */
/// <reference lib="webworker" />

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: unknown };

/** Hashed names; names that stay, with the hash of their contents as `integrity` has it; hashed names of what comes later. */
type Kept = [first: readonly string[], marked: Readonly<Record<string, string>>, later: readonly string[]];

// Written there by the build.
const [FIRST, MARKED, LATER] = self.__WB_MANIFEST as Kept;
const SCOPE = self.registration.scope;
const CACHE = `zajil-client ${SCOPE}`;
const HASHED = new Set([...FIRST, ...LATER]);
const LANES = 4;
// Pages and calls of the server itself never come from the cache.
const SERVER = [/\/v1\//, /\/pub\//, /\/mod\//, /\/c\//, /\/transparency\//, /\/review$/];

const addressOf = (name: string): string => new URL(name, SCOPE).href;
/** Where the present contents of a name that stays are kept. */
const markedAt = (name: string): string => `${addressOf(name)}?${MARKED[name] ?? ""}`;
/** Where it is written what this version has kept, for the next one. */
const NAMES = addressOf("?names");

/** Fetch and keep what is not kept yet. Rejects with the first that does not come whole; what came stays. */
async function keep(names: readonly string[], lanes: number): Promise<void> {
  const cache = await caches.open(CACHE);
  const waiting = [...names];
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const marked = Object.hasOwn(MARKED, name);
      const key = marked ? markedAt(name) : addressOf(name);
      if (await cache.match(key)) continue;
      const how: RequestInit = marked ? { cache: "reload", integrity: MARKED[name] ?? "" } : {};
      const answer = await fetch(addressOf(name), how);
      if (!isWhole(name, answer)) throw new TypeError(name);
      await cache.put(key, answer);
    }
  };
  await Promise.all(Array.from({ length: lanes }, work));
}

/** Nothing of a page that stands between us and the server, which is often a redirect and always a page. */
function isWhole(name: string, { status, redirected, headers }: Response): boolean {
  const isPage = headers.get("content-type")?.startsWith("text/html") === true;
  return status === 200 && !redirected && isPage === name.endsWith(".html");
}

/** The first files without the words of other languages. The page left its language here. */
async function firstNames(): Promise<string[]> {
  const left = await caches.match("language", { cacheName: "zajil-language" });
  const others = new RegExp(`/messages-(?!${(await left?.text()) ?? "en"}-)`);
  return [...Object.keys(MARKED), ...FIRST.filter((name) => !others.test(name))];
}

self.addEventListener("install", (event) => event.waitUntil(firstNames().then((names) => keep(names, LANES))));

/**
 * What no name of this version or of the one before leads to goes, with what other makers of this worker kept.
 *
 * A page of the one before may be open still and lead: the server has no more what it has yet to load.
 */
async function clean(): Promise<void> {
  const ours = [...[...FIRST, ...LATER].map(addressOf), ...Object.keys(MARKED).map(markedAt)];
  const cache = await caches.open(CACHE);
  const before = (await (await cache.match(NAMES))?.json()) as string[] | undefined;
  await cache.put(NAMES, new Response(JSON.stringify(ours)));
  // A newer one is on its way and keeps its files here, too. It does this when it is there.
  if (self.registration.installing) return;
  const stay = new Set([NAMES, ...ours, ...(before ?? [])]);
  for (const { url } of await cache.keys()) if (!stay.has(url)) await cache.delete(url);
  for (const name of await caches.keys())
    if (name.startsWith("workbox-precache") && name.endsWith(SCOPE)) await caches.delete(name);
}

self.addEventListener("activate", (event) => event.waitUntil(clean()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname, search, href } = new URL(request.url);
  if (request.method !== "GET" || !request.url.startsWith(SCOPE)) return;
  const isPage = request.mode === "navigate";
  if (isPage && SERVER.some((one) => one.test(pathname + search))) return;
  const name = isPage ? "index.html" : href.slice(SCOPE.length).replace(/[?#].*$/, "");
  if (Object.hasOwn(MARKED, name)) event.respondWith(answer(name, markedAt(name), request));
  // Those of the version before, too.
  else if (name.startsWith("assets/")) event.respondWith(answer(name, addressOf(name), request));
});

/** What is kept, else what the server says, which is kept where its name says what it is. */
async function answer(name: string, key: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(key);
  if (kept) return kept;
  const fresh = await fetch(request);
  if (HASHED.has(name) && isWhole(name, fresh)) await cache.put(key, fresh.clone()).catch(() => undefined);
  return fresh;
}

let rest: Promise<void> | undefined;

self.addEventListener("message", (event) => {
  // "Update ready" was pressed.
  if (event.data === "take-over") void self.skipWaiting();
  if (event.data !== "keep-all") return;
  // What does not come now is asked for by the next page.
  rest ??= keep([...FIRST, ...LATER, ...Object.keys(MARKED)], 1)
    .catch(() => undefined)
    .finally(() => (rest = undefined));
  event.waitUntil(rest);
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
export {};
