/**
 * Which group may take the place of another one (service.md 6): one rule that every member's client judges by.
 *
 * A successor is a new group that names the group and epoch it follows. To take one for the same chat is to believe its
 * maker in place of the old group's commits, so it must be what the old group already agreed on: its settings, its
 * people.
 */
import { compare, equal } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import { error } from "../errors.ts";
import { Fields } from "../fields.ts";
import { encodeB64 } from "../ids.ts";
import { SUITE_RFC1, SUITE_XWING } from "../limits.ts";
import { checkChange } from "./changes.ts";
import {
  changeSettings,
  ChatKind,
  ChatRole,
  findChanges,
  KEYS_MAX,
  parseSettings,
  type Predecessor,
  PREDECESSOR,
} from "./extensions.ts";

/** Why a group was followed by another one. */
export const Reason = { STUCK: 1, RESIZE: 2, SUITE: 3 } as const;

/** The old group was fine: somebody wanted another one. */
const BY_CHOICE: readonly number[] = [Reason.RESIZE, Reason.SUITE];

/** An epoch of a group and a secret of those who were in it. */
export interface Passed {
  readonly epoch: number;
  readonly authenticator: Uint8Array;
}

/**
 * What a member holds of the group that ended.
 *
 * settings: data of its extension 0xF0A0. accounts: of the tree of this epoch. left: those who sent `leave`.
 * offender: account that signed the commit of this epoch which this member refused itself. suite: its MLS cipher suite.
 * passed: the last epochs that ended by a commit.
 */
export interface Held {
  readonly gid: Uint8Array;
  readonly epoch: number;
  readonly authenticator: Uint8Array;
  readonly settings: Uint8Array;
  readonly accounts: readonly Uint8Array[];
  readonly left: readonly Uint8Array[];
  readonly offender?: Uint8Array | undefined;
  readonly suite: number;
  readonly passed: readonly Passed[];
}

/**
 * The group that says it follows. creator: account of who made it; role: of theirs in the held tree, 0 to 2. suite: its
 * MLS cipher suite.
 */
export interface Made {
  readonly settings: Uint8Array;
  readonly accounts: readonly Uint8Array[];
  readonly creator: Uint8Array;
  readonly role: number;
  readonly suite: number;
}

/** What orders two successors of one group: the lower one stays. leaf: of the maker's device in the held tree. */
export interface Place {
  readonly leaf: number;
  readonly gid: Uint8Array;
}

/** Why `made` takes the place of `held`. Throws `not-allowed` where it does not, Malformed. */
export function checkSuccessor(held: Held, made: Made): number {
  const reason = checkNamed(held, made, []);
  checkPeople(held, made, reason);
  const changes = findChanges(held.settings, made.settings);
  if ([...changes].some((key) => key !== PREDECESSOR)) throw error("not-allowed", "other settings");
  const isOne = findPeople(held, reason).some((who) => equal(who, made.creator));
  if (made.role < ChatRole.ADMIN || !isOne) throw error("not-allowed", "its maker");
  return reason;
}

/**
 * The same for a device that another one of its account, the creator here, brings into a later epoch.
 *
 * Its maker cannot be known any more, and names or roles may have changed. Where the old group was fine, this device may
 * have followed a commit of it that its sibling left out. Throws as `checkSuccessor`.
 */
export function checkLater(held: Held, made: Made): number {
  if (parseSettings(made.settings).kind !== parseSettings(held.settings).kind)
    throw error("not-allowed", "another kind");
  const reason = checkNamed(held, made, held.passed);
  if (without(findPeople(held, reason), made.accounts).length > 0) throw error("not-allowed", "other people");
  checkPeople(held, made, reason);
  return reason;
}

/**
 * The same for an account that was not reached when it was made: an admin, the creator here, adds it later.
 *
 * It may be any epoch, so who is in it and its name may have changed by right; but nobody has a role that they did not
 * have, and who broke the old group is not in it. Throws as `checkSuccessor`.
 */
