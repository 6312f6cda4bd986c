/** The words of the user interface: `t.key({...})` in the language in use, reactive to its change. */
import { createSubscriber } from "svelte/reactivity";
import type chat from "../../messages/en/chat.json";
import type common from "../../messages/en/common.json";
import type errors from "../../messages/en/errors.json";
import type people from "../../messages/en/people.json";
import type settings from "../../messages/en/settings.json";
import type start from "../../messages/en/start.json";

export type Language = "en" | "ar" | "ru";
export const LANGUAGES: readonly Language[] = ["en", "ar", "ru"];

type Catalogue = typeof chat & typeof common & typeof errors & typeof people & typeof settings & typeof start;
export type MessageKey = keyof Catalogue;
export type Values = Readonly<Record<string, string | number>>;
type Functions = Record<string, (values?: Record<string, unknown>) => string>;
export type Words = { readonly [K in MessageKey]: (values?: Values) => string };

const LOADERS: Readonly<Record<Language, () => Promise<{ default: Functions }>>> = {
  en: () => import("virtual:messages/en"),
  ar: () => import("virtual:messages/ar"),
  ru: () => import("virtual:messages/ru"),
};

let current: Language = "en";
let functions: Functions = {};
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

/** Load a catalogue and use it from now on. */
export async function useLanguage(next: Language): Promise<void> {
  functions = (await LOADERS[next]()).default;
  current = next;
  document.documentElement.lang = next;
  document.documentElement.dir = next === "ar" ? "rtl" : "ltr";
  announce();
}

/** Words by a key that is only known at run time (an error's code); undefined where there are none. */
export function findWords(key: string, values?: Values): string | undefined {
  subscribe();
  return functions[key]?.({ ...values });
}

export const t: Words = new Proxy({} as Words, {
  get: (_, key: string) => (values?: Values) => findWords(key, values) ?? key,
});
