/**
 * Letting people into a group by its links: making and ending links, and who asks by them (service.md 6).
 * Twin of zajil.client.core.joins.requests.
 *
 * A link stands in the group's settings, so every member's client knows which ones hold. Whoever made it is asked. By an
 * `auto` link its maker's client adds at once; who was removed from the group before waits for a person by that too.
 */
import { ascii, concat, encodeUint, parseUint } from "../../protocol/bytes.ts";
import { JoinPolicy } from "../../protocol/chat/extensions.ts";
import type { JoinAnswer, JoinRequest, Outcome } from "../../protocol/chat/parts.ts";
import { error, ZajilError } from "../../protocol/errors.ts";
import { GROUP_INVITES } from "../../protocol/limits.ts";
import * as chats from "../rules/chats.ts";
import * as groups from "../rules/groups.ts";
import * as messages from "../rules/messages.ts";
import { mayLink } from "../rules/putting-out.ts";
import { note } from "../rules/talk/notices.ts";
import { placeOf } from "../rules/talk/places.ts";
import * as accounts from "../state/accounts.ts";
import { changeJoins, loadJoins, type OwnLink, type Waiting } from "../state/joins.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id, InviteRow } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";

/** Who may wait for one group; the oldest goes, and is told. */
export const WAITING_MAX = 50;
const WAITING_ALL_MAX = 200;
const DECLINED_KEPT = 256;
/** Another device of ours adds by itself so much later. */
const RANK_MS = 30_000;
/** At most one automatic answer to an account by a link in this time. */
const ANSWER_EVERY_MS = 3_600_000;
const KEPT_MS = 30 * 86_400_000;

/** The group, if we may make links into it. Throws `not-permitted`, `not-a-member`, `chat-stuck`. */
export async function checkMayLink(look: Look, gid: Id): Promise<Chat> {
  const chat = await chats.checkGroup(look, gid);
  if (!mayLink(chat, look.profile.account_id)) throw error("not-permitted");
  return chat;
}

/** A link, queued to be put into the group's settings. token: 32 bytes, known to the server. Throws `too-many-links`. */
export async function makeLink(
  step: Step,
  gid: Id,
  { token, auto, expires }: { readonly token: Uint8Array; readonly auto: boolean; readonly expires: number },
): Promise<OwnLink> {
  const chat = await checkMayLink(step, gid);
  if (chat.invites.filter((one) => one.expires > step.now / 1000).length >= GROUP_INVITES)
    throw error("too-many-links");
  const link: OwnLink = { gid: chat.gid, invite_id: rows.idOf(step.rng(16)), token, expires, title: chat.title };
  const { links } = await loadJoins(step.tx);
  await changeJoins(step.tx, { links: [...links, link] });
  const invite = { id: link.invite_id, policy: auto ? JoinPolicy.AUTO : JoinPolicy.ASK, expires };
  await chats.submitSettings(step, chat.gid, rows.makeIntent("settings", { invite }));
  return link;
}

/** Queue the end of a link; our own one, where it is. Throws `not-permitted`, `gone` where there is no such link. */
export async function revoke(step: Step, gid: Id, invite: Id): Promise<OwnLink | undefined> {
  const chat = await chats.checkGroup(step, gid);
  const role = groups.roleOf(chat, step.profile.account_id);
  if (role < (chat.perms["link"] ?? groups.ADMIN)) throw error("not-permitted");
  if (!chat.invites.some(({ id }) => id === invite)) throw error("gone");
  await chats.submitSettings(step, chat.gid, rows.makeIntent("settings", { revoke: invite }));
  const { links } = await loadJoins(step.tx);
  await changeJoins(step.tx, { links: links.filter((one) => one.invite_id !== invite) });
  return links.find((one) => one.invite_id === invite);
}

/** Somebody asks by a link. Nothing of it is believed but who asks: the link is checked in the group's settings. */
export async function takeRequest(step: Step, dm: Chat, account: Id, part: JoinRequest): Promise<void> {
  const own = step.profile.account_id;
  const [gid, invite_id] = [rows.idOf(part.gid), rows.idOf(part.invite_id)];
  // Of a link from before another group took its place, the one where the chat goes on.
  const group = await rows.findChat(step.tx, await placeOf(step, gid));
  if (dm.kind !== groups.DM || account === own || group === undefined || group.kind !== groups.GROUP) return;
  await accounts.learnIntroduction(step, account, part.name, part.contact_token);
  if (rows.accountsOf(group).includes(account)) return;
  const held = await loadJoins(step.tx);
  const who: Who = { dm, account, gid, invite_id };
  if (held.declined.some((one) => one.invite_id === invite_id && one.account === account))
    return answerOnce(step, who, "declined");
  const invite = findInvite(group, invite_id, step.now / 1000);
  if (invite === undefined || group.status === "removed" || group.status === "left" || !mayLink(group, own))
    return answerOnce(step, who, "closed");
  const auto = invite.policy === JoinPolicy.AUTO && !group.put_out.includes(account);
  const due = auto ? step.now + rank(group, own) * RANK_MS : 0;
  const fresh: Waiting = {
    gid: group.gid,
    invite_id,
    account,
    name: part.name,
    dm: dm.gid,
    at: step.now,
    due,
    accepted: false,
  };
  await keep(step, [...held.waiting.filter((one) => one.gid !== group.gid || one.account !== account), fresh]);
  if (due > 0) await admitDue(step);
  else await note(step, group.gid, "asked", { whom: [account] });
}

/** The link of the group that holds now. */
function findInvite(group: Chat, id: Id, nowS: number): InviteRow | undefined {
  return group.invites.find((one) => one.id === id && one.expires > nowS);
}

