/** What loads with the start says only words that come with it; others would show as their keys. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { expect, test } from "vitest";
import { type Part, readMessages } from "./messages.ts";

const SOURCE = resolve(import.meta.dirname, "../src");
const SCREENS = readFileSync(resolve(SOURCE, "ui/screens.ts"), "utf8");

/** Files that a file needs at once, itself included. */
function needed(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file) || !existsSync(file)) return found;
  found.add(file);
  const text = readFileSync(file, "utf8");
  for (const [, name = ""] of text.matchAll(/^\s*(?:import|export)\s(?!type)[^;]*?from "(\.[^"]+)"/gm))
    needed(resolve(dirname(file), name), found);
  return found;
}

const spoken = (file: string): string[] =>
  [...readFileSync(file, "utf8").matchAll(/\bt\.([a-z0-9_]+)\b/g)].map(([, key = ""]) => key);

/** The screens that `FIRST` names, as files. */
function firstScreens(): string[] {
  const names = [...(/FIRST[^=]*= \[([^\]]*)\]/.exec(SCREENS)?.[1] ?? "").matchAll(/"(\w+)"/g)].map(([, name]) => name);
  return names.map((name) => {
    const file = new RegExp(`${String(name)}: async .*import\\("(.*)"\\)`).exec(SCREENS)?.[1] ?? "";
    return resolve(SOURCE, "ui", file);
  });
}

/** What these files and all they need say of these parts, "file: key". */
function spokenOf(starts: readonly string[], parts: readonly Part[]): { files: ReadonlySet<string>; wrong: string[] } {
  expect(starts.filter((file) => !existsSync(file))).toEqual([]);
  const later = Object.assign({}, ...parts.map((part) => readMessages("en", part))) as Record<string, string>;
  const files = new Set(starts.flatMap((file) => [...needed(file)]));
  const wrong = [...files].flatMap((file) =>
    spoken(file)
      .filter((key) => key in later)
      .map((key) => `${file.slice(SOURCE.length + 1)}: ${key}`),
  );
  return { files, wrong };
}

test("the start says nothing of the later sections", () => {
  const { files, wrong } = spokenOf([resolve(SOURCE, "main.ts")], ["chat", "call", "files", "later", "public"]);
  expect(wrong).toEqual([]);
  expect(files.size).toBeGreaterThan(40);
});

test("the chats say nothing but the start's words and their own", () => {
  expect(spokenOf(firstScreens(), ["call", "files", "later", "public"]).wrong).toEqual([]);
  expect(spokenOf(firstScreens(), ["chat"]).wrong.length).toBeGreaterThan(20);
});

test("a call says the start's words, a chat's and its own", () => {
  const layer = [resolve(SOURCE, "ui/call/CallLayer.svelte")];
  expect(spokenOf(layer, ["later", "public"]).wrong).toEqual([]);
  expect(spokenOf(layer, ["call"]).wrong.length).toBeGreaterThan(50);
});

test("the walk sees later words where they are", () => {
  expect(spokenOf([resolve(SOURCE, "ui/people/Scan.svelte")], ["later"]).wrong.length).toBeGreaterThan(5);
});
