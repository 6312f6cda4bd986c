/** Names of people, as the Python client reads them. */
import { expect, test } from "vitest";
import vectors from "../../../../vectors/service/names.json" with { type: "json" };
import { shows } from "./names.ts";

test("a name of blanks and marks shows nothing", () => {
  expect(vectors.seen.filter((name) => !shows(name))).toEqual([]);
  expect(vectors.unseen.filter(shows)).toEqual([]);
});
