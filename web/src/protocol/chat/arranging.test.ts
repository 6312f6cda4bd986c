/** Pins, archive, mute and drafts, by the vectors that Python reads too. */
import { expect, test } from "vitest";
import vectors from "../../../../vectors/service/arranging.json";
import { encodeHex as toHex, parseHex as hex } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import * as arranging from "./arranging.ts";
import type { Registers } from "./arranging.ts";

const settingsIn = (text: string) => arranging.parseSettings(cbor.parse(hex(text)) as cbor.Parsed[]);

function arrive(settings: readonly arranging.Setting[]): Map<string, Registers> {
  const held = new Map<string, Registers>();
  for (const { gid, which, register } of settings) {
    held.set(toHex(gid), arranging.join(held.get(toHex(gid)) ?? {}, { [which]: register }));
  }
  return held;
}

test.each(vectors.stories)(
  "story %# ends as in Python, in any order and with repeats",
  ({ told, held, heard, now }) => {
    const settings = settingsIn(told);
    const orders = [settings, [...settings].reverse(), [...settings, ...settings.slice(1)]];
    orders.push([...settings].sort((a, b) => a.register[1].length - b.register[1].length || b.which - a.which));
    for (const order of orders) {
      const ended = arrive(order);
      for (const expected of held) {
        const registers = ended.get(expected.gid) ?? {};
        expect(
          Object.fromEntries(Object.entries(registers).map(([which, [at, value]]) => [which, [at, toHex(value)]])),
        ).toEqual(expected.registers);
        const seen = arranging.readRegisters(registers);
        expect(seen.pinned).toBe(expected.pinned);
        expect(seen.muted_until > now).toBe(expected.muted);
        expect(arranging.isArchived(seen, heard)).toBe(expected.archived);
        expect(seen.draft?.text ?? null).toBe(expected.draft);
      }
    }
  },
);

test.each(vectors.refused)("refused: %s", (text) => {
  // The count is the part's own to check.
  const items = cbor.parse(hex(text)) as cbor.Parsed[];
  if (items.length > 1) expect(items.length).toBe(arranging.ENTRIES + 1);
  else expect(() => arranging.parseSettings(items)).toThrow("malformed");
});

test("what a later version wrote is left out", () => {
  expect(settingsIn(vectors.later).map(({ which }) => which)).toEqual([arranging.PIN]);
});

test("the first five pins are shown in order", () => {
  const { held, away, shown } = vectors.pins;
  const pinned = (held as [string, number][]).filter(([gid]) => gid !== away);
  const found = arranging.shownPins(pinned.map(([gid, at]) => ({ gid: hex(gid), at })));
  expect(found.map(({ gid }) => toHex(gid))).toEqual(shown);
});

test("a change of now counts, whatever the clock says", () => {
  const held: Registers = { [arranging.PIN]: [9, cbor.encode(9)] };
  const mine: arranging.Register = [arranging.nextAt(held, arranging.PIN, 3), cbor.encode(0)];
  expect(arranging.join(held, { [arranging.PIN]: mine })[arranging.PIN]).toEqual(mine);
  expect(arranging.nextAt({}, arranging.PIN, 3)).toBe(3);
});

test("what does not fit into one part goes in several", () => {
  const long = arranging.encodeDraft({ text: "x".repeat(arranging.DRAFT_BYTES), reply_to: null });
  const settings = [1, 2, 3].map((n) => ({
    gid: new Uint8Array(16).fill(n),
    which: arranging.DRAFT,
    register: [1, long] as const,
  }));
  const parts = arranging.partSettings(settings);
  expect(parts.flat()).toEqual(settings);
  expect(parts).toHaveLength(3);
});
