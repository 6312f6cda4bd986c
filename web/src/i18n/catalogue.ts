/** The words of the user interface: `t.key({...})` in the language in use, reactive to its change. */
import { createSubscriber } from "svelte/reactivity";
import type call from "../../messages/en/call.json";
import type channels from "../../messages/en/channels.json";
import type chat from "../../messages/en/chat.json";
import type common from "../../messages/en/common.json";
import type errors from "../../messages/en/errors.json";
import type files from "../../messages/en/files.json";
import type joins from "../../messages/en/joins.json";
import type lock from "../../messages/en/lock.json";
import type people from "../../messages/en/people.json";
import type push from "../../messages/en/push.json";
import type recovery from "../../messages/en/recovery.json";
import type report from "../../messages/en/report.json";
import type review from "../../messages/en/review.json";
import type routes from "../../messages/en/routes.json";
import type search from "../../messages/en/search.json";
import type settings from "../../messages/en/settings.json";
import type start from "../../messages/en/start.json";
import type strangers from "../../messages/en/strangers.json";
import type talk from "../../messages/en/talk.json";

export type Language = "en" | "ar" | "ru";
export const LANGUAGES: readonly Language[] = ["en", "ar", "ru"];

type Catalogue = typeof call &
  typeof channels &
  typeof chat &
  typeof common &
  typeof errors &
  typeof files &
  typeof joins &
  typeof lock &
  typeof people &
  typeof push &
  typeof recovery &
  typeof report &
  typeof review &
  typeof routes &
  typeof search &
  typeof settings &
  typeof start &
  typeof strangers &
  typeof talk;
export type MessageKey = keyof Catalogue;
export type Values = Readonly<Record<string, string | number>>;
type Found = Partial<Record<string, string | ((values: Record<string, unknown>) => string)>>;
export type Words = { readonly [K in MessageKey]: (values?: Values) => string };

export type Part =
  | "first"
  | "start"
  | "errors"
  | "chat"
  | "call"
  | "files"
  | "joins"
  | "search"
  | "later"
  | "public"
  | "recovery"
  | "lock";
type Loader<T> = () => Promise<{ default: readonly T[] }>;
type Loaders<T> = Readonly<Record<Part, Loader<T>>>;
const KEYS: Loaders<string> = {
  first: () => import("virtual:messages/keys/first"),
  start: () => import("virtual:messages/keys/start"),
  errors: () => import("virtual:messages/keys/errors"),
  chat: () => import("virtual:messages/keys/chat"),
  call: () => import("virtual:messages/keys/call"),
  files: () => import("virtual:messages/keys/files"),
  search: () => import("virtual:messages/keys/search"),
  joins: () => import("virtual:messages/keys/joins"),
  later: () => import("virtual:messages/keys/later"),
  public: () => import("virtual:messages/keys/public"),
  recovery: () => import("virtual:messages/keys/recovery"),
  lock: () => import("virtual:messages/keys/lock"),
};
/** `first` is what the chat list says; the words of a screen come with it, and those of errors with the first screen. */
const LOADERS: Readonly<Record<Language, Loaders<Found[string]>>> = {
  en: {
    first: () => import("virtual:messages/en/first"),
    start: () => import("virtual:messages/en/start"),
    errors: () => import("virtual:messages/en/errors"),
    chat: () => import("virtual:messages/en/chat"),
    call: () => import("virtual:messages/en/call"),
    files: () => import("virtual:messages/en/files"),
    search: () => import("virtual:messages/en/search"),
    joins: () => import("virtual:messages/en/joins"),
    later: () => import("virtual:messages/en/later"),
    public: () => import("virtual:messages/en/public"),
    recovery: () => import("virtual:messages/en/recovery"),
    lock: () => import("virtual:messages/en/lock"),
  },
  ar: {
    first: () => import("virtual:messages/ar/first"),
    start: () => import("virtual:messages/ar/start"),
    errors: () => import("virtual:messages/ar/errors"),
    chat: () => import("virtual:messages/ar/chat"),
    call: () => import("virtual:messages/ar/call"),
    files: () => import("virtual:messages/ar/files"),
    search: () => import("virtual:messages/ar/search"),
    joins: () => import("virtual:messages/ar/joins"),
    later: () => import("virtual:messages/ar/later"),
    public: () => import("virtual:messages/ar/public"),
    recovery: () => import("virtual:messages/ar/recovery"),
    lock: () => import("virtual:messages/ar/lock"),
  },
  ru: {
    first: () => import("virtual:messages/ru/first"),
    start: () => import("virtual:messages/ru/start"),
    errors: () => import("virtual:messages/ru/errors"),
    chat: () => import("virtual:messages/ru/chat"),
    call: () => import("virtual:messages/ru/call"),
    files: () => import("virtual:messages/ru/files"),
    search: () => import("virtual:messages/ru/search"),
    joins: () => import("virtual:messages/ru/joins"),
    later: () => import("virtual:messages/ru/later"),
    public: () => import("virtual:messages/ru/public"),
    recovery: () => import("virtual:messages/ru/recovery"),
    lock: () => import("virtual:messages/ru/lock"),
  },
};

