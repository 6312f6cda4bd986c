/** The service worker over caches and a server of its own: what it keeps first, what later, what it gives out, what goes. */
import { hash } from "node:crypto";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const SCOPE = "https://zajil.example/base/";
const FIRST = [
  "assets/index-aaaaaaaa.js",
  "assets/messages-en-first-aaaaaaaa.js",
  "assets/messages-ru-first-aaaaaaaa.js",
];
const contentsOf = (name: string): string => `contents of ${name}`;
const markOf = (text: string): string => `sha256-${hash("sha256", text, "base64")}`;
const MARKED = Object.fromEntries(["index.html", "boot.js"].map((name) => [name, markOf(contentsOf(name))]));
const LATER = ["assets/calls-aaaaaaaa.js", "assets/kept-aaaaaaaa.js"];

type Heard = (event: Record<string, unknown>) => void;
let listeners: Map<string, Heard>;
let stored: Map<string, Map<string, string>>;
/** Names that the server was asked for, and those that it does not give out. */
let asked: string[];
let missing: Set<string>;
/** Names under which it gives out what another version has there. */
let other: Set<string>;
/** What answers in the place of the server. */
let portal: "redirect" | "page" | undefined;
let registration: { readonly scope: string; installing: object | null };

const textOf = (input: string | { readonly url: string }): string =>
  new URL(typeof input === "string" ? input : input.url, SCOPE).href;

function cacheOf(name: string) {
  const held = stored.get(name) ?? new Map<string, string>();
  stored.set(name, held);
  const found = (key: string) => (held.has(key) ? new Response(held.get(key)) : undefined);
  return {
    match: (input: string) => Promise.resolve(found(textOf(input))),
    put: async (input: string, answer: Response) => void held.set(textOf(input), await answer.text()),
    keys: () => Promise.resolve([...held.keys()].map((url) => ({ url }))),
    delete: (input: string) => Promise.resolve(held.delete(textOf(input))),
  };
}

async function fetched(input: string | { readonly url: string }, { integrity }: RequestInit = {}): Promise<Response> {
  const url = textOf(input);
  const name = url.slice(SCOPE.length);
  asked.push(name);
  await Promise.resolve();
  if (missing.has(name)) return new Response("", { status: 404 });
  const text = portal === "page" ? "log in here" : other.has(name) ? `other ${contentsOf(name)}` : contentsOf(name);
  if (integrity && integrity !== markOf(text)) throw new TypeError("integrity");
  const kind = portal === "page" || name.endsWith(".html") ? "text/html; charset=utf-8" : "text/javascript";
  const answer = new Response(text, { headers: { "content-type": kind } });
  if (portal === "redirect") Object.defineProperty(answer, "redirected", { value: true });
  return answer;
}

beforeEach(async () => {
  listeners = new Map();
  stored = new Map();
  asked = [];
  missing = new Set();
  other = new Set();
  portal = undefined;
  registration = { scope: SCOPE, installing: null };
  const scope = {
    __WB_MANIFEST: [FIRST, MARKED, LATER],
    registration,
    location: new URL("sw.js", SCOPE),
    addEventListener: (kind: string, heard: Heard) => listeners.set(kind, heard),
  };
  vi.stubGlobal("self", scope);
  vi.stubGlobal("fetch", fetched);
  vi.stubGlobal("caches", {
    open: (name: string) => Promise.resolve(cacheOf(name)),
    match: (input: string, { cacheName }: { cacheName: string }) =>
      stored.has(cacheName) ? cacheOf(cacheName).match(input) : Promise.resolve(undefined),
    keys: () => Promise.resolve([...stored.keys()]),
    delete: (name: string) => Promise.resolve(stored.delete(name)),
  });
  vi.resetModules();
  await import("./sw.ts");
});
afterEach(() => vi.unstubAllGlobals());

/** Let an event happen; what it waits for. */
async function happen(kind: string, event: Record<string, unknown> = {}): Promise<void> {
  let waits: Promise<unknown> = Promise.resolve();
  listeners.get(kind)?.({ ...event, waitUntil: (work: Promise<unknown>) => (waits = work) });
  await waits;
}

/** What a page gets for a name; undefined where it goes past the worker. */
async function give(name: string, mode = "cors"): Promise<string | undefined> {
  let answer: Promise<Response> | undefined;
  const request = { url: textOf(name), method: "GET", mode };
  listeners.get("fetch")?.({ request, respondWith: (given: Promise<Response>) => (answer = given) });
  return (await answer)?.text();
}

const kept = (): string[] =>
  [...(stored.get(`zajil-client ${SCOPE}`)?.keys() ?? [])].map((url) => url.slice(SCOPE.length));

test.each([
  [undefined, "en"],
  ["ru", "ru"],
])("first come the files without the words of others than %s", async (language, own) => {
  if (language !== undefined) await cacheOf("zajil-language").put("language", new Response(language));
  await happen("install");
  expect(kept().sort()).toEqual(
    ["assets/index-aaaaaaaa.js", `assets/messages-${own}-first-aaaaaaaa.js`]
      .concat(Object.entries(MARKED).map(([name, mark]) => `${name}?${mark}`))
      .sort(),
  );
});

