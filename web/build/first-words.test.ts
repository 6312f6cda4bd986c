/** What loads with the start says only words that come with it; others would show as their keys. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { expect, test } from "vitest";
import { readMessages } from "./messages.ts";

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

test("the start and the chats say nothing of the later sections", () => {
  const later = { ...readMessages("en", "later"), ...readMessages("en", "public") };
  const starts = [resolve(SOURCE, "main.ts"), ...firstScreens()];
  expect(starts.filter((file) => !existsSync(file))).toEqual([]);
  const files = new Set(starts.flatMap((file) => [...needed(file)]));
  const missing = [...files].flatMap((file) =>
    spoken(file)
      .filter((key) => key in later)
      .map((key) => `${file.slice(SOURCE.length + 1)}: ${key}`),
  );
  expect(missing).toEqual([]);
  // The walk reaches what it should, and sees later words where they are.
  expect(files.size).toBeGreaterThan(40);
  expect([...needed(resolve(SOURCE, "ui/people/Scan.svelte"))].flatMap(spoken).some((key) => key in later)).toBe(true);
});