export function checkBack(held: Held, made: Made): number {
  const reason = checkNamed(held, made, []);
  const [before, now] = [parseSettings(held.settings), parseSettings(made.settings)];
  const people = findPeople(held, reason);
  const { offender } = held;
  if (reason !== Reason.STUCK || offender === undefined || before.kind !== now.kind || has(made.accounts, offender))
    throw error("not-allowed", "not what was broken");
  if (!mayMiss(held, without(people, made.accounts), made.role)) throw error("not-allowed", "other people");
  const isOld = now.roles.every((one) =>
    before.roles.some((other) => equal(one.account, other.account) && one.role === other.role),
  );
  if (made.role < ChatRole.ADMIN || !has(people, made.creator) || !isOld) throw error("not-allowed", "a role");
  return reason;
}

/**
 * The same where the server lost what came after a backup, and this member never saw the epoch that is named.
 *
 * So others left an old group in which this member and whoever they removed are alone. No secret of that epoch proves it,
 * so it may be no more than what its maker could have made of the old group by right in this member's eyes. since: epoch
 * that this member held when the server had gone back; later ones came about there and prove nothing of what was lost.
 * replaced: those that this member held since then, until a Welcome brought it back to where they never were; such a one
 * may be named, too. Throws as `checkSuccessor`.
 */
export function checkAhead(held: Held, made: Made, since: number, replaced: readonly Passed[]): number {
  const { predecessor: told } = parseSettings(made.settings);
  if (told === undefined || !equal(told.gid, held.gid)) throw error("not-allowed", "another group");
  const isNamed = (one: Passed) => isSame(one, told);
  const isLost = told.epoch > since || replaced.some(isNamed);
  if (told.reason !== Reason.STUCK || !isLost || [held, ...held.passed].some(isNamed))
    throw error("not-allowed", "another epoch");
  if (held.suite !== made.suite) throw error("not-allowed", "another suite");
  const people = findPeople(held, told.reason);
  if (made.role < ChatRole.ADMIN || !has(people, made.creator) || !has(made.accounts, made.creator))
    throw error("not-allowed", "its maker");
  const { kind, roles } = parseSettings(held.settings);
  const missing = without(people, made.accounts);
  const owners = roles.filter(({ role }) => role === ChatRole.OWNER).map(({ account }) => account);
  const fits =
    kind === ChatKind.GROUP
      ? without([held.offender ?? NOBODY], made.accounts).length > 0 &&
        (made.role >= ChatRole.OWNER || !missing.some((who) => has(owners, who)))
      : missing.length === 0 && without(made.accounts, people).length === 0;
  if (!fits) throw error("not-allowed", "other people");
  checkSettings(withPredecessor(held.settings, told), made);
  return told.reason;
}

const NOBODY = new Uint8Array();

/**
 * Its maker may change these settings into those, but for admins who are none any more: an owner did that before.
 *
 * before: as held, with the same predecessor.
 */
function checkSettings(before: Uint8Array, made: Made): void {
  const now = parseSettings(made.settings).roles.map(({ account }) => account);
  const roles = parseSettings(before).roles.filter(({ account, role }) => role === ChatRole.OWNER || has(now, account));
  const less = changeSettings(before, { roles });
  const same = !findChanges(less, made.settings).has(ROLES);
  checkChange(same ? less : before, made.settings, made.role);
}

const ROLES = 7;

/**
 * Whether a successor may be without these people, whom its maker, of this role, could not reach.
 *
 * Only where a broken commit is proven: every member refused it, so nobody is left alone in a group that seems well. And
 * only whom the maker may remove anyway, so that it is no Remove without the right.
 */
export function mayMiss(held: Held, missing: readonly Uint8Array[], role: number): boolean {
  const { kind, roles } = parseSettings(held.settings);
  if (missing.length === 0) return true;
  if (kind !== ChatKind.GROUP || held.offender === undefined || role < ChatRole.ADMIN) return false;
  const owners = roles.filter((one) => one.role === ChatRole.OWNER).map(({ account }) => account);
  return role >= ChatRole.OWNER || !missing.some((who) => has(owners, who));
}

const has = (all: readonly Uint8Array[], one: Uint8Array): boolean => all.some((other) => equal(other, one));

