/** The keys of the console: by their place, never while somebody writes, all of them in the handbook. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { CATEGORIES } from "../../../state/review/shapes.ts";
import { KEYS, categoryOf, commandOf } from "./keys.ts";

const HANDBOOK = resolve(import.meta.dirname, "../../../../../docs/operate/moderation.md");

const press = (code: string, more: Partial<KeyboardEvent> = {}): KeyboardEvent =>
  ({
    code,
    key: "",
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    repeat: false,
    target: null,
    ...more,
  }) as KeyboardEvent;
const field = { closest: () => ({}) } as unknown as EventTarget;
const page = { closest: () => null } as unknown as EventTarget;

test("a letter is its place on the keyboard, whatever the layout types there", () => {
  for (const { code, command } of KEYS)
    for (const key of ["x", "ق", "к"]) expect(commandOf(press(code, { key, target: page }))).toBe(command);
  expect(commandOf(press("Slash", { key: "?", shiftKey: true }))).toBe("help");
  expect(commandOf(press("Slash", { key: "؟", shiftKey: true }))).toBe("help");
  expect(commandOf(press("KeyZ"))).toBeUndefined();
});

test("nothing is decided by what is written, held down, or meant for the browser", () => {
  for (const more of [{ target: field }, { ctrlKey: true }, { metaKey: true }, { altKey: true }, { shiftKey: true }])
    expect(commandOf(press("KeyR", more))).toBeUndefined();
  expect(commandOf(press("KeyR", { repeat: true }))).toBeUndefined();
  expect(categoryOf(press("Digit1", { target: field }))).toBeUndefined();
  expect(categoryOf(press("Digit1", { ctrlKey: true }))).toBeUndefined();
});

test("digits of both rows are categories in their order, and others are none", () => {
  CATEGORIES.forEach((category, at) => {
    expect(categoryOf(press(`Digit${String(at + 1)}`))).toBe(category);
    expect(categoryOf(press(`Numpad${String(at + 1)}`))).toBe(category);
  });
  expect(categoryOf(press("Digit8"))).toBeUndefined();
  expect(categoryOf(press("Digit0"))).toBeUndefined();
});

test("no two commands share a key, and the handbook names each", () => {
  expect(new Set(KEYS.map(({ code }) => code)).size).toBe(KEYS.length);
  const rows = readFileSync(HANDBOOK, "utf8").split("| Key | Does |")[1]?.split("\n\n")[0] ?? "";
  const named = [...rows.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, keys = ""]) => keys.trim().split(", "));
  for (const { letter } of KEYS) expect(named).toContain(letter);
  expect(named.filter((name) => /^[A-Z]$/.test(name)).length).toBe(KEYS.length);
});
