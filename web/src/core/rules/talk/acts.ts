/**
 * What a person does to messages: edit, delete, react. Each shows here at once and queues what tells the others.
 * Twin of zajil.client.core.talk.acts.
 */
import { checkEmoji } from "../../../protocol/chat/emoji.ts";
import * as forms from "../../../protocol/chat/forms.ts";
import { error } from "../../../protocol/errors.ts";
import * as rows from "../../state/rows.ts";
import type { Id, StoredMessage } from "../../state/rows.ts";
import type { Look, Step } from "../../state/step.ts";
import * as chats from "../chats.ts";
import * as messages from "../messages.ts";
import * as outbox from "../outbox.ts";
import * as actions from "./actions.ts";
import { loadMessage, placeOf } from "./places.ts";
import * as reading from "./reading.ts";

/** Whether we may edit this message: our own text, not older than 24 h, not refused, not deleted. */
export function mayEdit(look: Look, message: StoredMessage): boolean {
  const text = message.deleted_by === "" && message.kept.length === 0 && message.notice === null;
  const own = message.account === look.profile.account_id;
  return text && own && message.state !== "failed" && look.now - message.sent <= forms.EDIT_MS;
}

/** Give an own text another wording. Throws `gone`, `not-permitted`, `not-a-member`, `text-too-long`. */
export async function edit(step: Step, gid: Id, identity: Id, text: string): Promise<void> {
  const chat = await chats.checkWriter(step, gid);
  const [n, found] = await loadMessage(step, gid, identity);
  if (!mayEdit(step, found)) throw error("not-permitted");
  if (text === found.text) return;
  const last = found.versions.length > 1 ? found.versions.at(-1) : undefined;
  const dropped = last === undefined ? undefined : await outbox.withdraw(step, last.message_id);
  const unseen = dropped !== undefined && dropped.hashes.length === 0;
  const message = unseen ? withoutVersion(found, dropped.message_id) : found;
  const newest = message.versions.at(-1)?.at ?? message.sent;
  const at = Math.min(Math.max(step.now, newest + 1), message.sent + forms.EDIT_MS);
  const reply_to = message.reply_to === "" ? null : rows.bytesOf(message.reply_to);
  const form: forms.Edit = { form: "edit", target: rows.bytesOf(message.message_id), text, reply_to };
  await perform(step, chat.gid, { n, message, form, at });
}

/** An edit that nobody will see leaves no version behind. */
function withoutVersion(message: StoredMessage, identity: Id): StoredMessage {
  const versions = message.versions.filter((one) => one.message_id !== identity);
  return { ...message, versions: versions.length > 1 ? versions : [], text: versions.at(-1)?.text ?? message.text };
}

/**
 * Delete a message everywhere: an own one, or any as an admin of the group. What never left just goes.
 *
 * Throws `gone`, `not-permitted`, `not-a-member`.
 */
export async function deleteForAll(step: Step, gid: Id, identity: Id): Promise<void> {
  const chat = await chats.checkMember(step, gid);
  const [n, found] = await loadMessage(step, gid, identity);
  const own = found.account === step.profile.account_id;
  if (found.deleted_by !== "") return;
  if (found.notice !== null || (!own && !actions.isAdmin(chat, step.profile.account_id))) throw error("not-permitted");
  const dropped = own ? await outbox.withdraw(step, found.message_id) : undefined;
  await outbox.withdrawAbout(step, found.message_id);
  if ((dropped !== undefined && dropped.hashes.length === 0) || found.state === "failed") {
    await remove(step, n, found);
    return;
  }
  // Sealed once and put back, it may have come through after all: the others are told.
  const message: StoredMessage = dropped === undefined ? found : { ...found, state: "sent" };
  const form: forms.Deletion = { form: "deletion", target: rows.bytesOf(message.message_id), as_admin: !own };
  await perform(step, chat.gid, { n, message, form, at: step.now });
}

/** Remove a message from this device alone; an own one that still waits is not sent. Throws `gone`. */
export async function deleteForMe(step: Step, gid: Id, identity: Id): Promise<void> {
  const [n, message] = await loadMessage(step, gid, identity);
  if ((await outbox.withdraw(step, message.message_id)) !== undefined) {
    await outbox.withdrawAbout(step, message.message_id);
  }
  await remove(step, n, message);
}

async function remove(step: Step, n: number, message: StoredMessage): Promise<void> {
  const place = await placeOf(step, message.gid);
  await step.tx.remove("message", n);
  await reading.recount(step, place);
  step.event("deleted", place, message.message_id, step.profile.account_id);
}

/**
 * Set our reaction on a message, or take it back (null).
 *
 * Throws `gone`, `not-permitted` for a message that is deleted or was not sent, `not-a-member`, `malformed`.
 */
export async function react(step: Step, gid: Id, identity: Id, emoji: string | null): Promise<void> {
  const chat = await chats.checkMember(step, gid);
  const [n, message] = await loadMessage(step, gid, identity);
  if (message.deleted_by !== "" || message.state === "failed" || message.notice !== null) throw error("not-permitted");
  const held = actions.findReaction(message, step.profile.account_id);
  if ((held?.emoji ?? "") === (emoji ?? "")) return;
  const target = rows.bytesOf(message.message_id);
  if (held !== undefined) await outbox.withdraw(step, held.message_id);
  let form: forms.Reaction | forms.TakeBack;
  if (emoji !== null) form = { form: "reaction", target, emoji: checkEmoji(emoji) };
  else if (held !== undefined) form = { form: "take-back", target, reaction: rows.bytesOf(held.message_id) };
  else return;
  await perform(step, chat.gid, { n, message, form, at: Math.max(step.now, held === undefined ? 0 : held.at + 1) });
}

interface Performed {
  readonly n: number;
  readonly message: StoredMessage;
  readonly form: forms.Action;
  readonly at: number;
}

/** Queue an action and apply it here as every other device will. */
async function perform(step: Step, gid: Id, { n, message, form, at }: Performed): Promise<void> {
  const span_s = form.form === "edit" ? message.expire_s : 0;
  const messageId = await messages.submitForm(step, gid, form, { at, span_s });
  const account = step.profile.account_id;
  await actions.apply(step, n, message, { account, messageId, sent: at, asAdmin: true, action: form });
}

/** Send a text again that failed, as a new message at the end; its id. Throws `gone`, `not-permitted`. */
export async function retry(step: Step, gid: Id, identity: Id): Promise<Id> {
  const chat = await chats.checkWriter(step, gid);
  const [n, message] = await loadMessage(step, gid, identity);
  if (message.state !== "failed" || message.notice !== null || message.lost) throw error("not-permitted");
  await step.tx.remove("message", n);
  step.event("deleted", chat.gid, message.message_id, step.profile.account_id);
  if (message.kept.length > 0) return messages.submitKept(step, chat.gid, message);
  return messages.submitText(step, chat.gid, message.text, message.reply_to);
}
