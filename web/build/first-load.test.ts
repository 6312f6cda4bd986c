/** The start of a worker is what static imports reach, also around a circle, and nothing behind an import that waits. */
import { expect, test } from "vitest";
import { isOfFirstLoad, oneStart } from "./first-load.ts";

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

test("what is of it goes into one chunk, all else where it would", () => {
  const { groups = [] } = oneStart("core");
  const [name] = groups.map((group) => group.name);
  const context = { getModuleInfo: find } as never; // of all that it can tell, this is asked
  const chunkOf = (id: string) => (typeof name === "function" ? name(id, context) : name);
  expect(Object.keys(GRAPH).map(chunkOf)).toEqual(["core", "core", "core", null, null, "core"]);
});

test("an entry that stays alone is in no chunk with what it loads", () => {
  const { groups = [] } = oneStart("core", [], "entry");
  const [name] = groups.map((group) => group.name);
  const context = { getModuleInfo: find } as never; // of all that it can tell, this is asked
  const chunkOf = (id: string) => (typeof name === "function" ? name(id, context) : name);
  expect(["entry", "a", "shared", "lazy"].map(chunkOf)).toEqual([null, "core", "core", null]);
});

test("a whole beside it is one chunk of what it needs and the start has not", () => {
  const graph: Readonly<Record<string, readonly string[]>> = {
    entry: [],
    base: ["entry", "of-whole"],
    "/src/whole.ts": [],
    "of-whole": ["/src/whole.ts"],
    other: [],
    both: ["other", "of-whole"],
  };
  const { groups = [] } = oneStart("core", ["/whole.ts"]);
  const getModuleInfo = (id: string) => {
    const importers = graph[id];
    return importers === undefined ? null : { isEntry: id === "entry", importers };
  };
  const byPriority = [...groups].sort((one, other) => (other.priority ?? 0) - (one.priority ?? 0));
  const chunkOf = (id: string) =>
    byPriority
      .map(({ name }) => (typeof name === "function" ? name(id, { getModuleInfo } as never) : name))
      .find(Boolean);
  expect(Object.keys(graph).map(chunkOf)).toEqual(["core", "core", "whole", "whole", undefined, "whole"]);
});
