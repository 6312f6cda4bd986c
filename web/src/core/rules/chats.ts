/**
 * What a person does with chats: open one, change its members, leave. Each queues items; the outbox sends them.
 * Twin of zajil.client.core.chats.
 */
import { SPAN_MAX_S } from "../../protocol/chat/expiry.ts";
import { DEFAULT_PERMISSIONS, encodeSettings, type ChatSettings, type Invite } from "../../protocol/chat/extensions.ts";
import { encodeText } from "../../protocol/bytes.ts";
import { error } from "../../protocol/errors.ts";
import {
  ACCOUNT_DEVICES,
  ADDED_LEAVES,
  GROUP_LEAVES,
  NAME_BYTES,
  SUITE_XWING,
  XWING_LEAVES,
} from "../../protocol/limits.ts";
import { chooseSuite } from "../mls/mls.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id, Intent } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";
import * as contact from "./contact/contact.ts";
import * as usernames from "./contact/usernames.ts";
import * as groups from "./groups.ts";
import { DM, GROUP, OWNER, SELF } from "./groups.ts";
import { mayWrite } from "./judge.ts";
import * as messages from "./messages.ts";
import * as outbox from "./outbox.ts";
import { note } from "./talk/notices.ts";

/** The group of our own devices, made once at registration; its id. */
export function openSelfChat(step: Step): Promise<Id> {
  return create(step, settingsFor(SELF), []);
}

/** The DM with an account: the one there is, or a new one. */
export async function openDm(step: Step, peer: Id): Promise<Id> {
  const asked = (await contact.incoming(step)).find((chat) => chat.peer === peer);
  if (asked !== undefined) {
    await contact.accept(step, asked.gid);
    return asked.gid;
  }
  const existing = await findDm(step, peer);
  if (existing === undefined) return create(step, settingsFor(DM), [peer]);
  if (existing.status === "active" && !rows.accountsOf(existing).includes(peer)) {
    await outbox.submitIntent(step, existing.gid, rows.makeIntent("add", { accounts: [peer] }));
  }
  return existing.gid;
}

/** A DM with an account that has not let us know how it is reached: it waits for that account's yes. */
export async function openRequest(step: Step, peer: Id): Promise<Id> {
  const gid = await create(step, settingsFor(DM), [peer]);
  await step.changeChat(gid, { request: "outgoing" });
  return gid;
}

/** The DM with an account, or a new one that says it was made to ask by this link: no list shows it yet. */
export async function openQuietDm(step: Step, peer: Id, invite: Invite): Promise<Id> {
  const existing = await findDm(step, peer);
  return existing === undefined ? create(step, { ...settingsFor(DM), invites: [invite] }, [peer]) : openDm(step, peer);
}

/** Another DM with an account, where the one there is does not work; once both do, they merge. */
export function openNewDm(step: Step, peer: Id): Promise<Id> {
  return create(step, settingsFor(DM), [peer]);
}

/** The DM with an account that is used now. */
export async function findDm(look: Look, peer: Id): Promise<Chat | undefined> {
  const found = (await rows.allChats(look.tx)).filter(
    (c) =>
      c.kind === DM && c.peer === peer && c.merged + c.request === "" && c.status !== "removed" && c.status !== "left",
  );
  const late = (chat: Chat) => Number(chat.status !== "active");
  return found.sort((a, b) => late(a) - late(b) || rows.compareIds(a.gid, b.gid))[0];
}

/** A new group owned by us; its id. large: it is to grow beyond the devices of a post-quantum group. */
export async function openGroup(step: Step, title: string, people: readonly Id[], large = false): Promise<Id> {
  checkName(title);
  const roles = [{ account: rows.bytesOf(step.profile.account_id), role: OWNER }];
  return create(step, { ...settingsFor(GROUP), name: title, roles }, people, large ? XWING_LEAVES + 1 : 0);
}

