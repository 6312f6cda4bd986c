/**
 * Welcomes: which ones we take, and what a join sets up (service.md 3 and 6). Twin of zajil.client.core.joining.
 */
import { GROUP_INFO_SHARE, parseShare, type GroupInfoShare } from "../../protocol/chat/extensions.ts";
import { error, Unreachable, ZajilError } from "../../protocol/errors.ts";
import { SUITE_XWING } from "../../protocol/limits.ts";
import { Group, MlsError, parseKeyPackage, type JoinInfo } from "../mls/mls.ts";
import * as accounts from "../state/accounts.ts";
import * as doors from "../state/doors.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id, OwnKeyPackage } from "../state/rows.ts";
import type { Step } from "../state/step.ts";
import * as contact from "./contact/contact.ts";
import * as groups from "./groups.ts";
import { heirs } from "./heirs/loading.ts";
import type { Followed } from "./heirs/judging.ts";
import { noteReplaced } from "./heirs/returning.ts";
import { DM, SELF } from "./groups.ts";
import * as keypackages from "./keypackages.ts";
import * as messages from "./messages.ts";
import * as outbox from "./outbox.ts";
import * as readd from "./readd.ts";
import * as arranging from "./talk/arranging.ts";
import * as reading from "./talk/reading.ts";
import { note } from "./talk/notices.ts";

interface Joined {
  readonly group: Group;
  readonly info: JoinInfo;
}

/** Join by a Welcome that is for us and may be taken; anything else is dropped and, where it matters, told. */
export async function takeWelcome(
  step: Step,
  gid: Id,
  epoch: number,
  welcome: Uint8Array,
  via?: Uint8Array | null,
): Promise<void> {
  const before = await rows.findChat(step.tx, gid);
  let refused: Id = "";
  for (const own of await keypackages.candidates(step, welcome)) {
    let joined: Joined;
    let chat: Chat;
    let followed: Followed | undefined;
    let lower: Followed | undefined;
    try {
      joined = await open(step, gid, welcome, own);
      chat = await describe(step, before, joined);
      if (before !== undefined) {
        const { group, info } = joined;
        refused = await (await heirs()).checkWelcome(step, before, chat, { group, signer: info.signer });
        if (refused !== "") continue;
      }
      if (before === undefined && chat.forebear !== "") {
        followed = await (await heirs()).findFollowed(step, joined.group, joined.info);
        if (followed && (await (await heirs()).waits(step, followed, joined.group)))
          [lower, followed] = [followed, undefined];
        else if (followed === undefined && (await (await heirs()).isTooLate(step, joined.group)))
          return keypackages.useUp(step, own);
      }
      if (before === undefined && followed === undefined)
        chat = await placeOf(step, chat, joined, contact.isStrangers(via));
    } catch (problem) {
      if (problem instanceof contact.Unwanted) {
        if (via) await doors.turn(step.tx, rows.idOf(via), "deny");
        return keypackages.useUp(step, own);
      }
      // Code of ours that does not load is no fault of the Welcome: the step ends, and it comes again.
      if (problem instanceof Unreachable) throw problem;
      if (problem instanceof MlsError || problem instanceof ZajilError) continue;
      throw problem;
    }
    await keypackages.useUp(step, own);
    if (before !== undefined) await noteReplaced(step, before);
    await store(step, chat, joined);
    if (before !== undefined) await (await heirs()).tellChanges(step, before, await step.chat(gid), joined.info.signer);
    if (followed !== undefined) await (await heirs()).follow(step, followed, gid);
    else if (before && before.mend_from > 0) await (await heirs()).dropPointless(step, gid);
    await settle(step, before ?? followed?.old, await step.chat(gid), own.last_resort);
    if (followed === undefined) await tellJoined(step, before, await step.chat(gid));
    if (lower !== undefined) await (await heirs()).noteLower(step, lower, gid);
    return;
  }
  if (before !== undefined && (before.status === "await" || before.status === "lost")) {
    if (refused === "") step.event("bad-welcome", gid);
    await readd.askAnew(step, gid, epoch, refused);
  }
}