/** The place of this device among ours in the group, so that one acts first. */
function rank(group: Chat, own: Id): number {
  const leaves = group.members.filter((m) => m.account === own).map((m) => m.leaf);
  return Math.max(0, leaves.sort((a, b) => a - b).indexOf(group.own_leaf));
}

/** Write who waits; the oldest of a group, and of all, go and are told. */
async function keep(step: Step, waiting: readonly Waiting[]): Promise<void> {
  const over = new Set<Waiting>();
  for (const gid of new Set(waiting.map((one) => one.gid))) {
    const ofGroup = waiting.filter((one) => one.gid === gid);
    for (const one of ofGroup.slice(0, Math.max(0, ofGroup.length - WAITING_MAX))) over.add(one);
  }
  const rest = waiting.filter((one) => !over.has(one));
  for (const one of rest.slice(0, Math.max(0, rest.length - WAITING_ALL_MAX))) over.add(one);
  await changeJoins(step.tx, { waiting: waiting.filter((one) => !over.has(one)) });
  for (const one of over) await tell(step, one, "dropped");
}

/** Queue the Add of who asks. Throws `gone` where they do not, and what `chats.addAccount` throws. */
export async function accept(step: Step, gid: Id, account: Id): Promise<void> {
  const one = await findWaiting(step, gid, account);
  await chats.addAccount(step, gid, account);
  await replace(step, one, { ...one, accepted: true, due: 0 });
}

/** Tell who asks that they are not let in; by this link they cannot ask again. Throws `gone`. */
export async function decline(step: Step, gid: Id, account: Id): Promise<void> {
  const one = await findWaiting(step, gid, account);
  await noteDeclined(step, one);
  await tell(step, one, "declined");
}

/** We declined, here or on another device of ours. */
async function noteDeclined(step: Step, { gid, invite_id, account }: Omit<Who, "dm">): Promise<void> {
  const { waiting, declined } = await loadJoins(step.tx);
  await changeJoins(step.tx, {
    waiting: waiting.filter((one) => one.gid !== gid || one.account !== account),
    declined: [...declined, { invite_id, account }].slice(-DECLINED_KEPT),
  });
}

/** Another device of ours answered somebody. */
export async function takeOwnAnswer(step: Step, part: JoinAnswer): Promise<void> {
  const [gid, invite_id, account] = [rows.idOf(part.gid), rows.idOf(part.invite_id), rows.idOf(part.account)];
  if (part.outcome === "declined") await noteDeclined(step, { gid, invite_id, account });
}

async function findWaiting(step: Step, gid: Id, account: Id): Promise<Waiting> {
  const { waiting } = await loadJoins(step.tx);
  const one = waiting.find((each) => each.gid === gid && each.account === account);
  if (one === undefined) throw error("gone");
  return one;
}

async function replace(step: Step, before: Waiting, after: Waiting): Promise<void> {
  const { waiting } = await loadJoins(step.tx);
  const same = (one: Waiting) => one.gid === before.gid && one.account === before.account;
  await changeJoins(step.tx, { waiting: waiting.map((one) => (same(one) ? after : one)) });
}

/** Add those whom a link lets in at once; what that fails for is left to a person. */
export async function admitDue(step: Step): Promise<void> {
  const { waiting } = await loadJoins(step.tx);
  for (const one of waiting.filter(({ due }) => due > 0 && due <= step.now)) {
    try {
      await chats.addAccount(step, one.gid, one.account);
      await replace(step, one, { ...one, accepted: true, due: 0 });
    } catch (problem) {
      if (!(problem instanceof ZajilError)) throw problem;
      await replace(step, one, { ...one, due: 0 });
    }
  }
}

/** Who is in does not wait any more, nor who asked a month ago; links of ours that ended go. */
export async function settleWaiting(step: Step): Promise<void> {
  const held = await loadJoins(step.tx);
  const waiting: Waiting[] = [];
  for (const one of held.waiting) {
    const chat = await rows.findChat(step.tx, one.gid);
    const inside = chat === undefined || rows.accountsOf(chat).includes(one.account);
    if (!inside && one.at + KEPT_MS > step.now) waiting.push(one);
  }
  const links = held.links.filter(({ expires }) => expires * 1000 > step.now);
  if (waiting.length < held.waiting.length || links.length < held.links.length)
    await changeJoins(step.tx, { waiting, links });
}

interface Who {
  readonly dm: Chat;
  readonly account: Id;
  readonly gid: Id;
  readonly invite_id: Id;
}

async function tell(step: Step, one: Omit<Who, "dm"> & { readonly dm: Id }, outcome: Outcome): Promise<void> {
  const dm = await rows.findChat(step.tx, one.dm);
  if (dm?.status !== "active") return;
  const [gid, invite_id, account] = [one.gid, one.invite_id, one.account].map(rows.bytesOf) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  await messages.submitControl(step, dm.gid, { op: "join-answer", gid, invite_id, account, outcome });
}

/** Answer by ourselves, by one of our devices, and not as often as we are asked. */
async function answerOnce(step: Step, who: Who, outcome: Outcome): Promise<void> {
  const mark = concat(ascii("join"), rows.bytesOf(who.invite_id), rows.bytesOf(who.account));
  const last = await step.tx.find("helper", mark);
  const often = last !== undefined && step.now - parseUint(last) < ANSWER_EVERY_MS;
  if (often || rank(who.dm, step.profile.account_id) > 0) return;
  await step.tx.put("helper", mark, encodeUint(step.now, 8));
  await tell(step, { ...who, dm: who.dm.gid }, outcome);
}
