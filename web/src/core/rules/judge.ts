/**
 * The veto: which accepted commits this client refuses (service.md 3 and 6), and which intents it drops.
 * Twin of zajil.client.core.judge.
 *
 * It rests on certificate, tree, AAD, extension and what the group was sent before, never on private knowledge such as
 * device lists, so that all honest members judge alike.
 */
import { parseAad, type CommitAad } from "../../protocol/chat/aad.ts";
import { checkChange as checkChangeOfSettings } from "../../protocol/chat/changes.ts";
import { CHAT_SETTINGS } from "../../protocol/chat/extensions.ts";
import { ZajilError } from "../../protocol/errors.ts";
import type { Extension, Group, Staged } from "../mls/mls.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id } from "../state/rows.ts";
import * as groups from "./groups.ts";
import { ADMIN, DM, OWNER, roleOf, SELF } from "./groups.ts";

/** A commit that MLS accepts and the chat's rules do not. rule: for developers. signer: leaf index, once known. */
export class Vetoed extends Error {
  declare signer?: number | undefined;
  readonly rule: string;

  constructor(rule: string) {
    super(rule);
    this.name = "Vetoed";
    this.rule = rule;
  }
}

export type DeviceName = readonly [account: Id, device: number];

/** A commit as the rules see it. settings: whether they change. */
export interface Change {
  readonly by: Id;
  readonly added: readonly DeviceName[];
  readonly removed: readonly DeviceName[];
  readonly settings: boolean;
}

/** The AAD of a foreign commit that stands. Throws Vetoed. */
export function checkCommit(chat: Chat, group: Group, staged: Staged): CommitAad {
  const committer = rows.memberAt(chat, staged.committer);
  if (committer === undefined) throw new Vetoed("committer");
  const told = commitAad(staged.aad);
  const added = staged.added.map((member) => member.leaf).sort((a, b) => a - b);
  const removed = staged.removed.map((member) => member.leaf).sort((a, b) => a - b);
  if (replacesOwn(told, staged.committer)) {
    // Nobody comes or goes: the committer alone is reached by another reference from now on.
    if (added.length > 0 || removed.length > 0) throw new Vetoed("aad leaves");
  } else {
    const leavesAgree = told.added.join() === added.join() && told.removed.join() === removed.join();
    if (!leavesAgree || (removed.length > 0 && !told.rotate)) throw new Vetoed("aad leaves");
  }
  // A ReInit: nothing could be sent after it. A group of ours is followed by a successor, never by this.
  if (staged.status === "suspended") throw new Vetoed("reinit");
  const settings = !sameExtensions(staged.extensions, group.extensions);
  checkChange(chat, changeOf(committer.account, staged, settings));
  if (settings) checkSettings(chat, committer.account, group, staged);
  return told;
}

/** Whether a commit gives its committer's own leaf another reference: the one such case that members allow. */
export function replacesOwn(told: CommitAad, committer: number): boolean {
  const [added, removed] = [told.added, told.removed];
  return added.length === 1 && removed.length === 1 && added[0] === committer && removed[0] === committer;
}

function commitAad(data: Uint8Array): CommitAad {
  try {
    const told = parseAad(data);
    if (told.type === "CommitAad") return told;
  } catch (problem) {
    if (!(problem instanceof ZajilError)) throw problem;
  }
  throw new Vetoed("aad");
}

/** Whether two lists of extensions are the same bytes in the same order. */
export function sameExtensions(a: readonly Extension[], b: readonly Extension[]): boolean {
  const text = (list: readonly Extension[]) => list.map((e) => `${e.type}:${rows.idOf(e.data)}`).join();
  return text(a) === text(b);
}

/** The accounts and devices behind the leaves of a staged commit. */
export function changeOf(by: Id, staged: Staged, settings: boolean): Change {
  const names = (members: Staged["added"]) => members.map((member) => groups.deviceOf(member.client));
  return { by, added: names(staged.added), removed: names(staged.removed), settings };
}

/** Passes when `change.by` may do this in the tree and with the roles of `chat`. Throws Vetoed. */
export function checkChange(chat: Chat, change: Change): void {
  if (change.settings && (change.added.length > 0 || change.removed.length > 0)) {
    throw new Vetoed("settings change alone");
  }
  if (isReadd(change)) return;
  for (const [account] of change.added) checkAdd(chat, change.by, account);
  for (const [account] of change.removed) checkRemove(chat, change.by, account);
}

/**
 * A device takes its own place again, or that of older ones of its account, in one commit: any member may.
 *
 * The second is what a restored account needs, whose devices are all lost, also where it alone may add. Numbers of
 * devices only grow, so no member brings an old device back in the place of a newer one.
 */
function isReadd(change: Change): boolean {
  const [added, ...more] = change.added;
  if (added === undefined || more.length > 0 || change.removed.length === 0) return false;
  return change.removed.every(([account, device]) => account === added[0] && device <= added[1]);
}

function checkAdd(chat: Chat, by: Id, account: Id): void {
  if (account === by) return;
  if (chat.kind === SELF) throw new Vetoed("another account in the self group");
  if (chat.kind === DM) {
    const present = rows.accountsOf(chat);
    if (!present.includes(account) && present.length >= 2) throw new Vetoed("a third account in a DM");
    return;
  }
  // One device of an account that is in already: its own other devices or a re-add bring it, not a stranger.
  if (roleOf(chat, by) < (chat.perms["add"] ?? ADMIN)) throw new Vetoed("add");
}

function checkRemove(chat: Chat, by: Id, account: Id): void {
  if (account === by || account in chat.left) return;
  if (chat.kind === DM) throw new Vetoed("remove in a DM");
  const role = roleOf(chat, by);
  if (role < ADMIN || (roleOf(chat, account) === OWNER && role < OWNER)) throw new Vetoed("remove");
}

/** Passes when `by` may make this change of the group's extensions. Throws Vetoed. */
export function checkSettings(chat: Chat, by: Id, group: Group, staged: Staged): void {
  const others = (list: readonly Extension[]) => list.filter((extension) => extension.type !== CHAT_SETTINGS);
  if (!sameExtensions(others(staged.extensions), others(group.extensions))) throw new Vetoed("extensions");
  const data = (list: readonly Extension[]) => groups.findExtension(list, CHAT_SETTINGS) ?? new Uint8Array();
  checkNewSettings(chat, by, data(group.extensions), data(staged.extensions));
}

/** Passes when `by` may turn these settings of the chat into those: data of extension 0xF0A0. Throws Vetoed. */
export function checkNewSettings(chat: Chat, by: Id, before: Uint8Array, after: Uint8Array): void {
  try {
    checkChangeOfSettings(before, after, roleOf(chat, by));
  } catch (problem) {
    if (problem instanceof ZajilError) throw new Vetoed(problem.code === "not-permitted" ? "right" : "settings");
    throw problem;
  }
}

/** Whether what this account writes is shown: in a group where only admins write, a member's is not. */
export function mayWrite(chat: Chat, account: Id): boolean {
  return chat.kind !== groups.GROUP || roleOf(chat, account) >= (chat.perms["send"] ?? 0);
}
