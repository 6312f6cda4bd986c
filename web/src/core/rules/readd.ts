/**
 * *Re-add me*: asking to be brought back into a group, and bringing others back (service.md 6).
 * Twin of zajil.client.core.readd.
 */
import { concat } from "../../protocol/bytes.ts";
import type { Readd } from "../../protocol/chat/parts.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Asking, Chat, Id } from "../state/rows.ts";
import type { Step } from "../state/step.ts";
import * as chats from "./chats.ts";
import { isBlocked } from "./contact/contact.ts";
import { findEnd, isStuck } from "./heirs/ending.ts";
import { heirs } from "./heirs/loading.ts";
import * as groups from "./groups.ts";
import type { DeviceName } from "./judge.ts";
import * as messages from "./messages.ts";
import * as outbox from "./outbox.ts";

export const TURN_MS = 60_000;
export const ROUND_MS = 3_600_000;
export const LINKED_PATIENCE_MS = 120_000;
/** So long at most a successor waits for a helper whose first Welcome could not be used. */
const HELP_MS = 300_000;

/** Start asking, unless we do already. afterMs: give others that long to add us by themselves. */
export async function ask(step: Step, gid: Id, reason: string, afterMs = 0): Promise<void> {
  const chat = await step.chat(gid);
  if (chat.asking !== null || chat.heir !== null) return; // one that was followed goes on in another group
  const asking: Asking = { last_epoch: chat.top, reason, asked: [], next_at: step.now + afterMs, heard: false };
  await step.changeChat(gid, { asking });
}

/**
 * A helper's Welcome could not be used: ask again, naming its epoch, or helpers think that we are in already.
 *
 * A broken group stays broken by it: the member who broke it can send such bytes, again and again.
 * refused: account whose Welcome broke the rules. The others are asked before it, or it could keep our turn for ever.
 */
export async function askAnew(step: Step, gid: Id, epoch: number, refused: Id): Promise<void> {
  const chat = await step.chat(gid);
  if (chat.heir !== null) return;
  const last_epoch = Math.max(epoch, chat.top, chat.asking?.last_epoch ?? -1);
  // Brought back without having asked: at once, as whoever does that to one after the other leaves nobody who helps.
  const soon = chat.status === "await" && chat.asking?.asked.length === 0;
  const next_at = step.now + (soon ? 0 : TURN_MS);
  const reason = isStuck(chat) ? "refused" : "welcome";
  const until = Math.min((chat.mend_from || step.now) + HELP_MS, step.now + 2 * TURN_MS);
  const mend_at = isStuck(chat) && chat.mend_at > 0 ? Math.max(chat.mend_at, until) : chat.mend_at;
  const asked = refused === "" ? [] : [...new Set([...(chat.asking?.asked ?? []), refused])];
  const heard = refused !== "" && (chat.asking?.heard ?? false);
  await step.changeChat(gid, { asking: { last_epoch, reason, asked, next_at, heard }, mend_at });
}

/**
 * Our state of this group is gone or useless: drop it, keep what waits to be sent, and ask.
 *
 * offender: account that signed the commit we refuse.
 */
export async function lose(step: Step, gid: Id, reason: string, offender: Id = ""): Promise<void> {
  await step.changeChat(gid, { ended: await findEnd(step, await step.chat(gid), offender) });
  await step.dropGroup(gid);
  await step.changeChat(gid, { status: "lost" });
  await keepTexts(step, gid);
  await ask(step, gid, reason);
}

/** Own texts wait for the next epoch we join; commits of an epoch we lost are pointless. */
export async function keepTexts(step: Step, gid: Id): Promise<void> {
  for (const [n, item] of await rows.items(step.tx, gid)) {
    await outbox.run(step, n, item, { type: "lost" });
  }
}

/** Ask the next one where 60 s have passed: own devices, admins by leaf, any member; then hourly again. */
export async function takeTurns(step: Step): Promise<void> {
  if ((await step.session()).pool_stale) return;
  for (const chat of await rows.allChats(step.tx)) {
    if (chat.asking === null || chat.asking.next_at > step.now) continue;
    await askNext(step, chat, chat.asking);
  }
}

async function askNext(step: Step, chat: Chat, begun: Asking): Promise<void> {
  let asking = begun;
  for (const account of candidates(step, chat)) {
    if (asking.asked.includes(account) || (await isBlocked(step, account))) continue;
    const via = await route(step, chat, account);
    const asked = [...asking.asked, account];
    if (via === undefined) {
      asking = { ...asking, asked };
      continue;
    }
    const part: Readd = {
      op: "readd",
      gid: rows.bytesOf(chat.gid),
      last_epoch: asking.last_epoch < 0 ? null : asking.last_epoch,
      reason: asking.reason,
      contact_token: step.profile.profile_token,
    };
    await messages.submitControl(step, via, part, true);
    await step.changeChat(chat.gid, { asking: { ...asking, asked, heard: true, next_at: step.now + TURN_MS } });
    return;
  }
  const pause = asking.heard ? ROUND_MS : TURN_MS;
  // A whole round in vain: a Welcome may have been lost on its way, so the next one takes "added since" for no answer.
  const last_epoch = asking.heard ? -1 : asking.last_epoch;
  const again: Asking = { ...asking, asked: [], heard: false, last_epoch, next_at: step.now + pause };
  await step.changeChat(chat.gid, { asking: again });
}

