/**
 * Delivery and read receipts: owed for 2 s per chat, then told in one message; never taken back (web.md 5, 6).
 * Twin of zajil.client.core.talk.receipts.
 *
 * Both ways or not at all: who does not send them does not keep those of others. None in groups above 32 leaves.
 */
import { BATCH_MS, RECEIPT_LEAVES, RECEIPTS, Status, type Receipt } from "../../../protocol/chat/receipts.ts";
import { nextMark } from "../../../protocol/outbox/marks.ts";
import * as deadlines from "../../state/deadlines.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id, Received, StoredMessage } from "../../state/rows.ts";
import type { Look, Step } from "../../state/step.ts";
import { isShut } from "../contact/contact.ts";
import * as groups from "../groups.ts";
import * as messages from "../messages.ts";
import { findMessage, placeOf } from "./places.ts";

/** Whether receipts go back and forth in a chat. */
export async function areSent(look: Look, chat: Chat): Promise<boolean> {
  const small = chat.members.length <= RECEIPT_LEAVES;
  if (await isShut(look, chat)) return false;
  return chat.kind !== groups.SELF && small && (await rows.loadPrivacy(look.tx)).receipts;
}

const isOver = (chat: Chat): boolean => chat.status === "removed" || chat.status === "left";

/** Receipts to be sent with the next batch; a full batch goes at once. told: message id -> of `Status`. */
export async function owe(step: Step, place: Id, told: Readonly<Record<Id, number>>): Promise<void> {
  const chat = await step.chat(place);
  if (Object.keys(told).length === 0 || isOver(chat) || !(await areSent(step, chat))) return;
  const owed: Record<Id, number> = { ...chat.owed };
  for (const [identity, status] of Object.entries(told)) owed[identity] = Math.max(owed[identity] ?? 0, status);
  await step.changeChat(place, { owed, owed_at: chat.owed_at || step.now + BATCH_MS });
  if (Object.keys(owed).length >= RECEIPTS) await flush(step, place);
}

/** Another device of ours told it already. */
export async function forget(step: Step, place: Id, identities: ReadonlySet<Id>): Promise<void> {
  const chat = await step.chat(place);
  const kept = Object.entries(chat.owed).filter(([identity]) => !identities.has(identity));
  if (kept.length === Object.keys(chat.owed).length) return;
  await step.changeChat(place, { owed: Object.fromEntries(kept), owed_at: kept.length > 0 ? chat.owed_at : 0 });
}

/** Queue what is owed in a chat. */
export async function flush(step: Step, place: Id): Promise<void> {
  const chat = await step.chat(place);
  await step.changeChat(place, { owed: {}, owed_at: 0 });
  if (isOver(chat) || !(await areSent(step, chat))) return;
  const told = Object.entries(chat.owed).map(([id, status]) => ({ message: rows.bytesOf(id), status }));
  for (let at = 0; at < told.length; at += RECEIPTS) {
    await messages.submitForm(step, place, { form: "receipts", receipts: told.slice(at, at + RECEIPTS) });
  }
}

/** When the batch of a chat is due, Unix ms; undefined where nothing is owed or nothing can be sent now. */
export function dueAt(chat: Chat): number | undefined {
  return Object.keys(chat.owed).length > 0 && chat.status === "active" ? chat.owed_at : undefined;
}

/** Queue the batches whose time has come. */
export async function flushDue(step: Step): Promise<void> {
  for (const chat of await rows.allChats(step.tx)) {
    const due = dueAt(chat);
    if (due !== undefined && due <= step.now) await flush(step, chat.gid);
  }
}

/** What another account tells of messages of this chat. Only own ones of this chat count, and only forwards. */
export async function take(step: Step, chat: Chat, account: Id, told: readonly Receipt[]): Promise<void> {
  if (!(await areSent(step, chat))) return;
  for (const { message, status } of told) {
    const found = await findMessage(step, chat.gid, rows.idOf(message));
    if (found?.[1].account === step.profile.account_id) await note(step, ...found, { account, status });
  }
}

async function note(
  step: Step,
  n: number,
  message: StoredMessage,
  { account, status }: { readonly account: Id; readonly status: number },
): Promise<void> {
  const held = message.receipts.find((one) => one.account === account);
  const delivered = held?.delivered || step.now;
  const read = held?.read || (status === Status.READ ? step.now : 0);
  if (held !== undefined && held.delivered === delivered && held.read === read) return;
  const made: Received = { account, delivered, read };
  const receipts = [...message.receipts.filter((one) => one.account !== account), made];
  const state = message.state === "received" ? message.state : nextMark(message.state, read ? "read" : "delivered");
  await rows.saveMessage(step.tx, n, await deadlines.startOwn(step.tx, { ...message, receipts, state }));
  step.event("state", await placeOf(step, message.gid), message.message_id);
}

/** Another device of ours told it, so we need not; the rows it has read. */
export async function takeOwn(step: Step, chat: Chat, told: readonly Receipt[]): Promise<number[]> {
  const place = await placeOf(step, chat.gid);
  const { owed } = await step.chat(place);
  const read: number[] = [];
  const delivered = new Set<Id>();
  for (const { message, status } of told) {
    const identity = rows.idOf(message);
    const found = await findMessage(step, chat.gid, identity);
    if (found === undefined) continue;
    if (status === Status.READ) read.push(found[0]);
    else if (owed[identity] === Status.DELIVERED) delivered.add(identity);
  }
  await forget(step, place, delivered);
  return read;
}
