/** The start of a worker is what static imports reach, also around a circle, and nothing behind an import that waits. */
import { expect, test } from "vitest";
import { isOfFirstLoad } from "./first-load.ts";

const GRAPH: Readonly<Record<string, readonly string[]>> = {
  entry: [],
  a: ["entry", "b", "lazy"],
  b: ["a"],
  lazy: [],
  behind: ["lazy"],
  shared: ["behind", "b"],
};
const find = (id: string) => {
  const importers = GRAPH[id];
  return importers === undefined ? null : { isEntry: id === "entry", importers };
};

test.each(["entry", "a", "b", "shared"])("%s is of it", (id) => {
  expect(isOfFirstLoad(id, find)).toBe(true);
});

test.each(["lazy", "behind", "unknown"])("%s is not", (id) => {
  expect(isOfFirstLoad(id, find)).toBe(false);
});