let current: Language = "en";
/** The language asked for last, and its coming. */
let wanted: Language = current;
let turn: Promise<void> | undefined;
/** The parts that are here or wanted. */
let parts: ReadonlySet<Part> = new Set(["first"]);
let words: Found = {};
let announce: () => void = () => undefined;
const subscribe = createSubscriber((update) => {
  announce = update;
  return () => undefined;
});

/** The language in use. */
export function language(): Language {
  subscribe();
  return current;
}

/** Right-to-left or left-to-right, of the language in use. */
export function direction(): "rtl" | "ltr" {
  return language() === "ar" ? "rtl" : "ltr";
}

async function load(of: Language): Promise<Found> {
  const asked = parts;
  const found = await Promise.all([...asked].map((part) => Promise.all([KEYS[part](), LOADERS[of][part]()])));
  if (asked !== parts) return load(of);
  return Object.fromEntries(found.flatMap(([keys, its]) => keys.default.map((key, n) => [key, its.default[n]])));
}

async function take(next: Language): Promise<void> {
  const loaded = await load(next);
  if (wanted !== next) return turn; // overtaken
  words = loaded;
  current = next;
  document.documentElement.lang = next;
  document.documentElement.dir = next === "ar" ? "rtl" : "ltr";
  announce();
}

/** Load the words of a language and use them from now on. */
export function useLanguage(next: Language): Promise<void> {
  wanted = next;
  turn = take(next);
  return turn;
}

/** The pause before words that did not come are asked for again. */
const AGAIN_MS = 1_000;

/** Use a language or, until its words come, one whose words are kept here. Where none are, keys: better than nothing. */
export async function beginWith(chosen: Language): Promise<void> {
  let began = chosen;
  for (const one of [chosen, ...LANGUAGES]) {
    try {
      await useLanguage(one);
      if (one === chosen) return;
      began = one;
      break;
    } catch {
      // Perhaps the next one.
    }
  }
  wanted = began; // where none came, words of the next screen are of the chosen one, not of the one tried last
  const listen = (): void => addEventListener("online", () => void again(), { once: true });
  // A network that has just come may not carry the first thing that is asked for.
  const again = async (left = 3): Promise<void> => {
    if (wanted !== began) return; // another one was chosen meanwhile
    try {
      await useLanguage(chosen);
    } catch {
      if (wanted === chosen) await useLanguage(began).catch(() => undefined); // words of other screens are of this one
      if (left > 0) setTimeout(() => void again(left - 1), AGAIN_MS);
      else listen();
    }
  };
  listen();
}

/** Have the words of these parts too; what did not come is asked for again the next time. */
export async function useWords(...wants: readonly Part[]): Promise<void> {
  const more = wants.filter((part) => !parts.has(part));
  if (more.length === 0) {
    // They may still be on their way, and may fail to come.
    await turn?.catch(() => undefined);
    if (wants.some((part) => !parts.has(part))) await useWords(...wants);
    return;
  }
  parts = new Set([...parts, ...more]);
  try {
    await useLanguage(wanted);
  } catch (problem) {
    parts = new Set([...parts].filter((part) => !more.includes(part)));
    throw problem;
  }
}

/** Have the words of every screen but those of a call, which has its own. */
export const useAllWords = (): Promise<void> => useWords("start", "errors", "chat", "later", "public");

/** A number that stands by itself in a sentence; not that of a name, such as SHA-256 or Apache-2.0. */
const LONE = /(?<![\w.:/-])\d[\d,]*(?![\w-])/g;
let format: (n: number) => string = String;

/** Have the numbers that sentences themselves have written by this. */
export function useNumbers(next: (n: number) => string): void {
  format = next;
}

/**
 * Words by a key that is only known at run time (an error's code); undefined where there are none. An Arabic sentence has
 * its own numbers in the digits in use; one that is filled in stays as it is, since names and codes of people are in it.
 */
export function findWords(key: string, values?: Values): string | undefined {
  subscribe();
  const found = words[key];
  if (typeof found === "function") return found({ ...values });
  return current === "ar" ? found?.replace(LONE, (n) => format(Number(n.replaceAll(",", "")))) : found;
}

export const t: Words = new Proxy({} as Words, {
  get: (_, key: string) => (values?: Values) => findWords(key, values) ?? key,
});
