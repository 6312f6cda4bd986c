/** Only the words of our own errors go; everything else of a module stays as it is written. */
import { expect, test } from "vitest";
import { dropLibraryWhys, dropWhys } from "./without-whys.ts";

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

test("a library's errors say nothing, and what is more than words stays", () => {
  expect(dropLibraryWhys('throw new TypeError("a \\"b\\" c");')).toBe("throw new TypeError();");
  expect(dropLibraryWhys("new pv('KemId cannot be used', x); new Error('one')")).toBe(
    "new pv('KemId cannot be used', x); new Error()",
  );
  const whole = 'throw new Error("size " + n);';
  expect(dropLibraryWhys(whole)).toBe(whole);
});
