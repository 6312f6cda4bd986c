/** The three catalogues say the same things, and every plural spells out every form of its language. */
import { expect, test } from "vitest";
import { LANGUAGES, compileWords, findFaults, readMessages } from "./messages.ts";

test("no key is missing in a language and no plural form is left out", () => {
  expect(findFaults(Object.fromEntries(LANGUAGES.map((language) => [language, readMessages(language)])))).toEqual([]);
});

test("a planted fault of each kind is found", () => {
  const plural = "{n, plural, one {{nt} line} other {{nt} lines}}";
  expect(findFaults({ en: { a: "x" }, ar: {} })).toEqual(["ar: a is missing"]);
  expect(findFaults({ ru: { a: plural } })).toEqual(['ru: a lacks the form "few"', 'ru: a lacks the form "many"']);
  expect(findFaults({ en: { a: "{n, plural, one {# line} other {# lines}}" } })).toHaveLength(1);
});

test("no Arabic sentence has digits of one kind beside a figure in those that a person chose", () => {
  const mixed = (text: string): boolean => /\{\w*t\}/.test(text) && /\d/.test(text.replaceAll(/=\d+/g, ""));
  expect(mixed("{n, plural, =0 {none} other {{nt} of 8}}")).toBe(true);
  expect(Object.entries(readMessages("ar")).filter(([, text]) => mixed(text))).toEqual([]);
});

test("words stand in the order of the keys: as they are, or made of what is put in", () => {
  const words = { b: 'said "so"', a: "{n, plural, one {{nt} line} other {{nt} lines}}", "c-d": "at {place}" };
  expect(compileWords("en", ["a", "missing", "b", "c-d"], words)).toBe(
    `import { en } from "@messageformat/runtime/lib/cardinals";
import { plural } from "@messageformat/runtime";
export default [(d) => plural(d.n, 0, en, { one: d.nt + " line", other: d.nt + " lines" }),
undefined,
"said \\"so\\"",
(d) => "at " + d.place];`,
  );
});
