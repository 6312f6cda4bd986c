/** Only the words of our own errors go; everything else of a module stays as it is written. */
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { dropLibraryWhys, dropRuleWhys, dropWhys, READ } from "./without-whys.ts";

const IMPORT = 'import { error, ZajilError } from "../../protocol/errors.ts";\n';

test.each([
  ['throw error("wrong-call", "persona of a 32-byte seed");', 'throw error("wrong-call");'],
  ['return error(\n  "malformed",\n  "not \\"JSON\\"",\n);', 'return error("malformed");'],
  ['error("gone");', 'error("gone");'],
  ['error("busy", "", { retryMs: 5 });', 'error("busy", "", { retryMs: 5 });'],
  ["error(code, `${stage} ${reason}`);", "error(code, `${stage} ${reason}`);"],
  ['console.error("wrong-call", why);', 'console.error("wrong-call", why);'],
])("%j", (before, after) => {
  expect(dropWhys(IMPORT + before)).toBe(IMPORT + after);
});

test("another function of that name is not ours", () => {
  expect(dropWhys('logger.error("wrong-call", "words");')).toBe('logger.error("wrong-call", "words");');
});

const DROPPED = [
  ['throw new TypeError("a \\"b\\" c");', "throw new TypeError();"],
  ["throw new Error(`got ${n} of ${`${m}`}`);", "throw new Error();"],
  ['throw new DecodeError("got " + typeof key + ")");', "throw new DecodeError();"],
  ['a(new CodecError("one"), new Error("two",));', "a(new CodecError(), new Error());"],
];
const WHOLE = [
  "new pv('KemId cannot be used', x);",
  "throw new Error(found);",
  'new Error("one", { cause });',
  'new Wrapped("words");',
  "new Error;",
  'throw new CryptoVerificationError("Could not verify confirmation tag");',
];

test.each([...DROPPED, ...WHOLE.map((text) => [text, text])])("of a library: %j", (before, after) => {
  expect(dropLibraryWhys(before ?? "", "a.mjs")).toBe(after);
});

test("a library that cannot be read fails the build", () => {
  expect(() => dropLibraryWhys("throw new", "a.js")).toThrow("a.js");
});

const REFUSALS = 'import { Invalid, Replayed as Old, PastEpoch } from "../errors.ts";\n';

test.each([
  ['throw new Invalid("F4", "sender data");', 'throw new Invalid("F4");'],
  ["throw new Invalid(rule, `at ${String(n)}`);", "throw new Invalid(rule);"],
  ['throw new PastEpoch("keys gone");', "throw new PastEpoch();"],
  ['throw new Invalid("F4");', 'throw new Invalid("F4");'],
  ['throw new Invalid("C5", message);', 'throw new Invalid("C5", message);'],
  ['const other: Set<string> = new Told("words");', 'const other: Set<string> = new Told("words");'],
])("of a rule: %j", (before, after) => {
  expect(dropRuleWhys(REFUSALS + before, "a.ts")).toBe(REFUSALS + after);
});

test("the engine reads no words of a library but those that stay", () => {
  const folder = resolve(import.meta.dirname, "../src/core/mls");
  const files = readdirSync(folder).filter((name) => /(?<!\.test)\.ts$/.test(name));
  const read = files.flatMap((name) => [
    ...readFileSync(resolve(folder, name), "utf8").matchAll(/\bmessage\.(?:includes|startsWith|match)\((.*?)\)/g),
  ]);
  expect(read.map(([, words]) => words)).toEqual([`"${READ}"`, `"${READ}"`]);
});
