import { describe, expect, it } from "vitest";
import usernames from "../../../../../vectors/service/usernames.json" with { type: "json" };
import { parseHex } from "../../../protocol/bytes.ts";
import { replacesOwn } from "../judge.ts";
import { isStrangers } from "./contact.ts";

describe("requests of strangers", () => {
  it("are known by the serial they come through", () => {
    for (const { via, stranger } of usernames.serials) expect(isStrangers(parseHex(via))).toBe(stranger);
    expect(isStrangers(null)).toBe(false);
    expect(isStrangers(new Uint8Array())).toBe(false);
  });

  it("are accepted by a commit that replaces its own leaf's reference and no other", () => {
    const told = (added: number[], removed: number[]) =>
      ({ type: "CommitAad", added, removed, rotate: false, refs_hash: new Uint8Array(32) }) as const;
    expect(replacesOwn(told([1], [1]), 1)).toBe(true);
    for (const [added, removed] of [
      [[1], []],
      [[], [1]],
      [[0], [0]],
      [
        [0, 1],
        [0, 1],
      ],
      [[], []],
    ] as const) {
      expect(replacesOwn(told([...added], [...removed]), 1)).toBe(false);
    }
  });
});
