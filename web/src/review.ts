/** Wires the moderators' page: words, session, screens. No worker, no storage, nothing of the messenger. */
import { mount } from "svelte";
import { LANGUAGES, type Language, useLanguage } from "./i18n/catalogue.ts";
import Console from "./ui/review/Console.svelte";
// Keys of the words that are said at once: in the start, not a file of their own.
import "virtual:messages/keys/first";
import "./styles/tokens.css";
import "./styles/app.css";

function chosenLanguage(): Language {
  const chosen = document.documentElement.lang;
  return LANGUAGES.find((language) => language === chosen) ?? "en";
}

async function start(): Promise<void> {
  const target = document.getElementById("app");
  if (target === null) return;
  await useLanguage(chosenLanguage());
  mount(Console, { target });
}

void start();
