/**
 * Who reaches this account: requests of strangers, and people it blocks. Twin of zajil.client.core.contact, as far as a
 * browser goes: what other devices decide holds here, and of a request nothing shows or is answered.
 */
import type { SyncBlocked } from "../../../protocol/chat/parts.ts";
import * as accounts from "../../state/accounts.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id } from "../../state/rows.ts";
import type { Look, Step } from "../../state/step.ts";
import { DM } from "../groups.ts";
import * as messages from "../messages.ts";
import * as outbox from "../outbox.ts";

/** A Welcome that is not taken although it could be opened. */
export class Unwanted extends Error {}

/** Whether what came through the reference of this serial came from a stranger (`protocol/contacts/requests.py`). */
export const isStrangers = (via: Uint8Array | null | undefined): boolean => ((via?.[0] ?? 0) & 0x80) !== 0;

/** Whether nothing of this account is shown. */
export const isBlocked = async (look: Look, account: Id): Promise<boolean> =>
  account !== "" && (await accounts.known(look, account)).blocked;

/** Whether nothing is said in a chat: it is a request, or its other side is blocked. */
export const isShut = async (look: Look, chat: Chat): Promise<boolean> =>
  chat.request !== "" || (chat.kind === DM && (await isBlocked(look, chat.peer)));

/**
 * The place among requests of a chat that was never held. Throws Unwanted.
 *
 * introduced: the Welcome or we know how the other side of a DM is reached.
 */
export async function place(
  step: Step,
  chat: Chat,
  by: { signer: Id; strangers: boolean; introduced: boolean },
): Promise<Chat["request"]> {
  if (by.signer === step.profile.account_id) return chat.kind === DM && !by.introduced ? "outgoing" : "";
  if (await isBlocked(step, by.signer)) throw new Unwanted();
  if (!by.strangers) return "";
  if (chat.kind !== DM || by.signer !== chat.peer) throw new Unwanted();
  return "incoming";
}

/** The chat is one like any other, once its sender reaches this device by a reference like any other. */
export async function accept(step: Step, gid: Id): Promise<void> {
  const chat = await step.changeChat(gid, { request: "" });
  await accounts.change(step, chat.peer, { contact: true });
  await outbox.submitIntent(step, gid, rows.makeIntent("accept"));
  await addLaterDevices(step, chat);
  step.event("joined", gid);
}

/** Devices of ours that were linked while the request waited come in. */
async function addLaterDevices(step: Step, chat: Chat): Promise<void> {
  const { account_id: account, devices, list_object } = await accounts.known(step, step.profile.account_id);
  const missing = devices.filter(([device]) => rows.leafOf(chat, account, device) === undefined);
  if (missing.length > 0 && list_object.length > 0) {
    await messages.submitControl(step, chat.gid, { op: "lists", lists: [list_object] }, true);
  }
  for (const [device] of missing) {
    await outbox.submitIntent(step, chat.gid, rows.makeIntent("add-device", { account, devices: [device] }));
  }
}

/** A member gave its leaf another reference: that is how a request is accepted, by the other side or our device. */
export async function noteReplaced(step: Step, { gid, peer, request }: Chat, by: Id): Promise<void> {
  if (request === "incoming" && by === step.profile.account_id) return accept(step, gid);
  if (request !== "outgoing" || by !== peer) return;
  await step.changeChat(gid, { request: "" });
  await accounts.change(step, peer, { contact: true });
  step.event("joined", gid);
  await messages.ensureProfile(step, gid);
}

/** The request is gone; whoever sent it is told nothing. */
export async function end(step: Step, gid: Id): Promise<void> {
  const owner = rows.bytesOf(gid);
  for (const table of ["outbox", "message", "held"] as const) {
    for (const [n] of await step.tx.rows(table, owner)) await step.tx.remove(table, n);
  }
  await step.dropGroup(gid);
  await step.changeChat(gid, { status: "removed", asking: null, unread: 0 });
}

/** Another device of ours blocked or unblocked somebody, or declined a request; of each the latest counts. */
export async function takeBlocked(step: Step, told: SyncBlocked): Promise<void> {
  for (const one of told.accounts) {
    const account = rows.idOf(one.account_id);
    if (one.at <= (await accounts.known(step, account)).blocked_at) continue;
    await accounts.change(step, account, { blocked: one.blocked, blocked_at: one.at });
    for (const chat of await rows.allChats(step.tx)) {
      if (chat.peer !== account) continue;
      if (one.blocked && chat.request === "incoming") await end(step, chat.gid);
      else await step.changeChat(chat.gid, { owed: {}, owed_at: 0, told: [] });
    }
    step.event("profile");
  }
  const { token: profile_token, token_at } = told;
  if (token_at > (step.profile.token_at ?? 0)) {
    await rows.saveProfile(step.tx, { ...step.profile, profile_token, token_at });
  }
  for (const gid of told.declined.map(rows.idOf)) {
    if ((await rows.findChat(step.tx, gid))?.request === "incoming") await end(step, gid);
  }
}