async function open(step: Step, gid: Id, welcome: Uint8Array, own: OwnKeyPackage): Promise<Joined> {
  const chats = await rows.allChats(step.tx);
  const known = chats.filter((c) => c.status === "active" && c.asking === null).map((c) => rows.bytesOf(c.gid));
  const joined = await Group.join(await step.env(), welcome, parseKeyPackage(own.package), own.secrets, {
    knownGroups: known,
  });
  if (rows.idOf(joined.group.groupId) !== gid) throw error("malformed", "group");
  return joined;
}

/** Whether a join makes us a member: we were never in the chat, or no more. */
const isNews = (before: Chat | undefined): boolean =>
  before === undefined || before.status === "removed" || before.status === "left";

function shareOf(info: JoinInfo): GroupInfoShare {
  return parseShare(groups.findExtension(info.extensions, GROUP_INFO_SHARE) ?? new Uint8Array());
}

/** The chat after the join. Throws Malformed for a group of a shape that its kind forbids. */
async function describe(step: Step, before: Chat | undefined, { group, info }: Joined): Promise<Chat> {
  const share = shareOf(info);
  const gid = rows.idOf(group.groupId);
  const base: Chat = before ?? { ...rows.EMPTY_CHAT, gid, kind: groups.GROUP, title: "", status: "active" };
  const joined: Chat = {
    ...groups.describe(base, group),
    status: "active",
    members: groups.membersOf(group.members(), undefined, group.epoch),
    gs: share.group_secret ?? (await groups.groupSecret(group, gid)),
    rotated_at: step.now,
    // A device that comes back into its chats is no news of any of them.
    activity: isNews(before) ? step.now : base.activity,
    asking: null,
    ended: null,
    mend_at: 0,
    left: {},
    sent: 0,
  };
  const people = rows.accountsOf(joined);
  const own = step.profile.account_id;
  const others = people.filter((account) => account !== own);
  if (joined.kind === SELF && (others.length > 0 || people.length === 0)) {
    throw error("malformed", "self");
  }
  if (joined.kind !== groups.GROUP && joined.suite !== SUITE_XWING && joined.all_able)
    throw error("suite-downgrade", "nobody here needs the weaker suite");
  if (joined.kind !== DM) return joined;
  if (others.length > 1 || !people.includes(own)) throw error("malformed", "DM");
  return { ...joined, peer: others[0] ?? joined.peer };
}

async function placeOf(step: Step, chat: Chat, { group, info }: Joined, strangers: boolean): Promise<Chat> {
  const leaf = group.members().find((m) => m.leaf === info.signer);
  if (leaf === undefined) throw error("malformed", "signer");
  const [signer, device] = groups.deviceOf(leaf.client);
  if (await contact.isBlocked(step, signer)) {
    await (await import("./contact/lost.ts")).noteShutOut(step, signer, device);
  }
  const told = shareOf(info).accounts.find((one) => rows.idOf(one.account) === chat.peer);
  const { contact: known, contact_token } = await accounts.known(step, chat.peer);
  const introduced = known || contact_token.length > 0 || (told?.contact_token ?? null) !== null;
  return contact.place(step, chat, { signer, strangers, introduced });
}

async function store(step: Step, chat: Chat, { group, info }: Joined): Promise<void> {
  await step.dropGroup(chat.gid);
  // Whatever came before this Welcome is of an earlier epoch, or of none.
  for (const [n] of await step.tx.rows("held", rows.bytesOf(chat.gid))) await step.tx.remove("held", n);
  await rows.saveChat(step.tx, chat);
  await step.saveGroup(chat.gid, group);
  await step.noteEpoch(chat.gid, true);
  await learn(step, { group, info }, chat.request === "incoming" ? chat.peer : "");
  // Of a history that came before: only members are mentioned.
  if (chat.unread > 0) await reading.recount(step, chat.gid);
  for (const [n, item] of await rows.items(step.tx, chat.gid)) {
    await outbox.run(step, n, item, { type: "joined", epoch: chat.epoch });
  }
}

