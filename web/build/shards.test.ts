/** The shards of the unit tests hold every file once and cost about the same. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { COSTS, costOf, deal } from "./shards.ts";

const WEB = resolve(import.meta.dirname, "..");
const sum = (files: readonly string[]): number => files.reduce((all, file) => all + costOf(file), 0);

test("every file is in one share, whoever deals, and the shares weigh the same but for a file", () => {
  const files = [...Object.keys(COSTS), ...Array.from({ length: 130 }, (_, n) => `src/${n}.test.ts`)];
  for (const count of [1, 2, 3, 5]) {
    const shares = deal(files, count);
    expect(shares.flat().sort()).toEqual([...files].sort());
    expect(deal([...files].reverse(), count)).toEqual(shares);
    const costs = shares.map(sum);
    expect(Math.max(...costs) - Math.min(...costs)).toBeLessThan(3);
  }
});

test("each file with a known cost is there", () => {
  expect(Object.keys(COSTS).filter((file) => !existsSync(resolve(WEB, file)))).toEqual([]);
});