/** Accounts to ask: own other devices, admins by leaf order, the rest; not who broke the group. */
function candidates(step: Step, chat: Chat): Id[] {
  const own = step.profile.account_id;
  const others = rows.accountsOf(chat).filter((account) => account !== own && account !== chat.ended?.offender);
  if (chat.peer !== "" && !others.includes(chat.peer)) others.push(chat.peer);
  const isAdmin = (account: Id) => groups.roleOf(chat, account) >= groups.ADMIN;
  return [own, ...others.filter(isAdmin), ...others.filter((account) => !isAdmin(account))];
}

/** The group through which `account` hears us: our self group, or a DM with it, a new one if need be. */
async function route(step: Step, chat: Chat, account: Id): Promise<Id | undefined> {
  const own = account === step.profile.account_id;
  const all = await rows.allChats(step.tx);
  const usable = all.filter((c) => c.gid !== chat.gid && (c.status === "active" || c.status === "creating"));
  if (own) {
    // The self group, or while that is the broken one, any chat that our other devices read.
    const shared = usable.filter((c) => c.members.filter((m) => m.account === account).length > 1);
    return shared.sort((a, b) => a.kind - b.kind)[0]?.gid;
  }
  const dm = usable.find((other) => other.kind === groups.DM && other.peer === account);
  if (dm !== undefined) return dm.gid;
  const { alarm, gone } = await accounts.known(step, account);
  // No chat is begun with these, and to try would end everything that is due now, and again at the next turn.
  if (alarm || gone) return undefined;
  const { isTokenRefused } = await import("./contact/lost.ts");
  return (await isTokenRefused(step, account)) ? undefined : chats.openNewDm(step, account);
}

/** Another device asks us: queue Remove and Add of it, if it belongs there and nobody was faster. */
export async function takeRequest(step: Step, account: Id, device: number, part: Readd): Promise<void> {
  const [ownAccount, ownDevice] = ownDeviceOf(step);
  let chat = await rows.findChat(step.tx, rows.idOf(part.gid));
  let { last_epoch } = part;
  if (chat !== undefined && chat.heir !== null && account !== ownAccount) {
    const place = await step.chat(chat.merged);
    if (place.absent.includes(account) && (await isFirst(step, place.gid, account, 0)))
      await (await heirs()).takeBack(step, place, account, part.contact_token);
    return;
  }
  if (chat !== undefined && chat.heir !== null) {
    // It missed the group that followed, which it takes for this chat only where a device of its own brings it in.
    chat = await rows.findChat(step.tx, chat.merged);
    last_epoch = last_epoch === null ? null : -1; // of the group before
  }
  if (chat?.status !== "active" || isStuck(chat) || (account === ownAccount && device === ownDevice)) return;
  if (!rows.accountsOf(chat).includes(account)) return;
  const known = await accounts.known(step, account);
  if (known.devices.length > 0 && known.devices.every(([listed]) => listed !== device)) return;
  const leaf = rows.leafOf(chat, account, device);
  const member = leaf === undefined ? undefined : rows.memberAt(chat, leaf);
  if (member !== undefined && last_epoch !== null && member.added > last_epoch) return;
  if (!(await isFirst(step, chat.gid, account, device))) return;
  if (part.contact_token !== null && account !== ownAccount) {
    await accounts.change(step, account, { contact_token: part.contact_token });
  }
  const devices = [device, ...groups.endedOf(chat, account, known.devices, device)];
  await outbox.submitIntent(step, chat.gid, rows.makeIntent("readd", { account, devices, last_epoch }));
}

/** Whether we do not help it already: each request costs a claim and a commit. device: 0 for the whole account. */
async function isFirst(step: Step, gid: Id, account: Id, device: number): Promise<boolean> {
  const mark = concat(
    new TextEncoder().encode("readd"),
    rows.bytesOf(gid),
    rows.bytesOf(account),
    outbox.numberBytes(device),
  );
  const last = await step.tx.find("helper", mark);
  if (last !== undefined && step.now - outbox.bytesNumber(last) < ROUND_MS) return false;
  await step.tx.put("helper", mark, outbox.numberBytes(step.now));
  return true;
}

/** This device. */
export function ownDeviceOf(step: Step): DeviceName {
  return [step.profile.account_id, step.profile.device_id];
}
