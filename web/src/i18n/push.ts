/** What the service worker shows for a push: it knows no sender, no chat and no text, so it says the same each time. */
import type { Language } from "./catalogue.ts";

const BODIES: Readonly<Record<Language, string>> = {
  en: "Something new is waiting for you.",
  ar: "هناك جديد في انتظارك.",
  ru: "Для вас есть что-то новое.",
};
const TITLES: Readonly<Record<Language, string>> = { en: "Zajil", ar: "زاجل", ru: "Zajil" };

/** The words in this language. */
export function wakeWords(lang: Language): { title: string; body: string; lang: Language; dir: "ltr" | "rtl" } {
  return { title: TITLES[lang], body: BODIES[lang], lang, dir: lang === "ar" ? "rtl" : "ltr" };
}
