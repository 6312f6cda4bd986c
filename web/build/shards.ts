/** Deals the files of unit tests out to vitest's shards so that all end together: by what they cost, the dearest first. */
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Seconds by the clock on two quiet cores, December 2026; whoever is not here takes `CHEAP`. Wrong ones cost balance. */
export const COSTS: Readonly<Record<string, number>> = {
  "src/core/rules/heirs/growing.test.ts": 21,
  "src/core/shell/lostlists.test.ts": 20,
  "src/core/kept/kept.test.ts": 19,
  "src/core/mls/tests/official-groups.test.ts": 17,
  "src/core/mls/tests/life.test.ts": 15,
  "src/core/rules/heirs/mending.test.ts": 14,
  "src/core/calls/way.test.ts": 14,
  "src/core/files/server.test.ts": 13,
  "src/core/rules/heirs/heirs.test.ts": 13,
  "src/core/transports/sealed.test.ts": 12,
  "src/core/shell/shell.test.ts": 12,
  "src/core/files/files.test.ts": 12,
  "src/core/reach/way.test.ts": 12,
  "src/core/history/server.test.ts": 11,
  "src/core/shell/sessions.test.ts": 10,
  "src/core/joins/joins.test.ts": 10,
  "src/core/rules/expiry/expiry.test.ts": 9,
  "src/core/shell/linking.test.ts": 9,
  "src/core/strangers/strangers.test.ts": 8,
  "src/core/history/packing.test.ts": 8,
  "src/core/mls/tests/official-primitives.test.ts": 8,
  "src/protocol/fuzz.test.ts": 7,
  "src/core/strangers/usernames.test.ts": 6,
  "src/core/rules/suites.test.ts": 6,
  "src/core/invites/invites.test.ts": 6,
  "src/core/verbs/verbs.test.ts": 6,
  "src/core/transports/poll.test.ts": 6,
  "src/core/rules/heirs/rivals.test.ts": 6,
  "src/core/calls/session.test.ts": 5,
  "src/core/rules/attacks.test.ts": 5,
  "src/core/gate/gate.test.ts": 4,
  "src/core/calls/room/room.test.ts": 4,
  "src/core/rules/together.test.ts": 4,
  "src/core/rules/crash.test.ts": 4,
  "src/core/verbs/reports.test.ts": 4,
  "src/core/calls/calls.test.ts": 3,
};
const CHEAP = 0.3;

export const costOf = (file: string): number => COSTS[file] ?? CHEAP;

/** Each of `files` into one of `count` shares, each time into the lightest so far. Equal for all who deal the same files. */
export function deal(files: readonly string[], count: number): string[][] {
  const shares = Array.from({ length: count }, () => ({ cost: 0, files: [] as string[] }));
  const dearest = [...files].sort((a, b) => costOf(b) - costOf(a) || (a < b ? -1 : 1));
  for (const file of dearest) {
    const lightest = shares.reduce((one, other) => (other.cost < one.cost ? other : one));
    lightest.files.push(file);
    lightest.cost += costOf(file);
  }
  return shares.map((share) => share.files);
}

/** Vitest's own order within a shard; the shards as they are dealt here. */
export class ByCost extends BaseSequencer {
  override shard(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root, shard } = this.ctx.config;
    if (shard === undefined) return Promise.resolve(files);
    const named = new Map(files.map((file) => [relative(root, file.moduleId).replaceAll("\\", "/"), file] as const));
    const mine = deal([...named.keys()], shard.count)[shard.index - 1] ?? [];
    return Promise.resolve(mine.flatMap((name) => named.get(name) ?? []));
  }
}
