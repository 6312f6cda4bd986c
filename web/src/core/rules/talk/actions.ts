/**
 * Edits, deletions and reactions: who may do what to which message, and what comes before its message (service.md 7).
 * Twin of zajil.client.core.talk.actions.
 *
 * Every device judges alike whatever the order of arrival: versions and reactions are ordered by the clock and id they
 * carry, a deletion beats them all, and an action whose message is not here yet waits for it.
 */
import * as content from "../../../protocol/chat/content.ts";
import * as forms from "../../../protocol/chat/forms.ts";
import { ZajilError } from "../../../protocol/errors.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Early, Id, Proof, Reacted, StoredMessage, Version } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import * as groups from "../groups.ts";
import type { Opened } from "../messages.ts";
import { findMessage, placeOf } from "./places.ts";
import * as reading from "./reading.ts";

export const VERSIONS_MAX = 50;
/** An edit, a deletion or a reaction of each of the accounts of a group waits for one message; more is a flood. */
export const EARLY_MAX = 128;

/** An action with its author. asAdmin: whether the author was an admin when it came. proof: of what others did. */
export interface Deed {
  readonly account: Id;
  readonly messageId: Id;
  readonly sent: number;
  readonly asAdmin: boolean;
  readonly action: forms.Action;
  readonly proof?: Proof;
}

/** Whether a form changes another message. */
export function isAction(form: forms.Form): form is forms.Action {
  return form.form === "edit" || form.form === "deletion" || form.form === "reaction" || form.form === "take-back";
}

/** Whether an account may delete what others wrote: an admin of a group, nobody in a chat of two. */
export function isAdmin(chat: Chat, account: Id): boolean {
  return chat.kind === groups.GROUP && groups.roleOf(chat, account) >= groups.ADMIN;
}

/** Apply an action that came in, or keep it for its message. What its author may not do changes nothing. */
export async function take(step: Step, chat: Chat, opened: Opened, action: forms.Action): Promise<void> {
  const { account, messageId, sent, proof } = opened;
  const deed: Deed = { account, messageId, sent, asAdmin: isAdmin(chat, account), action, proof };
  const found = await findMessage(step, chat.gid, rows.idOf(action.target));
  if (found !== undefined) return apply(step, ...found, deed);
  // Not a message that is gone here or stands in another chat: it may still come.
  if (!(await step.tx.has("known", action.target))) await keepEarly(step, chat, opened, deed);
}

async function keepEarly(step: Step, chat: Chat, opened: Opened, deed: Deed): Promise<void> {
  const target = rows.idOf(deed.action.target);
  const early = await rows.loadEarly(step.tx, target);
  if (early.length >= EARLY_MAX) return;
  const { account, messageId: message_id, sent, asAdmin: as_admin } = deed;
  const { data, proof } = opened;
  const kept: Early = { gid: chat.gid, account, message_id, sent, content: data, as_admin, proof };
  await rows.saveEarly(step.tx, target, [...early, kept]);
}

/** A message came: apply what had come for it before, from the same chat. */
export async function settleEarly(step: Step, chat: Chat, target: Id): Promise<void> {
  const early = await rows.loadEarly(step.tx, target);
  if (early.length === 0) return;
  await rows.saveEarly(step.tx, target, []);
  for (const kept of early) {
    const found = await findMessage(step, chat.gid, target);
    if (found === undefined || (await placeOf(step, kept.gid)) !== (await placeOf(step, chat.gid))) continue;
    const action = parseKept(kept);
    if (action === undefined) continue;
    const { account, message_id: messageId, sent, as_admin: asAdmin, proof } = kept;
    await apply(step, ...found, { account, messageId, sent, asAdmin, action, ...(proof && { proof }) });
  }
}

/** It parsed when it came; a later version may be stricter. */
function parseKept(kept: Early): forms.Action | undefined {
  try {
    const form = forms.parseForm(content.parseContent(kept.content));
    return isAction(form) ? form : undefined;
  } catch (problem) {
    if (problem instanceof ZajilError) return undefined;
    throw problem;
  }
}

/** Change a message by an action, if its author may; a message that is deleted changes no more. */
export async function apply(step: Step, n: number, message: StoredMessage, deed: Deed): Promise<void> {
  if (message.deleted_by !== "" || message.notice !== null) return;
  const { account, messageId: message_id, sent: at, action } = deed;
  switch (action.form) {
    case "edit":
      return edit(step, n, message, { deed, text: action.text });
    case "deletion":
      if (account === message.account || (action.as_admin && deed.asAdmin)) await remove(step, n, message, account);
      return;
    case "reaction":
      return react(step, n, message, { account, emoji: action.emoji, at, message_id });
    case "take-back":
      return react(step, n, message, { account, emoji: "", at, message_id });
  }
}

interface Edited {
  readonly deed: Deed;
  readonly text: string;
}

async function edit(step: Step, n: number, message: StoredMessage, { deed, text }: Edited): Promise<void> {
  const late = deed.sent - message.sent > forms.EDIT_MS;
  if (deed.account !== message.account || message.kept.length > 0 || late) return;
  const original: Version = { text: message.text, at: message.sent, message_id: message.message_id };
  const [first = original, ...others] = message.versions;
  // The first text stays the first whatever clock an edit carries.
  const later = [...others, { text, at: deed.sent, message_id: deed.messageId }].sort(compareVersions);
  const versions = [first, ...later.slice(-(VERSIONS_MAX - 1))];
  const proofs = deed.account === step.profile.account_id ? [] : provenOf(message, deed, versions);
  await rows.saveMessage(step.tx, n, { ...message, text: versions.at(-1)?.text ?? text, versions, proofs });
  step.event("edited", await placeOf(step, message.gid), message.message_id, deed.account);
}

/** The proofs of the versions that are kept. */
function provenOf(message: StoredMessage, { proof }: Deed, versions: readonly Version[]): readonly Proof[] {
  const kept = new Set(versions.map((version) => version.message_id));
  return [...message.proofs, ...(proof ? [proof] : [])].filter((one) => kept.has(one.message_id));
}

type Ordered = Pick<Version, "at" | "message_id">;

/** By clock, then by the bytes of the id: the same on every device. */
function compareVersions(a: Ordered, b: Ordered): number {
  return a.at - b.at || rows.compareIds(a.message_id, b.message_id);
}

/** The stub keeps who wrote and when; nothing of what was said. */
async function remove(step: Step, n: number, message: StoredMessage, by: Id): Promise<void> {
  const kept = new Uint8Array();
  const stub = { ...message, text: "", versions: [], reactions: [], reply_to: "", kept, proofs: [], deleted_by: by };
  await rows.saveMessage(step.tx, n, stub);
  const place = await placeOf(step, message.gid);
  await reading.recount(step, place);
  step.event("deleted", place, message.message_id, by);
}

async function react(step: Step, n: number, message: StoredMessage, made: Reacted): Promise<void> {
  const held = findReaction(message, made.account);
  if (held !== undefined && compareVersions(held, made) >= 0) return;
  const others = message.reactions.filter((one) => one.account !== made.account);
  await rows.saveMessage(step.tx, n, { ...message, reactions: [...others, made] });
  step.event("reacted", await placeOf(step, message.gid), message.message_id, made.account);
}

/** The latest reaction of an account, empty where it was taken back. */
export function findReaction(message: StoredMessage, account: Id): Reacted | undefined {
  return message.reactions.find((one) => one.account === account);
}
