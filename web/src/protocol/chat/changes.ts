/** Who may change what of a chat's settings (service.md 6): one table that every member's client judges by. */
import type * as cbor from "../cbor.ts";
import { error } from "../errors.ts";
import { SPAN_MAX_S } from "./expiry.ts";
import {
  ChatKind,
  ChatRole,
  type ChatSettings,
  findChanges,
  parseSettings,
  type Permissions,
  PREDECESSOR,
  TIMER,
} from "./extensions.ts";

/** Key of the extension -> the permission that opens it to members. */
const BY_PERMISSION: ReadonlyMap<cbor.Key, keyof Permissions> = new Map([
  [3, "info"],
  [4, "info"],
  [5, "info"],
  [TIMER, "timer"],
  [10, "link"],
]);

/**
 * Passes when a member of this role may turn these settings into those. What stands in no table is for admins.
 *
 * before, after: data of extension 0xF0A0. role: 0 member, 1 admin, 2 owner, by the rules for groups that lost their
 * owners. Throws `not-permitted`, Malformed.
 */
export function checkChange(before: Uint8Array, after: Uint8Array, role: number): void {
  const held = parseSettings(before);
  const { timer } = parseSettings(after);
  const changes = findChanges(before, after);
  if (changes.has(TIMER) && timer > SPAN_MAX_S) throw error("malformed", "timer");
  for (const key of changes) if (role < needed(held, key)) throw error("not-permitted");
}

/** The lowest role that may change a key; above every role where nobody may. */
function needed(held: ChatSettings, key: cbor.Key): number {
  if (key === 1 || key === 2 || key === PREDECESSOR || (held.kind === ChatKind.SELF && key !== TIMER))
    return ChatRole.OWNER + 1;
  if (key === 7) return ChatRole.OWNER;
  const permission = BY_PERMISSION.get(key);
  return permission === undefined ? ChatRole.ADMIN : held.perms[permission];
}
