import { describe, expect, it } from "vitest";

import type { Chat } from "../state/rows.ts";
import { GROUP } from "./groups.ts";
import { checkChange, Vetoed, type Change, type DeviceName } from "./judge.ts";

const OWNER = "owner";
const MEMBER = "member";
const chat = {
  kind: GROUP,
  members: [
    { leaf: 0, account: OWNER, device: 1, added: 0 },
    { leaf: 1, account: MEMBER, device: 1, added: 0 },
  ],
  roles: { [OWNER]: 2 },
  perms: { add: 1, info: 1, send: 0 },
  left: {},
} as unknown as Chat;

function change(added: readonly DeviceName[], removed: readonly DeviceName[]): Change {
  return { by: MEMBER, added, removed, settings: false };
}

describe("what any member may commit", () => {
  it("lets a device take its own place again, or that of older ones of its account", () => {
    checkChange(chat, change([[OWNER, 1]], [[OWNER, 1]]));
    checkChange(chat, change([[OWNER, 2]], [[OWNER, 1]]));
  });

  it.each([
    [change([[OWNER, 2]], [])],
    [change([[OWNER, 1]], [[OWNER, 2]])],
    [
      change(
        [[OWNER, 2]],
        [
          [MEMBER, 1],
          [OWNER, 1],
        ],
      ),
    ],
    [change([["guest", 2]], [[OWNER, 1]])],
    [
      change(
        [
          [OWNER, 2],
          [OWNER, 3],
        ],
        [[OWNER, 1]],
      ),
    ],
  ])("refuses every other change of somebody else's devices", (done) => {
    expect(() => checkChange(chat, done)).toThrow(Vetoed);
  });
});
