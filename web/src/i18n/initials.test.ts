/** Letters by script, tints by id. */
import { expect, test } from "vitest";
import { initials, tint } from "./initials.ts";

test.each([
  ["Anna Petrova", "AP"],
  ["омар", "О"],
  ["عمر الخطيب", "ع"],
  ["👩‍💻 Nadia", "👩‍💻"],
  ["  \u202E ", ""],
  ["3D club", "3C"],
])("%s gives %s", (name, letters) => {
  expect(initials(name)).toBe(letters);
});

test("the tint is one of eight and stays", () => {
  const seen = new Set(Array.from({ length: 200 }, (_, n) => tint(`id-${String(n)}`)));
  expect([...seen].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(tint("abc")).toBe(tint("abc"));
});
