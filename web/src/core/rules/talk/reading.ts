/**
 * What was read: unread counts, and how the other devices of an account learn (web.md 5 and 6).
 * Twin of zajil.client.core.talk.reading.
 */
import { parseMentions, type Mention } from "../../../protocol/chat/mentions.ts";
import { EMPTY_SYNC } from "../../../protocol/chat/parts.ts";
import { Status } from "../../../protocol/chat/receipts.ts";
import * as deadlines from "../../state/deadlines.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id, StoredMessage } from "../../state/rows.ts";
import type { Look, Step } from "../../state/step.ts";
import * as messages from "../messages.ts";
import { findSelfChat, loadMessage, placeOf } from "./places.ts";
import * as receipts from "./receipts.ts";

/** A message of somebody else came in. */
export async function noteNew(step: Step, place: Id, message: StoredMessage): Promise<void> {
  const chat = await step.chat(place);
  const mentioned = chat.mentioned || mentionsUs(step, chat, message);
  await step.changeChat(place, { unread: chat.unread + 1, mentioned });
}

/** Whether a line of somebody else is unread until it was seen: of those that are no texts, missed calls alone. */
export function counts({ deleted_by, notice }: StoredMessage): boolean {
  return deleted_by === "" && (notice === null || notice.call?.outcome === "missed");
}

/** Whether a text names us. */
export function mentionsUs(look: Look, chat: Chat, message: StoredMessage): boolean {
  const { mentions } = mentionsIn(look, chat, message.text);
  return mentions.some((one) => rows.idOf(one.account) === look.profile.account_id);
}

/** The text to show and the members it mentions. */
export function mentionsIn(
  look: Look,
  chat: Chat,
  text: string,
): { readonly text: string; readonly mentions: readonly Mention[] } {
  const members = new Set(rows.accountsOf(chat));
  return parseMentions(text, look.profile.server_name, (account) => members.has(rows.idOf(account)));
}

/** Lines of others after row `n` that count, oldest first. */
export async function unreadAfter(look: Look, place: Id, n: number): Promise<[number, StoredMessage][]> {
  const found = await look.tx.rows("message", rows.bytesOf(place), { after: n });
  return found
    .map(([at, data]): [number, StoredMessage] => [at, rows.parseMessage(data)])
    .filter(([, m]) => m.account !== look.profile.account_id && counts(m));
}

/** Count anew what is unread. */
export async function recount(step: Step, place: Id): Promise<void> {
  const chat = await step.chat(place);
  const unread = await unreadAfter(step, place, chat.read_n);
  const mentioned = unread.some(([, message]) => mentionsUs(step, chat, message));
  await step.changeChat(place, { unread: unread.length, mentioned });
}

/** A person has seen the chat up to this message. Tells the senders, or our own other devices. Throws `gone`. */
export async function markRead(step: Step, gid: Id, identity: Id): Promise<void> {
  const place = await placeOf(step, gid);
  const chat = await step.chat(place);
  const [upto] = await loadMessage(step, place, identity);
  const read = (await unreadAfter(step, place, chat.read_n)).filter(([n]) => n <= upto).map(([, message]) => message);
  if (!(await move(step, place, upto, step.now)) || read.length === 0) return;
  if (await receipts.areSent(step, chat)) {
    await receipts.owe(step, place, Object.fromEntries(read.map((message) => [message.message_id, Status.READ])));
    return;
  }
  const selfChat = await findSelfChat(step);
  if (selfChat === undefined) return;
  const at = Math.max(...read.map((message) => message.sent));
  await messages.submitControl(step, selfChat, { ...EMPTY_SYNC, read: [{ gid: rows.bytesOf(place), at }] });
}

/**
 * Whether the mark of what is read moved on to row `upto`; it never goes back.
 *
 * at: Unix ms at which it was read: the span of each of these messages begins then.
 */
async function move(step: Step, place: Id, upto: number, at: number): Promise<boolean> {
  const { read_n: after } = await step.chat(place);
  if (upto <= after) return false;
  for (const [n, data] of await step.tx.rows("message", rows.bytesOf(place), { after })) {
    const message = rows.parseMessage(data);
    if (n > upto || message.account === step.profile.account_id) continue;
    const running = await deadlines.start(step.tx, message, at);
    if (running === message) continue;
    await rows.saveMessage(step.tx, n, running);
    step.event("state", place, message.message_id);
  }
  await step.changeChat(place, { read_n: upto });
  await recount(step, place);
  step.event("read", place);
  return true;
}

/** Messages that came in before what was read here already count as read now: their spans begin. */
export async function startRead(step: Step, place: Id): Promise<void> {
  const { read_n } = await step.chat(place);
  for (const [n, data] of read_n > 0 ? await step.tx.rows("message", rows.bytesOf(place)) : []) {
    const message = rows.parseMessage(data);
    if (n > read_n || message.account === step.profile.account_id) continue;
    const running = await deadlines.start(step.tx, message, step.now);
    if (running !== message) await rows.saveMessage(step.tx, n, running);
  }
}

/** Another device of ours has read these rows, so everything before them too. at: when, Unix ms of its clock. */
export async function noteRead(step: Step, place: Id, numbers: readonly number[], at: number): Promise<void> {
  if (numbers.length === 0) return;
  await move(step, place, Math.max(...numbers), at);
  const chat = await step.chat(place);
  const told = new Set<Id>();
  for (const identity of Object.keys(chat.owed)) {
    const found = await rows.findMessage(step.tx, identity);
    if (found === undefined || found[0] <= chat.read_n) told.add(identity);
  }
  await receipts.forget(step, place, told);
}

/** Another device of ours has read what was sent until then, of what is here now. at: when it did. */
export async function noteReadUntil(
  step: Step,
  gid: Id,
  { sent, at }: { readonly sent: number; readonly at: number },
): Promise<void> {
  if ((await rows.findChat(step.tx, gid)) === undefined) return;
  const place = await placeOf(step, gid);
  const unread = await unreadAfter(step, place, (await step.chat(place)).read_n);
  const numbers = unread.filter(([, message]) => message.sent <= sent).map(([n]) => n);
  await noteRead(step, place, numbers, at);
}

/**
 * Two chats became one: what stood in the other one moves, and receipts are owed where the chat goes on.
 *
 * Nothing unread is lost. One mark stands for both, so what was read in the one after that is unread again, and not all
 * of it.
 */
export async function merge(step: Step, place: Id, other: Id): Promise<void> {
  const [chat, gone] = [await step.chat(place), await step.chat(other)];
  let read_n = Math.max(chat.read_n, gone.read_n);
  for (const one of [chat, gone]) {
    const [first] = one.unread > 0 ? await unreadAfter(step, one.gid, one.read_n) : [];
    if (first !== undefined) read_n = Math.min(read_n, first[0] - 1);
  }
  for (const [n] of await step.tx.rows("message", rows.bytesOf(other)))
    await step.tx.move("message", n, rows.bytesOf(place));
  await step.changeChat(place, { read_n });
  await step.changeChat(other, { unread: 0, mentioned: false, owed: {}, owed_at: 0 });
  await recount(step, place);
  await receipts.owe(step, place, gone.owed);
}
