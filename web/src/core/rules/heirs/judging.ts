/** Whether a group that we were added to takes the place of one that we hold. Twin of zajil.client.core.heirs.judging. */
import {
  checkAhead,
  checkBack,
  checkLater,
  checkSuccessor,
  type Held,
  isLate,
  isSame,
  type Made,
  type Passed,
  Reason,
} from "../../../protocol/chat/successors.ts";
import { ZajilError } from "../../../protocol/errors.ts";
import type { Group, JoinInfo } from "../../mls/mls.ts";
import * as accounts from "../../state/accounts.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id } from "../../state/rows.ts";
import type { Look } from "../../state/step.ts";
import * as groups from "../groups.ts";
import { findEnd, isStuck, isUndecided } from "./ending.ts";
import { findMark, findPassed } from "./returning.ts";

/**
 * The chat that goes on in the new group. by: who made that, "" where a sibling brings us in later. leaf: of that one's
 * device in the old tree. ahead: see `Heir`; below 0 where it follows an epoch that the server lost, and that we saw end
 * so many epochs ago.
 */
export interface Followed {
  readonly old: Chat;
  readonly by: Id;
  readonly leaf: number;
  readonly reason: number;
  readonly ahead?: number;
}

/** What a successor of this group is judged by. */
export async function findHeld(look: Look, chat: Chat): Promise<Held | undefined> {
  const end = await findEnd(look, chat);
  if (end === null) return undefined;
  const { epoch, authenticator, settings, offender } = end;
  const accounts = rows.accountsOf(chat).map(rows.bytesOf);
  const left = Object.keys(chat.left).map(rows.bytesOf);
  const proven = offender === "" ? {} : { offender: rows.bytesOf(offender) };
  const group = { gid: rows.bytesOf(chat.gid), suite: chat.suite, passed: chat.passed };
  return { ...group, epoch, authenticator, settings, accounts, left, ...proven };
}

/** The role of an account in a group without its offender, whose roles fall to others where nobody else had one. */
export function roleWithout(chat: Chat, account: Id, offender: Id): number {
  return groups.roleOf({ ...chat, members: chat.members.filter((member) => member.account !== offender) }, account);
}

/**
 * The chat whose place this group takes by the rules, undefined where it is a chat of its own.
 *
 * A device of ours that comes in later by another device of ours takes that one's word for who made it, and no more.
 */
export async function findFollowed(look: Look, group: Group, info: JoinInfo): Promise<Followed | undefined> {
  const told = groups.settingsOf(group.extensions).predecessor;
  const old = told === undefined ? undefined : await rows.findChat(look.tx, rows.idOf(told.gid));
  const signer = group.findMember(info.signer);
  if (told === undefined || old === undefined || signer === undefined) return undefined;
  if (old.request !== "" || old.status === "removed" || old.status === "left") return undefined;
  const [creator, device] = groups.deviceOf(signer.client);
  const [held, leaf] = [await findHeld(look, old), rows.leafOf(old, creator, device)];
  if (held === undefined || leaf === undefined) return undefined;
  if (!(await isUndecided(look, old))) return undefined;
  const own = creator === look.profile.account_id;
  if (group.epoch !== 1 && !own && !isStuck(old)) return undefined;
  const judged = { old, held, group, creator, own };
  const reason = await findReason(look, judged);
  if (reason !== undefined) return { old, by: group.epoch === 1 ? creator : "", leaf, reason };
  if (group.epoch !== 1) return undefined;
  let ahead = await findAhead(look, judged, device);
  if (ahead === 0 && old.kind === groups.GROUP && (old.heir === null || (await isRepaired(look, old)))) {
    // Chats of two become one whoever follows.
    const lower = await findAhead(look, judged, device, await findPassed(look, old));
    if (lower > 0) ahead = lower - held.epoch;
  }
  return ahead === 0 ? undefined : { old, by: creator, leaf, reason: Reason.STUCK, ahead };
}

/**
 * The epoch that it follows, if a server which came back lost that: before we saw it, or were brought back out of it. 0
 * where it did not.
 *
 * Its maker must be a device of now: one that was ended since is in our tree, too. ended: epochs that we saw end, to be
 * asked for instead.
 */
export async function findAhead(
  look: Look,
  judged: Judged,
  device: number,
  ended?: readonly Passed[],
): Promise<number> {
  const mark = await findMark(look, judged.old.gid);
  const { devices } = await accounts.known(look, judged.creator);
  if (mark === undefined || (devices.length > 0 && devices.every(([listed]) => listed !== device))) return 0;
  const lost = ended ?? mark.replaced ?? [];
  const passed = judged.held.passed.filter((one) => !lost.some((other) => isSame(one, other)));
  const isOne = tryCheck(() => checkAhead({ ...judged.held, passed }, madeOf(judged), mark.epoch, lost));
  return isOne === undefined ? 0 : (groups.settingsOf(judged.group.extensions).predecessor?.epoch ?? 0);
}

/** Whether this first epoch of a group by choice comes after the old one went on: it is no chat at all. */
export async function isTooLate(look: Look, group: Group): Promise<boolean> {
  const settings = groups.findSettings(group.extensions);
  const told = groups.settingsOf(group.extensions).predecessor;
  const old = told === undefined ? undefined : await rows.findChat(look.tx, rows.idOf(told.gid));
  if (old === undefined || group.epoch !== 1 || old.kind !== groups.GROUP) return false;
  const end = old.heir !== null || wentOn(old) ? await findEnd(look, old) : null;
  return isLate(end === null ? old.passed : [end, ...old.passed], settings);
}

/** Whether a commit ended the epoch that we hold last, and we could not follow it. */
function wentOn({ status, asking }: Chat): boolean {
  return status === "await" || ["refused", "gap", "welcome"].includes(asking?.reason ?? "");
}

interface Judged {
  readonly old: Chat;
  readonly held: Held;
  readonly group: Group;
  readonly creator: Id;
  /** Whether the creator is our account. */
  readonly own: boolean;
}

/**
 * Why a group of this creator takes the place of the old one, undefined where it does not.
 *
 * One by choice does not where the old group went on, or broke: it would undo that, or bring back who broke it.
 */
export async function findReason(look: Look, judged: Judged): Promise<number | undefined> {
  const { old, held, group, own } = judged;
  const check = group.epoch === 1 ? checkSuccessor : own ? checkLater : checkBack;
  const reason = tryCheck(() => check(held, madeOf(judged)));
  if (reason === undefined || reason === Reason.STUCK || group.epoch !== 1) return reason;
  return wentOn(old) || held.offender !== undefined || (await isRepaired(look, old)) ? undefined : reason;
}

/** Whether a repair took the place of this one: it has the suite of the group that it follows. */
const isRepaired = async (look: Look, { heir, suite }: Chat): Promise<boolean> =>
  heir !== null && (await look.chat(heir.gid)).suite === suite;

function madeOf({ old, held, group, creator }: Judged): Made {
  const people = new Set(group.members().map((member) => groups.deviceOf(member.client)[0]));
  return {
    settings: groups.findSettings(group.extensions),
    accounts: [...people].map(rows.bytesOf),
    creator: rows.bytesOf(creator),
    role: roleWithout(old, creator, held.offender === undefined ? "" : rows.idOf(held.offender)),
    suite: group.suite,
  };
}

/** What a rule of `successors` says, undefined where it refuses. */
function tryCheck(check: () => number): number | undefined {
  try {
    return check();
  } catch (problem) {
    if (problem instanceof ZajilError) return undefined;
    throw problem;
  }
}