/** before: the chat as it was held, under this id or that of the group whose place this one takes. */
async function settle(step: Step, before: Chat | undefined, chat: Chat, lastResort: boolean): Promise<void> {
  const knows = chat.request === "incoming" && (await accounts.known(step, chat.peer)).contact;
  // Of somebody we know, who lost the way to us.
  if (knows) await contact.accept(step, chat.gid);
  else if (chat.request !== "") return;
  if (chat.kind === DM) {
    const met = before?.quiet === false || chat.invites.length === 0 || (await accounts.known(step, chat.peer)).contact;
    // Made to ask for a group: nobody has met anybody yet.
    if (!met) await step.changeChat(chat.gid, { quiet: true });
    else await accounts.change(step, chat.peer, { contact: true });
    await mergeDms(step, chat.peer);
  }
  const ownLeaves = chat.members.filter((m) => m.account === step.profile.account_id).map((m) => m.leaf);
  const anew = before === undefined || before.asking?.reason === "restored";
  if (anew && chat.own_leaf === Math.min(...ownLeaves)) await messages.ensureProfile(step, chat.gid);
  if (chat.kind === SELF) await arranging.tellAll(step);
  await removeEnded(step, chat);
  if (lastResort) await outbox.submitIntent(step, chat.gid, rows.makeIntent("update"));
}

/** Older devices of ours that our list ended, as a restore ends them, leave the tree: their holder reads on until then. */
async function removeEnded(step: Step, chat: Chat): Promise<void> {
  const account = step.profile.account_id;
  const { devices: listed } = await accounts.known(step, account);
  const devices = groups.endedOf(chat, account, listed, step.profile.device_id);
  if (devices.length > 0)
    await outbox.submitIntent(step, chat.gid, rows.makeIntent("remove-device", { account, devices }));
}

async function tellJoined(step: Step, before: Chat | undefined, chat: Chat): Promise<void> {
  // Its first message may wait for the answer.
  if (chat.request === "incoming") step.event("request", chat.gid);
  if (chat.request !== "") return;
  if (chat.kind === groups.GROUP || before !== undefined) {
    // A chat that a linked device has by name only was never open here: it is new in it, not back.
    const again = before?.members.length === 0 ? "device-added" : "rejoined";
    await note(step, chat.gid, isNews(before) ? "joined" : again, { whom: [step.profile.account_id] });
  }
  step.event(before === undefined ? "joined" : "rejoined", chat.gid);
}

/**
 * What the adder says. only: of this account alone, a stranger; "" of all.
 *
 * Its own token counts above the one we have, which may have ended while we were away.
 */
async function learn(step: Step, { group, info }: Joined, only: Id): Promise<void> {
  const share = shareOf(info);
  const signer = group.members().find((m) => m.leaf === info.signer);
  const adder = signer === undefined ? "" : groups.deviceOf(signer.client)[0];
  for (const data of share.lists) {
    try {
      const owner = accounts.listOwner(data);
      if (only === "" || only === owner) await accounts.learnList(step, owner, data);
    } catch (problem) {
      if (!(problem instanceof ZajilError)) throw problem;
    }
  }
  for (const told of share.accounts) {
    const account = rows.idOf(told.account);
    if (account === step.profile.account_id || (only !== "" && only !== account)) continue;
    await accounts.learnIntroduction(step, account, told.name, told.contact_token);
    if (account === adder && told.contact_token !== null)
      await accounts.change(step, account, { contact_token: told.contact_token });
  }
}

/** Two DMs with one person made at once become one chat, by code that is loaded where there are two. */
export async function mergeDms(step: Step, peer: Id): Promise<void> {
  const dms = (await rows.allChats(step.tx)).filter((chat) => chat.kind === DM && chat.peer === peer);
  if (dms.length > 1) await (await heirs()).mergeDms(step, peer);
}
