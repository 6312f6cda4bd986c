/** What the worker has of `@noble/hashes` says the same as the copies that it stands for; fields are fields. */
import * as common from "@hpke/common";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { APART, assignFields, PARTS, withoutNode } from "./one-hash.ts";

const MODULES = resolve(import.meta.dirname, "../node_modules");

test.each([0, 1, 55, 56, 63, 64, 65, 127, 128, 1_000])("HMAC-SHA256 of %i bytes", (size) => {
  const data = Uint8Array.from({ length: size }, (_, at) => at * 7);
  for (const key of [new Uint8Array(), data, new Uint8Array(32).fill(3), new Uint8Array(200).fill(5)]) {
    expect(hmac(sha256, key, data)).toEqual(common.hmac(common.sha256, key, data));
  }
});

test("each part is there, and so is what stands for it", () => {
  for (const { importer, source, instead } of PARTS) {
    const asked = resolve(MODULES, `.${importer}`);
    expect(readFileSync(asked, "utf8")).toContain(`from "${source}"`);
    expect(existsSync(resolve(MODULES, "@noble/hashes", instead))).toBe(true);
  }
});

test("what stands apart asks for SHA-512 and nothing else", () => {
  const text = readFileSync(resolve(MODULES, `../src${APART.importer}`), "utf8");
  expect(text).toContain(`import { sha512 } from "${APART.source}";`);
});

test("a field is assigned where all three flags say what an assignment does", () => {
  const flags = "enumerable: true,\n    configurable: true,\n    writable: true,";
  const field = `  Object.defineProperty(this, "_api", {\n    ${flags}\n    value: { a: 1 }\n  });`;
  expect(assignFields(field)).toBe("  this._api = { a: 1 };");
  const hidden = field.replace("enumerable: true", "enumerable: false");
  expect(assignFields(hidden)).toBe(hidden);
});

test.each(["@hpke/common/esm/src/algorithm.js", "@hpke/common/esm/src/utils/misc.js", "mlkem/esm/src/utils.js"])(
  "%s asks Node for nothing",
  (path) => {
    const code = readFileSync(resolve(MODULES, path), "utf8");
    expect(code).toContain('const { webcrypto } = await import("crypto");');
    expect(withoutNode(code)).toContain("const { webcrypto } = {};");
    expect(withoutNode(code)).not.toContain("import(");
  },
);
