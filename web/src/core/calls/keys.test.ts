/** Epochs, counters and windows of one call. Times are arguments, so nothing here waits. */
import { describe, expect, it } from "vitest";
import { encodeKid, KeyRing, parseKid, ReplayWindow } from "./keys.ts";
import { parseHeader } from "./sframe.ts";

const NOTHING = new Uint8Array();
const base = (n: number): Uint8Array => new Uint8Array(16).fill(n);
const frame = Uint8Array.of(1, 2, 3);

function ringOf(...epochs: readonly (readonly [epoch: number, removed: boolean, nowMs: number])[]): KeyRing {
  const ring = new KeyRing();
  for (const [epoch, removed, nowMs] of epochs) ring.add(epoch, base(epoch % 251), { removed, nowMs });
  return ring;
}

const epochOf = (sealed: Uint8Array): number => parseKid(parseHeader(sealed).kid).epoch;

describe("KID", () => {
  it("holds ctx, leaf and the low bits of the epoch", () => {
    expect(encodeKid(0x0a0b, 0x0102, 0x3ff)).toBe(0x0a0b0102ffn);
    expect(parseKid(0x0a0b0102ffn)).toEqual({ ctx: 0x0a0b, leaf: 0x0102, epoch: 0xff });
    expect(encodeKid(0xffff_ffff, 0xffff, 255)).toBe((1n << 56n) - 1n);
  });

  it("takes no leaf or ctx that does not fit", () => {
    expect(() => encodeKid(1, 65_536, 0)).toThrow("wrong-call");
    expect(() => encodeKid(2 ** 40, 1, 0)).toThrow("wrong-call");
  });
});

describe("replay window", () => {
  it("takes each counter once, in any order, 512 back", () => {
    const window = new ReplayWindow();
    for (const ctr of [5n, 3n, 600n, 599n, 89n]) {
      expect(window.isFresh(ctr)).toBe(true);
      window.mark(ctr);
      expect(window.isFresh(ctr)).toBe(false);
    }
    expect(window.isFresh(88n)).toBe(false);
    expect(window.isFresh(90n)).toBe(true);
    window.mark(10_000n);
    expect(window.isFresh(600n)).toBe(false);
    expect(window.isFresh(9_999n)).toBe(true);
  });
});

describe("sending", () => {
  it("counts on over epochs, and a commit without a Remove takes effect after a second", async () => {
    const ring = ringOf([7, false, 0]);
    const sealer = ring.sender(3, 1);
    const first = await sealer.seal(frame, NOTHING, 0);
    ring.add(8, base(8), { removed: false, nowMs: 100 });
    const second = await sealer.seal(frame, NOTHING, 1_099);
    const third = await sealer.seal(frame, NOTHING, 1_100);
    expect([first, second, third].map(epochOf)).toEqual([7, 7, 8]);
    expect([first, second, third].map((sealed) => parseHeader(sealed).ctr)).toEqual([0n, 1n, 2n]);
    expect(sealer.epoch).toBe(8);
  });

  it("switches at once after a Remove", async () => {
    const ring = ringOf([7, false, 0], [8, false, 100], [9, true, 200]);
    expect(epochOf(await ring.sender(3, 1).seal(frame, NOTHING, 200))).toBe(9);
  });

  it("never gives a counter twice to frames that are sealed at once", async () => {
    const sealer = ringOf([7, false, 0]).sender(3, 1);
    const sealed = await Promise.all(Array.from({ length: 50 }, () => sealer.seal(frame, NOTHING, 0)));
    expect(new Set(sealed.map((one) => parseHeader(one).ctr)).size).toBe(50);
  });

  it("has no key before the first epoch and after the end", async () => {
    const ring = new KeyRing();
    await expect(ring.sender(3, 1).seal(frame, NOTHING, 0)).rejects.toThrow("unknown-key");
    ring.add(7, base(7), { removed: false, nowMs: 0 });
    const sealer = ring.sender(3, 1);
    await sealer.seal(frame, NOTHING, 0);
    ring.clear();
    await expect(sealer.seal(frame, NOTHING, 0)).rejects.toThrow("unknown-key");
  });

  it("zeroes what it was given and ignores what is not newer", () => {
    const ring = ringOf([7, false, 0]);
    const key = base(1);
    ring.add(8, key, { removed: false, nowMs: 0 });
    expect(key).toEqual(new Uint8Array(16));
    ring.add(8, base(2), { removed: true, nowMs: 0 });
    ring.add(6, base(2), { removed: true, nowMs: 0 });
    // A Remove told late makes haste.
    expect(ring.epochs(1_999)).toEqual([7, 8]);
    expect(ring.epochs(2_000)).toEqual([8]);
    expect(() => ring.add(9, new Uint8Array(15), { removed: false, nowMs: 0 })).toThrow("wrong-call");
  });
});

