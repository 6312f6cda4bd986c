/** No code of docs/protocol/errors.md may reach a person without words, in any language. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { LANGUAGES, readMessages } from "../../build/messages.ts";
import { COMMAND_LINE_ONLY, FILES_ONLY, PUSH_ONLY, codeOf, errorKey } from "./errors.ts";

const PAGE = readFileSync(new URL("../../../docs/protocol/errors.md", import.meta.url), "utf8");
const CODES = [...PAGE.matchAll(/^\| `([a-z-]+)` \|/gm)].map((row) => row[1] ?? "");
/** Codes of the browser: its store, its worker, its one leading tab. */
const OWN = ["storage-full", "newer-schema", "lost-lead", "not-leading", "worker-ended", "stopped", "app-locked"];

test("the page of errors is read", () => {
  expect(CODES.length).toBeGreaterThan(40);
});

/** Where the sentence of a code stands. */
function place(code: string): string {
  const parts = { file_error_: FILES_ONLY, push_error_: PUSH_ONLY };
  const [prefix = "error_"] = Object.entries(parts).find(([, codes]) => codes.includes(code)) ?? [];
  return errorKey(code).replace("error_", prefix);
}

test.each(LANGUAGES)("every code has a sentence in %s", (language) => {
  const words = readMessages(language);
  const silent = [...CODES, ...OWN].filter(
    (code) => !COMMAND_LINE_ONLY.includes(code) && (words[place(code)] ?? "").trim() === "",
  );
  expect(silent).toEqual([]);
});

test.each(LANGUAGES)("no sentence in %s is left without a code", (language) => {
  const said = new Set([...CODES, ...OWN, "bug", "other"].map(errorKey));
  const errors = JSON.parse(readFileSync(new URL(`../../messages/${language}/errors.json`, import.meta.url), "utf8"));
  expect(Object.keys(errors as object).filter((key) => !said.has(key))).toEqual([]);
});

test("what was thrown has a code", () => {
  expect(codeOf({ code: "gone" })).toBe("gone");
  expect(codeOf(new TypeError("x"))).toBe("bug");
  expect(codeOf(null)).toBe("bug");
});
