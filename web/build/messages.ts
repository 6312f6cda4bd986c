/**
 * Compiles messages/<language>/*.json (ICU MessageFormat): for each part one module of its keys, and in each language one
 * of its words, in the order of the keys. So the keys are shipped once, not once a language.
 */
import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import MessageFormat from "@messageformat/core";
import compileModule from "@messageformat/core/compile-module.js";
import { parseSync, type Plugin } from "vite";

export const LANGUAGES = ["en", "ar", "ru"] as const;
const FOLDER = resolve(import.meta.dirname, "../messages");
const PREFIX = "virtual:messages/";
/**
 * Which part a section is in, where that is not `first`: only screens beyond the chat list use these, or an error. They load with the
 * first screen that needs them, so the start is lighter, and apart from each other, so that no chunk grows too large.
 */
const PARTS: Readonly<Record<string, Part>> = {
  start: "start",
  errors: "errors",
  talk: "chat",
  call: "call",
  files: "files",
  search: "search",
  joins: "joins",
  lock: "lock",
  people: "later",
  push: "later",
  recovery: "recovery",
  report: "later",
  routes: "later",
  settings: "later",
  strangers: "later",
  channels: "public",
  review: "console",
};
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
  | "lock"
  | "console";
/** What the moderators' console says besides its own section: what authors are told as well, and the list of keys. */
const CONSOLE = ["common", "errors", "review"];
const CONSOLE_TOO = /^(?:(?:cat|act|appeal)_|keys$|key_help$)/;
/** CLDR plural categories that a message must spell out, so that no number ever falls into a wrong form. */
const CATEGORIES: Readonly<Record<string, readonly string[]>> = {
  en: ["one", "other"],
  ar: ["zero", "one", "two", "few", "many", "other"],
  ru: ["one", "few", "many", "other"],
};

/** Messages of a language, of all sections or of one part, merged. Throws where two of them share a key. */
export function readMessages(language: string, part?: Part): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const file of readdirSync(resolve(FOLDER, language)).sort()) {
    const name = file.replace(".json", "");
    const whole =
      part === undefined || (part === "console" ? CONSOLE.includes(name) : (PARTS[name] ?? "first") === part);
    if (!whole && part !== "console") continue;
    const section = JSON.parse(readFileSync(resolve(FOLDER, language, file), "utf8")) as Record<string, string>;
    for (const [key, text] of Object.entries(section)) {
      if (!whole && !CONSOLE_TOO.test(key)) continue;
      if (key in merged) throw new Error(`messages/${language}/${file}: ${key} stands in two sections`);
      merged[key] = text;
    }
  }
  return merged;
}

/** What is wrong with the catalogues, one line each: a key in some languages only, plural forms left out, `#`. */
export function findFaults(catalogues: Readonly<Record<string, Readonly<Record<string, string>>>>): string[] {
  const faults: string[] = [];
  const keys = new Set(Object.values(catalogues).flatMap((messages) => Object.keys(messages)));
  for (const [language, messages] of Object.entries(catalogues)) {
    for (const key of keys) {
      const text = messages[key];
      if (text === undefined) {
        faults.push(`${language}: ${key} is missing`);
        continue;
      }
      if (!/, *(plural|selectordinal) *,/.test(text)) continue;
      if (text.includes("#")) faults.push(`${language}: ${key} uses #; pass the formatted count beside the number`);
      for (const category of CATEGORIES[language] ?? []) {
        if (!new RegExp(`\\b${category} *\\{`).test(text))
          faults.push(`${language}: ${key} lacks the form "${category}"`);
      }
    }
  }
  return faults;
}

/** The text of a module of these words, in the order of these keys: a string, or a function of what is put in. */
export function compileWords(
  language: string,
  keys: readonly string[],
  words: Readonly<Record<string, string>>,
): string {
  const text = compileModule(new MessageFormat(language), words);
  const whole = parseSync("words.js", text).program.body.find(({ type }) => type === "ExportDefaultDeclaration");
  if (whole?.type !== "ExportDefaultDeclaration" || whole.declaration.type !== "ObjectExpression")
    throw new Error("the compiler of messages makes another kind of module than it did");
  const made = new Map<string, string>();
  for (const one of whole.declaration.properties) {
    if (one.type !== "Property") continue;
    const { key, value } = one;
    const plain = value.type === "ArrowFunctionExpression" && value.params.length === 0 ? value.body : value;
    const name = key.type === "Identifier" ? key.name : key.type === "Literal" ? String(key.value) : "";
    made.set(name, text.slice(plain.start, plain.end));
  }
  // While somebody is writing, one may be missing.
  const listed = keys.map((key) => made.get(key) ?? "undefined");
  return `${text.slice(0, whole.start)}export default [${listed.join(",\n")}];`;
}

/**
 * `virtual:messages/keys/<part>`: a default export of keys; `virtual:messages/<language>/<part>`: one of their words. For
 * the console `first` is all that it says, and the others are empty.
 */
export function messages(page: "messenger" | "console" = "messenger"): Plugin {
  return {
    name: "zajil:messages",
    enforce: "pre",
    buildStart() {
      const faults = findFaults(Object.fromEntries(LANGUAGES.map((language) => [language, readMessages(language)])));
      // While somebody is writing, a missing translation shows as its key; a build fails.
      if (faults.length > 0 && this.meta.watchMode !== true && process.env["ZAJIL_MESSAGES"] !== "lax")
        this.error(faults.join("\n"));
      for (const language of LANGUAGES)
        for (const file of readdirSync(resolve(FOLDER, language))) this.addWatchFile(resolve(FOLDER, language, file));
    },
    resolveId(source) {
      return source.startsWith(PREFIX) ? `\0${source}` : null;
    },
    load(id) {
      if (!id.startsWith(`\0${PREFIX}`)) return null;
      const [language = "", part] = id.slice(PREFIX.length + 1).split("/");
      const read = (of: string): Record<string, string> =>
        page === "messenger" ? readMessages(of, part as Part) : part === "first" ? readMessages(of, "console") : {};
      const keys = Object.keys(read("en"));
      const code =
        language === "keys"
          ? `export default ${JSON.stringify(keys.join(" "))}.split(" ");`
          : compileWords(language, keys, read(language));
      return { code, moduleType: "js" };
    },
    handleHotUpdate({ file, server }) {
      if (!file.startsWith(FOLDER)) return;
      for (const language of [...LANGUAGES, "keys"])
        for (const part of [
          "first",
          "start",
          "errors",
          "chat",
          "call",
          "files",
          "joins",
          "search",
          "later",
          "public",
          "recovery",
          "lock",
        ]) {
          const module = server.moduleGraph.getModuleById(`\0${PREFIX}${language}/${part}`);
          if (module) server.moduleGraph.invalidateModule(module);
        }
      server.ws.send({ type: "full-reload" });
    },
  };
}