/** How many devices a new group with these accounts will have, as far as their lists are known here. */
export async function expectedLeaves(look: Look, people: readonly Id[]): Promise<number> {
  let leaves = 0;
  for (const account of new Set([look.profile.account_id, ...people]))
    leaves += Math.max(1, (await accounts.known(look, account)).devices.length);
  return leaves;
}

/** Settings that say nothing but the kind. */
function settingsFor(kind: number): ChatSettings {
  return { kind, name: "", about: "", timer: 0, roles: [], perms: DEFAULT_PERMISSIONS };
}

/** Throws `malformed` for a name or title that is empty, too long or no UTF-8. */
export function checkName(name: string): void {
  const size = encodeText(name.trim()).length;
  if (size < 1 || size > NAME_BYTES) throw error("malformed", "name of 1 to 256 bytes");
}

/** least: leaves of the whole group, where more than those of `people` come. */
async function create(step: Step, settings: ChatSettings, people: readonly Id[], least = 0): Promise<Id> {
  await checkPeople(step, people);
  const expected = Math.max(least, await expectedLeaves(step, people));
  if (expected > GROUP_LEAVES) throw error("group-full");
  // Any number of devices of so few accounts fits into one commit.
  const most = expected > XWING_LEAVES ? Math.floor(ADDED_LEAVES / ACCOUNT_DEVICES) : people.length + 1;
  const gid = await begin(step, encodeSettings(settings), people, chooseSuite([], expected), most);
  if (settings.kind === DM && settings.invites !== undefined) await step.changeChat(gid, { quiet: true });
  if (settings.kind === GROUP) await note(step, gid, "created", { by: step.profile.account_id, text: settings.name });
  step.event("created", gid);
  return gid;
}

/**
 * Queue a new group of these settings and the Add of these people with all devices; its id.
 *
 * data: of extension 0xF0A0. people: the other one first in a DM. most: accounts that one commit adds.
 */
export async function begin(
  step: Step,
  data: Uint8Array,
  people: readonly Id[],
  suite: number,
  most = people.length + 1,
): Promise<Id> {
  const gid = rows.idOf(step.rng(16));
  const group = await groups.create(step, gid, data, suite);
  const settings = groups.settingsOf(group.extensions);
  const own = step.profile;
  const base: Chat = { ...rows.EMPTY_CHAT, gid, kind: settings.kind, title: settings.name, status: "creating" };
  await rows.saveChat(step.tx, {
    ...groups.describe(base, group),
    peer: settings.kind === DM ? (people[0] ?? "") : "",
    gs: await groups.groupSecret(group, gid),
    rotated_at: step.now,
    activity: step.now,
    members: [{ leaf: 0, account: own.account_id, device: own.device_id, added: 0 }],
  });
  await step.saveGroup(gid, group);
  await outbox.submit(step, rows.makeItem(gid, "create", step.now, { claim_id: step.rng(16) }));
  const devices = (await accounts.known(step, own.account_id)).devices;
  const others = devices.some(([device]) => device !== own.device_id);
  const invited = [...(others ? [own.account_id] : []), ...people.filter((person) => person !== own.account_id)];
  for (let first = 0; first < invited.length; first += most)
    await outbox.submitIntent(step, gid, rows.makeIntent("add", { accounts: invited.slice(first, first + most) }));
  return gid;
}

/** Whether the other side of a DM has another account key than the one that was verified: nothing is said then. */
export async function awaitsDecision(look: Look, chat: Chat): Promise<boolean> {
  return chat.kind === DM && accounts.isKeyChanged(await accounts.known(look, chat.peer));
}

/** The chat, if we may act in it. Throws `not-a-member`, `unknown-chat`; in a DM `contact-blocked`, `contact-gone`. */
export async function checkMember(look: Look, gid: Id): Promise<Chat> {
  let chat = await rows.findChat(look.tx, gid);
  if (chat?.merged) chat = await rows.findChat(look.tx, chat.merged);
  if (chat === undefined) throw error("unknown-chat");
  if (chat.kind === DM) {
    const { blocked, gone } = await accounts.known(look, chat.peer);
    if (blocked) throw error("contact-blocked");
    if (gone) throw error("contact-gone");
  }
  if (
    chat.request === "incoming" ||
    chat.status === "removed" ||
    chat.status === "left" ||
    look.profile.account_id in chat.left
  ) {
    throw error("not-a-member");
  }
  return chat;
}