const without = (all: readonly Uint8Array[], gone: readonly Uint8Array[]): Uint8Array[] =>
  all.filter((one) => !has(gone, one));

/**
 * Whether a group by choice names an epoch of a group which a commit ended before: nobody follows it.
 *
 * The server gives all members a commit and a Welcome in one order, so its maker sees that too, and tries again. To show
 * it would be to show a chat that nobody is in. passed: see `Held`, of the group it names. Throws Malformed.
 */
export function isLate(passed: readonly Passed[], settings: Uint8Array): boolean {
  const { kind, predecessor: told } = parseSettings(settings);
  if (told === undefined || kind !== ChatKind.GROUP || !BY_CHOICE.includes(told.reason)) return false;
  return passed.some((one) => isSame(one, told));
}

export function isSame(one: Passed, other: Passed): boolean {
  return one.epoch === other.epoch && equal(one.authenticator, other.authenticator);
}

/**
 * It names the epoch that is held, a secret of those who were in it, and has a suite that its reason allows.
 *
 * passed: epochs that it may name instead where the old group was fine.
 */
function checkNamed(held: Held, made: Made, passed: readonly Passed[]): number {
  const { kind, predecessor: told } = parseSettings(made.settings);
  if (told === undefined || !equal(told.gid, held.gid)) throw error("not-allowed", "another group");
  const byChoice = BY_CHOICE.includes(told.reason);
  const named = byChoice ? [held, ...passed] : [held];
  if (!named.some((one) => isSame(one, told))) throw error("not-allowed", "another epoch");
  if (byChoice && kind !== ChatKind.GROUP) throw error("not-allowed", "a chat of two stays as it is");
  if (!fits(told.reason, held.suite, made.suite)) throw error("not-allowed", "another suite");
  return told.reason;
}

/**
 * It has the people of the old group and nobody else, but whom its maker could not reach and may remove.
 *
 * Whoever said `leave` need not come along, and may not know it of another who did: the others remove them again.
 */
function checkPeople(held: Held, made: Made, reason: number): void {
  const people = findPeople(held, reason);
  const missing = without(people, made.accounts);
  if (without(made.accounts, [...people, ...held.left]).length > 0) throw error("not-allowed", "other people");
  if (missing.length > 0 && (reason !== Reason.STUCK || !mayMiss(held, missing, made.role)))
    throw error("not-allowed", "other people");
}

/**
 * Whether a reason allows these suites: strength is lost for more room alone, which people are told.
 *
 * So a group grows once, and cannot be led from one suite to the next without an end.
 */
function fits(reason: number, before: number, after: number): boolean {
  if (reason === Reason.RESIZE) return before === SUITE_XWING && after === SUITE_RFC1;
  if (reason === Reason.SUITE) return before === SUITE_RFC1 && after === SUITE_XWING;
  return before === after;
}

/** The accounts that come along: all but who left and, in a stuck group, who broke it. */
export function findPeople(held: Held, reason: number): Uint8Array[] {
  const gone = new Set(held.left.map(encodeB64));
  const proven = reason === Reason.STUCK && parseSettings(held.settings).kind === ChatKind.GROUP;
  if (proven && held.offender !== undefined) gone.add(encodeB64(held.offender));
  return held.accounts.filter((account) => !gone.has(encodeB64(account)));
}

/** Whether `one` stays where both follow the same group. */
export function precedes(one: Place, other: Place): boolean {
  return one.leaf === other.leaf ? compare(one.gid, other.gid) < 0 : one.leaf < other.leaf;
}

/** The extension's data for the group that follows: all else stays as it is. Throws Malformed. */
export function withPredecessor(data: Uint8Array, one: Predecessor): Uint8Array {
  const values = new Map<cbor.Key, cbor.Value>(Fields.ofItems([cbor.parse(data)]).pairs(0, KEYS_MAX));
  const changed = cbor.encode(values.set(PREDECESSOR, [one.gid, one.epoch, one.authenticator, one.reason]));
  parseSettings(changed);
  return changed;
}