describe("receiving", () => {
  it("opens a frame once, of the right leaf alone", async () => {
    const [alice, bob] = [ringOf([7, false, 0]), ringOf([7, false, 0])];
    const sealed = await alice.sender(3, 1).seal(frame, NOTHING, 0);
    await expect(bob.receiver(2).open(sealed, NOTHING, 0)).rejects.toThrow("foreign-leaf");
    expect(await bob.receiver(1).open(sealed, NOTHING, 0)).toEqual(frame);
    // Another transform of the same call, as after a change of route.
    await expect(bob.receiver(1).open(sealed, NOTHING, 0)).rejects.toThrow("replayed");
  });

  it("opens frames of the attempt's ctx alone, where it is named", async () => {
    const [alice, bob] = [ringOf([7, false, 0]), ringOf([7, false, 0])];
    const sealed = await alice.sender(3, 1).seal(frame, NOTHING, 0);
    await expect(bob.receiver(1, 4).open(sealed, NOTHING, 0)).rejects.toThrow("foreign-leaf");
    expect(await bob.receiver(1, 3).open(sealed, NOTHING, 0)).toEqual(frame);
  });

  it("hears who joins again at a lower number, and never forgets what goes on", async () => {
    const [alice, bob] = [ringOf([7, false, 0]), ringOf([7, false, 0])];
    const [long, steady] = [alice.sender(64, 1), bob.receiver(1, 64)];
    const first = await long.seal(frame, NOTHING, 0);
    await steady.open(first, NOTHING, 0);
    for (let ctx = 66; ctx < 66 + 2 * 40; ctx += 2) {
      await bob.receiver(1, ctx).open(await alice.sender(ctx, 1).seal(frame, NOTHING, 0), NOTHING, 0);
      await steady.open(await long.seal(frame, NOTHING, 0), NOTHING, 0);
    }
    await expect(steady.open(first, NOTHING, 0)).rejects.toThrow("replayed");
    const lower = await alice.sender(2, 1).seal(frame, NOTHING, 0);
    expect(await bob.receiver(1, 2).open(lower, NOTHING, 0)).toEqual(frame);
    await expect(bob.receiver(1, 2).open(lower, NOTHING, 0)).rejects.toThrow("replayed");
  });

  it("lets one of two transforms have a frame that reaches both at once", async () => {
    const [alice, bob] = [ringOf([7, false, 0]), ringOf([7, false, 0])];
    const sealed = await alice.sender(3, 1).seal(frame, NOTHING, 0);
    const opened = await Promise.allSettled([1, 2, 3].map(() => bob.receiver(1).open(sealed, NOTHING, 0)));
    expect(opened.filter((one) => one.status === "fulfilled")).toHaveLength(1);
  });

  it("opens a new epoch at once and the old one for 10 s", async () => {
    const [alice, bob] = [ringOf([7, false, 0]), ringOf([7, false, 0], [8, false, 500])];
    const sealer = alice.sender(3, 1);
    const [one, two] = [await sealer.seal(frame, NOTHING, 0), await sealer.seal(frame, NOTHING, 0)];
    alice.add(8, base(8), { removed: false, nowMs: 0 });
    const three = await sealer.seal(frame, NOTHING, 1_000);
    const opener = bob.receiver(1);
    expect(await opener.open(three, NOTHING, 500)).toEqual(frame);
    expect(await opener.open(one, NOTHING, 10_499)).toEqual(frame);
    await expect(opener.open(two, NOTHING, 10_500)).rejects.toThrow("unknown-key");
  });

  it("opens the old epoch for 2 s after a Remove, whatever came before it", async () => {
    const alice = ringOf([7, false, 0]);
    const sealer = alice.sender(3, 1);
    const [one, two] = [await sealer.seal(frame, NOTHING, 0), await sealer.seal(frame, NOTHING, 0)];
    const bob = ringOf([7, false, 0], [8, false, 0], [9, true, 1_000]);
    const opener = bob.receiver(1);
    expect(await opener.open(one, NOTHING, 2_999)).toEqual(frame);
    await expect(opener.open(two, NOTHING, 3_000)).rejects.toThrow("unknown-key");
    expect(bob.epochs(3_000)).toEqual([9]);
  });

  it("lets an epoch with the same low bits take the old one's place", async () => {
    const alice = ringOf([7, false, 0]);
    const sealed = await alice.sender(3, 1).seal(frame, NOTHING, 0);
    const bob = ringOf([7, false, 0], [263, false, 0]);
    await expect(bob.receiver(1).open(sealed, NOTHING, 0)).rejects.toThrow("bad-tag");
  });

  it("keeps no window for KIDs that prove nothing", async () => {
    const bob = ringOf([7, false, 0]);
    const stranger = ringOf([7, false, 0]);
    stranger.add(263, base(9), { removed: false, nowMs: 0 });
    for (let ctx = 0; ctx < 300; ctx++) {
      const forged = await stranger.sender(ctx, 1).seal(frame, NOTHING, 5_000);
      await expect(bob.receiver(1).open(forged, NOTHING, 0)).rejects.toThrow("bad-tag");
    }
    const alice = ringOf([7, false, 0]);
    expect(await bob.receiver(1).open(await alice.sender(3, 1).seal(frame, NOTHING, 0), NOTHING, 0)).toEqual(frame);
  });
});