/** Queue the lists of an account for the members, then its Add; the items. Throws `not-permitted`, `group-full`. */
export async function addAccount(step: Step, gid: Id, account: Id): Promise<number[]> {
  const chat = await checkGroup(step, gid);
  if (groups.roleOf(chat, step.profile.account_id) < (chat.perms["add"] ?? groups.ADMIN)) throw error("not-permitted");
  if (rows.accountsOf(chat).includes(account)) return [];
  await checkPeople(step, [account]);
  await checkRoom(step, chat, account);
  await submitLists(step, chat, account);
  return [await outbox.submitIntent(step, chat.gid, rows.makeIntent("add", { accounts: [account] }))];
}

/** Throws `group-full` where the devices of an account, after those of whom we are adding already, find no room. */
async function checkRoom(look: Look, chat: Chat, account: Id): Promise<void> {
  const coming = new Set([account]);
  for (const [, { intent, state }] of await rows.items(look.tx, chat.gid))
    if (intent?.op === "add" && state !== "failed") for (const who of intent.accounts) coming.add(who);
  let leaves = chat.members.length;
  for (const who of coming)
    if (!rows.accountsOf(chat).includes(who)) leaves += Math.max(1, (await accounts.known(look, who)).devices.length);
  if (leaves > (chat.suite === SUITE_XWING ? XWING_LEAVES : GROUP_LEAVES)) throw error("group-full");
}

/** Tell the members the newest device list of an account before a commit adds its devices. */
export async function submitLists(step: Step, chat: Chat, account: Id): Promise<void> {
  const known = await accounts.known(step, account);
  if (known.list_object.length === 0 || chat.members.length <= 1 || chat.request !== "") return;
  await messages.submitControl(step, chat.gid, { op: "lists", lists: [known.list_object] }, true);
}

/** Queue the Remove of an account; the items. Throws `not-permitted`. */
export async function removeAccount(step: Step, gid: Id, account: Id): Promise<number[]> {
  const chat = await checkGroup(step, gid);
  const role = groups.roleOf(chat, step.profile.account_id);
  if (account === step.profile.account_id || role < groups.ADMIN) throw error("not-permitted");
  if (groups.roleOf(chat, account) === OWNER && role < OWNER) throw error("not-permitted");
  if (!rows.accountsOf(chat).includes(account)) return [];
  return [await outbox.submitIntent(step, chat.gid, rows.makeIntent("remove", { account }))];
}

/** Queue a new title of a group; the items. Throws `not-permitted`, `malformed`. */
export async function rename(step: Step, gid: Id, title: string): Promise<number[]> {
  const chat = await checkGroup(step, gid);
  checkName(title);
  if (groups.roleOf(chat, step.profile.account_id) < (chat.perms["info"] ?? groups.ADMIN)) throw error("not-permitted");
  return [await submitSettings(step, chat.gid, rows.makeIntent("settings", { title }))];
}

/** Queue another role of a member, 0 member, 1 admin, 2 owner; the items. Throws `not-permitted`, `unknown-contact`. */
export async function setRole(step: Step, gid: Id, account: Id, role: number): Promise<number[]> {
  const chat = await checkGroup(step, gid);
  if (groups.roleOf(chat, step.profile.account_id) < OWNER) throw error("not-permitted");
  if (!rows.accountsOf(chat).includes(account)) throw error("unknown-contact");
  return [await submitSettings(step, chat.gid, rows.makeIntent("settings", { account, role }))];
}

