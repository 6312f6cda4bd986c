/** The KEK and the time of an open lock, from the leading worker to those of other tabs. */
import { afterEach, expect, test, vi } from "vitest";
import type { Kek } from "../store/index.ts";
import { KekShare } from "./share.ts";

const shares: KekShare[] = [];
// A key crosses as it does between workers; what it opens is another test's.
const kek = "the key" as unknown as Kek;

function share(): KekShare {
  const made = new KekShare("share-test");
  shares.push(made);
  return made;
}

afterEach(() => shares.splice(0).forEach((one) => one.close()));

test("whoever leads next opens with it, unless the time without anybody ran out before", async () => {
  const leader = share();
  leader.tell(kek);
  leader.note({ seen: 1_000, afterMs: 300_000 });
  const late = share(); // comes later, and asks
  await vi.waitFor(() => expect(late.presence).toEqual({ seen: 1_000, afterMs: 300_000 }));
  expect(late.kekAt(300_999)).toBe(kek);
  expect(late.kekAt(301_000)).toBeUndefined();
  leader.note({ seen: 200_000, afterMs: 300_000 });
  await vi.waitFor(() => expect(late.kekAt(301_000)).toBe(kek));
  leader.note({ seen: 200_000, afterMs: 0 });
  await vi.waitFor(() => expect(late.kekAt(9_000_000)).toBe(kek));
});

test("closed, nobody holds it; whoever leads no more says nothing", async () => {
  const [before, after] = [share(), share()];
  before.tell(kek);
  await vi.waitFor(() => expect(after.kekAt(0)).toBe(kek));
  before.leave();
  after.tell(kek);
  after.note({ seen: 5, afterMs: 10 });
  await vi.waitFor(() => expect(before.presence).toEqual({ seen: 5, afterMs: 10 }));
  before.note({ seen: 99, afterMs: 10 });
  after.tell(undefined);
  await vi.waitFor(() => expect(before.kekAt(0)).toBeUndefined());
  expect(after.presence).toEqual({ seen: 5, afterMs: 10 });
});