test("it is not there where one of them does not come, and fetches no file twice", async () => {
  missing.add("boot.js");
  await expect(happen("install")).rejects.toThrow("boot.js");
  missing.clear();
  asked = [];
  await happen("install");
  expect(asked).toContain("boot.js");
  expect(asked).not.toContain("index.html");
});

test.each(["redirect", "page"] as const)("a page that stands between is not taken for a file: by a %s", async (how) => {
  portal = how;
  await expect(happen("install")).rejects.toThrow(TypeError);
  await give("assets/calls-aaaaaaaa.js");
  expect(kept()).toEqual([]);
});

test("an index of another version, as of a server that is being updated, is not kept as one of this", async () => {
  other.add("index.html");
  await expect(happen("install")).rejects.toThrow(TypeError);
  expect(kept().filter((name) => name.startsWith("index.html"))).toEqual([]);
  other.clear();
  await happen("install");
  expect(await give("", "navigate")).toBe("contents of index.html");
});

test("the rest comes when a page asks, and the next page asks for what did not come", async () => {
  await happen("install");
  missing.add("assets/kept-aaaaaaaa.js");
  await happen("message", { data: "keep-all" });
  expect(kept()).toContain("assets/calls-aaaaaaaa.js");
  expect(kept()).toContain("assets/messages-ru-first-aaaaaaaa.js");
  missing.clear();
  asked = [];
  stored.get(`zajil-client ${SCOPE}`)?.delete(textOf(`boot.js?${MARKED["boot.js"]}`));
  await happen("message", { data: "keep-all" });
  expect(asked).toEqual(["assets/kept-aaaaaaaa.js", "boot.js"]);
});

test("pages are the kept index, but for those of the server", async () => {
  await happen("install");
  asked = [];
  for (const name of ["", "i", "l?x", "index.html"])
    expect(await give(name, "navigate")).toBe("contents of index.html");
  for (const name of ["c/handle", "transparency/", "review", "v1/config"])
    expect(await give(name, "navigate")).toBeUndefined();
  for (const name of ["v1/config", "constructor", "https://other.example/index.html"])
    expect(await give(name)).toBeUndefined();
  expect(await give("boot.js")).toBe("contents of boot.js");
  expect(asked).toEqual([]);
});

test("what is used before it was kept is kept from then on, and a failure is not", async () => {
  await happen("install");
  missing.add("assets/kept-aaaaaaaa.js");
  expect(await give("assets/kept-aaaaaaaa.js")).toBe("");
  expect(await give("assets/calls-aaaaaaaa.js")).toBe("contents of assets/calls-aaaaaaaa.js");
  expect(kept()).not.toContain("assets/kept-aaaaaaaa.js");
  asked = [];
  expect(await give("assets/calls-aaaaaaaa.js")).toBe("contents of assets/calls-aaaaaaaa.js");
  expect(asked).toEqual([]);
});

/** Files of the version before, which it said are its own, and of one before that. */
async function keptBefore(): Promise<void> {
  const cache = cacheOf(`zajil-client ${SCOPE}`);
  await cache.put("?names", new Response(JSON.stringify([textOf("assets/index-bbbbbbbb.js")])));
  for (const name of ["bbbbbbbb", "cccccccc"]) await cache.put(`assets/index-${name}.js`, new Response(name));
}
const older = (): string[] => kept().filter((name) => /bbbbbbbb|cccccccc/.test(name));

test("files of the version before stay until the next one, for pages of it that are open", async () => {
  await keptBefore();
  await happen("install");
  await happen("activate");
  expect(older()).toEqual(["assets/index-bbbbbbbb.js"]);
  asked = [];
  expect(await give("assets/index-bbbbbbbb.js")).toBe("bbbbbbbb");
  expect(asked).toEqual([]);
  // What nobody kept is the server's, and not kept as one of ours.
  expect(await give("assets/index-dddddddd.js")).toBe("contents of assets/index-dddddddd.js");
  expect(kept()).not.toContain("assets/index-dddddddd.js");
  await happen("activate");
  expect(older()).toEqual([]);
});

test("nothing goes while a newer one keeps its files", async () => {
  await keptBefore();
  await happen("install");
  registration.installing = {};
  await happen("activate");
  expect(older()).toHaveLength(2);
});

test("files of another version and of another maker go, those of other places on the host stay", async () => {
  await happen("install");
  const cache = cacheOf(`zajil-client ${SCOPE}`);
  await cache.put("assets/index-bbbbbbbb.js", new Response("old"));
  await cache.put(`index.html?${"0".repeat(32)}`, new Response("old"));
  const others = [`workbox-precache-v2-https://zajil.example/other/`, "zajil-push"];
  for (const name of [`workbox-precache-v2-${SCOPE}`, ...others]) cacheOf(name);
  const before = kept().filter((name) => !/bbbbbbbb|0000/.test(name));
  await happen("activate");
  expect(kept().filter((name) => name !== "?names")).toEqual(before);
  expect([...stored.keys()].filter((name) => !name.startsWith("zajil-client"))).toEqual(others);
});