/** Queue another timer for new messages of a chat, 0 = they stay; the items. Throws `not-permitted`, `malformed`. */
export async function setTimer(step: Step, gid: Id, seconds: number): Promise<number[]> {
  const chat = await checkMember(step, gid);
  if (!Number.isSafeInteger(seconds) || seconds < 0 || seconds > SPAN_MAX_S) throw error("malformed", "timer");
  if (chat.status === "await" || chat.status === "lost") throw error("chat-stuck");
  if (!maySetTimer(step, chat)) throw error("not-permitted");
  return [await submitSettings(step, chat.gid, rows.makeIntent("settings", { timer: seconds }))];
}

/** Whether we have the right to set it. */
export function maySetTimer(look: Look, chat: Chat): boolean {
  return groups.roleOf(chat, look.profile.account_id) >= (chat.perms["timer"] ?? groups.ADMIN);
}

/** Queue a change of settings in place of one about the same that still waits. */
export async function submitSettings(step: Step, gid: Id, intent: Intent): Promise<number> {
  for (const [n, item] of await rows.items(step.tx, gid)) {
    if (item.intent?.op !== "settings" || item.state !== "queued") continue;
    if (about(item.intent) === about(intent)) await outbox.finish(step, n, item);
  }
  return outbox.submitIntent(step, gid, intent);
}

/** What a change of settings is about: the later one of two about the same counts. */
function about({ account, title, timer, perms = {}, invite, revoke = "" }: Intent): string {
  return [account, title === null, (timer ?? null) === null, ...Object.keys(perms).sort(), revoke || invite?.id].join();
}

/** The chat, if what we write in it is shown. Throws `not-a-member`, `not-permitted`. */
export async function checkWriter(look: Look, gid: Id): Promise<Chat> {
  const chat = await checkMember(look, gid);
  if (!mayWrite(chat, look.profile.account_id)) throw error("not-permitted");
  return chat;
}

/** The chat, if it is a group we are in. Throws `not-a-member`, `not-permitted`, `chat-stuck`. */
export async function checkGroup(look: Look, gid: Id): Promise<Chat> {
  const chat = await checkMember(look, gid);
  if (chat.kind !== GROUP) throw error("not-permitted");
  if (chat.status === "await" || chat.status === "lost") throw error("chat-stuck");
  return chat;
}

/**
 * Throws `list-fork` for an account with two device lists in one place, `contact-blocked` for one we blocked,
 * `contact-gone` for one that ended.
 */
export async function checkPeople(look: Look, people: readonly Id[]): Promise<void> {
  for (const person of people) {
    const { alarm, blocked, gone } = await accounts.known(look, person);
    if (alarm) throw error("list-fork");
    if (blocked) throw error("contact-blocked");
    if (gone) throw error("contact-gone");
  }
}

/** Tell the group; another member removes us. */
export async function leave(step: Step, gid: Id): Promise<void> {
  const chat = await checkGroup(step, gid);
  await messages.submitControl(step, chat.gid, { op: "leave" });
  await step.changeChat(chat.gid, { left: { ...chat.left, [step.profile.account_id]: step.now } });
}

/** A device of ours is new: bring it into the self group, then into every chat by last activity. */
export async function addOwnDevice(step: Step, device: number): Promise<void> {
  const own = step.profile.account_id;
  const all = await rows.allChats(step.tx);
  const order = (chat: Chat) => Number(chat.kind !== SELF);
  for (const chat of all.sort((a, b) => order(a) - order(b) || b.activity - a.activity)) {
    const usable = chat.status === "active" || chat.status === "creating";
    if (!usable || rows.leafOf(chat, own, device) !== undefined) continue;
    // Nothing is said there; who accepts a request brings all devices in.
    if (chat.request === "incoming" || chat.heir !== null) continue;
    await submitLists(step, chat, own);
    await outbox.submitIntent(step, chat.gid, rows.makeIntent("add-device", { account: own, devices: [device] }));
    if (chat.kind !== SELF) continue;
    await contact.tellNewDevice(step);
    await usernames.tellNewDevice(step, chat.gid);
  }
}
