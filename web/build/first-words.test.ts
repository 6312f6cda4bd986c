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

/** The screens that `FIRST` names: files, and the parts that load with them. */
function firstScreens(): { file: string; parts: string[] }[] {
  const listed = /const FIRST[^=]*= \{([^}]*)\}/.exec(SCREENS)?.[1] ?? "";
  return [...listed.matchAll(/(\w+): \[([^\]]*)\]/g)].map(([, name = "", parts = ""]) => {
    const file = new RegExp(`${name}: async .*import\\("(.*)"\\)`).exec(SCREENS)?.[1] ?? "";
    return { file: resolve(SOURCE, "ui", file), parts: [...parts.matchAll(/"(\w+)"/g)].map(([, part = ""]) => part) };
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

const LATER: readonly Part[] = ["start", "chat", "call", "files", "joins", "search", "later", "public", "lock"];

test("the start says nothing of the later sections", () => {
  const { files, wrong } = spokenOf([resolve(SOURCE, "main.ts")], LATER);
  expect(wrong).toEqual([]);
  expect(files.size).toBeGreaterThan(40);
});

test.each(firstScreens())("$file says nothing but the first words and those of $parts", ({ file, parts }) => {
  const others = LATER.filter((part) => !parts.includes(part));
  expect(spokenOf([file], others).wrong).toEqual([]);
  expect(parts).toContain("errors");
});

/** Those of the public space say its words besides. */
const PUBLIC = /const PUBLIC = .*\(([\w|]+)\)/.exec(SCREENS)?.[1]?.split("|") ?? [];

test("no other screen says words of the start, nor, but for its own, of the public space", () => {
  const own = firstScreens().map(({ file }) => file);
  const others = [...SCREENS.matchAll(/(\w+): async .*import\("(.*)"\)/g)]
    .map(([, name = "", path = ""]) => ({ name, file: resolve(SOURCE, "ui", path) }))
    .filter(({ file }) => !own.includes(file));
  const isPublic = ({ name }: { name: string }): boolean => PUBLIC.includes(name);
  expect(others.filter(isPublic)).toHaveLength(8);
  expect(others.length).toBeGreaterThan(20);
  for (const one of others)
    expect(spokenOf([one.file], isPublic(one) ? ["start"] : ["start", "public"]).wrong).toEqual([]);
});

test("the walk sees that each has words of its own", () => {
  expect(firstScreens().map(({ file }) => /(\w+)\.(?:svelte|ts)$/.exec(file)?.[1])).toEqual([
    "Start",
    "LockScreen",
    "Chat",
    "OpenedInvite",
    "JoinScreens",
    "CallLayer",
  ]);
  for (const { file, parts } of firstScreens())
    expect(
      spokenOf(
        [file],
        LATER.filter((part) => parts.includes(part)),
      ).wrong.length,
    ).toBeGreaterThan(5);
});

/** Files that the moderators' console is made of, those that load later as well. */
function consoleFiles(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file) || !existsSync(file)) return found;
  found.add(file);
  for (const [, name = ""] of readFileSync(file, "utf8").matchAll(/(?:from|import\() ?"(\.[^"]+)"/g))
    consoleFiles(resolve(dirname(file), name), found);
  return found;
}

test("the console has each word that its screens say", () => {
  const packed = readMessages("en", "console");
  const all = readMessages("en");
  const files = [...consoleFiles(resolve(SOURCE, "review.ts"))].filter((file) => /\/ui\/(?:review|parts)\//.test(file));
  const said = files.flatMap((file) => {
    const named = [...readFileSync(file, "utf8").matchAll(/\bwords: "([a-z0-9_]+)"/g)].map(([, key = ""]) => key);
    return [...spoken(file), ...named].map((key) => ({ file: file.slice(SOURCE.length + 1), key }));
  });
  expect(said.filter(({ key }) => key in all && !(key in packed))).toEqual([]);
  expect(said.length).toBeGreaterThan(100);
});

test("the walk sees later words where they are", () => {
  expect(spokenOf([resolve(SOURCE, "ui/people/Scan.svelte")], ["later"]).wrong.length).toBeGreaterThan(5);
});
