/**
 * Message bodies: build and seal our own, open and check those of others (service.md 7 and 8).
 * Twin of zajil.client.core.messages.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeAad } from "../../protocol/chat/aad.ts";
import type { Key, Value } from "../../protocol/cbor.ts";
import * as content from "../../protocol/chat/content.ts";
import type { MimiContent } from "../../protocol/chat/content.ts";
import * as forms from "../../protocol/chat/forms.ts";
import * as parts from "../../protocol/chat/parts.ts";
import { error } from "../../protocol/errors.ts";
import { type Send, WAKE } from "../../protocol/frames.ts";
import { parseCertificate, parseObject } from "../../protocol/identity/objects.ts";
import { rosterKey } from "../../protocol/roster.ts";
import { verify } from "../crypto.ts";
import type { Application } from "../mls/mls.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id, Item, NoticeCode, StoredMessage } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";
import * as groups from "./groups.ts";
import * as outbox from "./outbox.ts";

const KNOWN_DAYS_MS = 60 * 86_400_000;
/** 2100. The sender's clock is his word; a time that no calendar holds would break whoever shows it. */
export const SENT_MAX_MS = 4_102_444_800_000;

/** Store a text with its clock mark and queue it; its message id. Content and id are fixed here. */
export function submitText(step: Step, gid: Id, text: string, replyTo: Id = ""): Promise<Id> {
  const reply_to = replyTo === "" ? null : rows.bytesOf(replyTo);
  return submitShown(step, gid, { form: "text", text, reply_to }, { text, reply_to: replyTo });
}

/** Queue a message with files once more, as a new one; its id. */
export async function submitKept(step: Step, gid: Id, message: StoredMessage): Promise<Id> {
  const old = content.parseContent(message.kept);
  const marks = new Map([...old.extensions, ...extensions(step, gid)]);
  const body = await withSpan(step, gid, { ...old, salt: step.rng(16), extensions: marks });
  const message_id = await submitContent(step, gid, body, { shown: true });
  const kept = content.encodeContent(body);
  await isNews(step, message_id);
  await show(step, {
    ...message,
    message_id,
    gid,
    kept,
    sent: step.now,
    arrived: step.now,
    state: "queued",
    reason: "",
    expire_s: body.expires?.time ?? 0,
  });
  return message_id;
}

/** A content of ours that stands by itself, as the timer of its chat has it now. */
export async function withSpan(step: Step, gid: Id, body: MimiContent): Promise<MimiContent> {
  return spanned(body, (await step.chat(gid)).timer);
}

const spanned = (body: MimiContent, time: number): MimiContent => ({
  ...body,
  expires: time > 0 ? { relative: true, time } : null,
});

/** Store what became of a call and queue it; its message id. */
export function submitCallLog(step: Step, gid: Id, log: forms.CallLog): Promise<Id> {
  return submitShown(step, gid, log, { notice: callNotice(log, step.profile.account_id) });
}

/** The line that shows a log. by: its caller. */
export function callNotice({ call, kind, outcome, seconds }: forms.CallLog, by: Id): rows.Notice {
  return { code: "call", by, whom: [], text: "", call: { id: rows.idOf(call), kind, outcome, seconds } };
}

async function submitShown(
  step: Step,
  gid: Id,
  form: forms.Text | forms.CallLog,
  fields: Partial<StoredMessage>,
): Promise<Id> {
  const identity = await submitForm(step, gid, form);
  const { account_id: account, device_id: device } = step.profile;
  await show(step, {
    ...rows.EMPTY_MESSAGE,
    message_id: identity,
    gid,
    account,
    device,
    sent: step.now,
    arrived: step.now,
    state: "queued",
    expire_s: (await step.chat(gid)).timer,
    ...fields,
  });
  return identity;
}

/**
 * Queue one form of content; its message id. at: Unix ms that it carries. span_s: after which it disappears; the chat's
 * for what stands by itself, none for what does not.
 */
export async function submitForm(
  step: Step,
  gid: Id,
  form: forms.Submitted,
  { at = step.now, span_s }: { readonly at?: number; readonly span_s?: number } = {},
): Promise<Id> {
  const marks = extensions(step, gid).set(content.SENT_MS, at);
  const target = "target" in form ? rows.idOf(form.target) : "";
  const shown = form.form === "text" || form.form === "call-log";
  const time = span_s ?? (shown ? (await step.chat(gid)).timer : 0);
  const body = spanned(forms.encodeForm(form, { salt: step.rng(16), extensions: marks }), time);
  const identity = await submitContent(step, gid, body, { shown, target });
  await isNews(step, identity);
  return identity;
}

/** Queue a content; its message id. */
export async function submitContent(step: Step, gid: Id, body: MimiContent, fields: Partial<Item>): Promise<Id> {
  const data = content.encodeContent(body);
  const identity = rows.idOf(content.messageIdOf(body, data));
  await outbox.submit(
    step,
    rows.makeItem(gid, "message", step.now, { content: data, message_id: identity, ...fields }),
  );
  return identity;
}

/** Queue a control part. urgent: before waiting texts (a profile that newcomers need, lists before an Add). */
export async function submitControl(step: Step, gid: Id, part: parts.ControlPart, urgent = false): Promise<void> {
  await submitContent(step, gid, controlContent(step, gid, part), { urgent });
}

/** The content of a control part. Throws Malformed for a `call` that is too long. */
export function controlContent(step: Step, gid: Id, part: parts.ControlPart): MimiContent {
  return {
    ...content.CONTENT_DEFAULTS,
    salt: step.rng(16),
    body: parts.encodePart(part),
    extensions: extensions(step, gid),
  };
}

/** What every message of ours says of its author, room and time. */
export function extensions(step: Step, gid: Id): Map<Key, Value> {
  const profile = step.profile;
  return new Map<Key, Value>([
    [content.SENDER_URI, content.senderUri(profile.server_name, rows.bytesOf(profile.account_id))],
    [content.ROOM_URI, content.roomUri(profile.server_name, rows.bytesOf(gid))],
    [content.DEVICE_ID, profile.device_id],
    [content.SENT_MS, step.now],
  ]);
}

/** The id that a message has after it moved, else its own. */
export async function movedId(step: Step, identity: Uint8Array | null): Promise<Uint8Array | null> {
  if (identity === null) return null;
  const moved = await step.tx.find("known", identity);
  return moved === undefined || moved.length === 0 ? identity : moved;
}

/** Lines about devices and names: an account's change shows in each of its chats, and is news of none of them. */
const QUIET: readonly NoticeCode[] = ["named", "device-added", "device-removed", "rejoined"];

/** Whether a line neither previews its chat nor moves it up in the list. */
export const isQuiet = ({ notice }: StoredMessage): boolean => notice !== null && QUIET.includes(notice.code);

/** Put a line into its chat, at the end. */
export async function show(step: Step, message: StoredMessage): Promise<void> {
  const name = rows.bytesOf(message.message_id);
  await step.tx.append("message", rows.bytesOf(message.gid), name, rows.encodeRow(message));
  if (!isQuiet(message)) {
    const chat = await step.chat(message.gid);
    const met = chat.quiet && message.notice === null;
    await step.changeChat(message.gid, { activity: Math.max(step.now, chat.activity), quiet: chat.quiet && !met });
    if (met) await accounts.change(step, chat.peer, { contact: true });
  }
  step.event("message", message.gid, message.message_id);
}

/** Encrypt once: ratchet, ciphertext and mid are written in this step. Throws MlsError. */
export async function sealMessage(step: Step, n: number, item: Item): Promise<void> {
  const chat = await step.chat(item.gid);
  // What nobody reads as a line wakes nobody.
  const request = await sealContent(step, chat, item.content, { flags: item.shown ? WAKE : 0, ttl: 0 });
  await outbox.recordSealing(step, n, item, { request, body: request.body, epoch: chat.epoch });
  if (chat.request === "outgoing" && chat.opening === "") await step.changeChat(item.gid, { opening: item.message_id });
}

/** How a message travels: flags and ttl of SEND. most: bytes to which its content may be padded. */
export interface Course {
  readonly flags: number;
  readonly ttl: number;
  readonly most?: number;
}

/**
 * The request that carries a content in the chat's epoch; the ratchet has moved on in this step. data: the content.
 *
 * Throws MlsError, Malformed `too-big` above `most`.
 */
export async function sealContent(
  step: Step,
  chat: Chat,
  data: Uint8Array,
  { flags, ttl, most = Infinity }: Course,
): Promise<Send> {
  const gid = rows.bytesOf(chat.gid);
  const group = await step.loadGroup(chat.gid);
  const tag = content.contentTag(content.parseContent(data).salt, data);
  const signature = await step.secrets.sign(content.reportTbs(tag, gid, chat.epoch));
  const plaintext = content.encodeApplication(data, signature);
  const token = await groups.sendToken(group, chat.gid);
  const aad = encodeAad({ type: "ApplicationAad", tag });
  const padTo = content.paddedSize(plaintext);
  if (padTo > most) throw error("too-big", "call signal");
  const sealed = await group.encrypt(await step.env(), plaintext, { aad, padTo });
  await step.saveGroup(chat.gid, sealed.group);
  await step.changeChat(chat.gid, { sent: chat.sent + 1 });
  const roster_key = rosterKey(chat.gs);
  return { type: "Send", rid: 0, mid: step.rng(16), gid, token, roster_key, flags, ttl, body: sealed.message };
}

/** When the server took a message, Unix ms, and its mark on it: for a report. Empty where it gave none. */
export interface Mark {
  readonly ts: number;
  readonly frank: Uint8Array;
}

/** A verified message body and its author. leaf: in its epoch. data: the bytes of the content. proof: for a report. */
export interface Opened {
  readonly leaf: number;
  readonly account: Id;
  readonly device: number;
  readonly messageId: Id;
  readonly sent: number;
  readonly content: MimiContent;
  readonly data: Uint8Array;
  readonly proof: rows.Proof;
}

/**
 * The body of a decrypted message: signed by the leaf that sent it, tagged in its AAD, and naming both rightly.
 *
 * Throws Malformed: then it is not shown.
 */
export async function openApplication(look: Look, chat: Chat, event: Application, mark: Mark): Promise<Opened> {
  const sealed = content.parseApplication(event.data);
  const body = content.parseContent(sealed.content);
  const tag = content.contentTag(body.salt, sealed.content);
  if (rows.idOf(event.aad) !== rows.idOf(encodeAad({ type: "ApplicationAad", tag }))) throw error("malformed", "tag");
  const gid = rows.bytesOf(chat.gid);
  if (!(await verify(event.signatureKey, sealed.sig, content.reportTbs(tag, gid, event.epoch)))) {
    throw error("bad-signature");
  }
  // The certificate of the sender's leaf; it was checked when the leaf came in.
  const author = parseCertificate(parseObject(event.credential).payload);
  const serverName = look.profile.server_name;
  const rightlyNamed =
    body.extensions.get(content.SENDER_URI) === content.senderUri(serverName, author.account_id) &&
    body.extensions.get(content.ROOM_URI) === content.roomUri(serverName, gid) &&
    body.extensions.get(content.DEVICE_ID) === author.device_id;
  if (!rightlyNamed) throw error("malformed", "author or room");
  const sent = body.extensions.get(content.SENT_MS);
  if (typeof sent !== "number" || !Number.isSafeInteger(sent) || sent < 0 || sent > SENT_MAX_MS) {
    throw error("malformed", "time");
  }
  const messageId = rows.idOf(content.messageIdOf(body, sealed.content));
  const account = rows.idOf(author.account_id);
  const { epoch, credential: cert } = event;
  const proof = {
    message_id: messageId,
    content: sealed.content,
    sig: sealed.sig,
    epoch,
    gid: chat.gid,
    ...mark,
    cert,
  };
  const { sender: leaf } = event;
  return { leaf, account, device: author.device_id, messageId, sent, content: body, data: sealed.content, proof };
}

/**
 * Whether this message id was never seen; it is from now on, even if the message is deleted later.
 *
 * A message may stay longer than its id is known, and its author can seal it once more.
 */
export async function isNews(step: Step, identity: Id): Promise<boolean> {
  const name = rows.bytesOf(identity);
  if (await step.tx.has("known", name)) return false;
  await step.tx.put("known", name, new Uint8Array());
  return (await step.tx.lookup("message", name)) === undefined;
}

/** Message ids outlive their messages by 60 days. */
export async function forgetKnown(step: Step): Promise<void> {
  await step.tx.deleteOlder("known", step.now - KNOWN_DAYS_MS);
}

const HEAD_BYTES = 64;

/** What a person may see of a message as the server had it. */
export function wireOf(message: rows.Held): rows.Wire {
  const { id, seq, kind, gid, epoch, at, body } = message;
  const digest = rows.idOf(sha256(body));
  return { id, seq, kind, gid, epoch, at, size: body.length, digest, head: body.slice(0, HEAD_BYTES) };
}

/** An own message came back: keep what it was at the server. */
export async function attachWire(step: Step, identity: Id, wire: rows.Wire): Promise<void> {
  const found = await rows.findMessage(step.tx, identity);
  if (found === undefined || found[1].wire !== null) return;
  await rows.saveMessage(step.tx, found[0], { ...found[1], wire });
}

/** How an echo is recognised before MLS sees it. */
export function bodyHash(body: Uint8Array): Uint8Array {
  return sha256(body);
}

/** Tell newcomers of this chat who we are, before our next text. */
export async function ensureProfile(step: Step, gid: Id): Promise<void> {
  const chat = await step.chat(gid);
  const own = step.profile.account_id;
  const strangers = rows.accountsOf(chat).filter((a) => a !== own && !chat.told.includes(a));
  if (chat.kind === groups.SELF || chat.status !== "active" || strangers.length === 0 || chat.request !== "") return;
  await tellProfile(step, chat, true);
  await step.changeChat(gid, { told: [...chat.told, ...strangers] });
}

/** Queue our name for this chat and how we are reached, which whoever is blocked is not told. */
export async function tellProfile(step: Step, chat: Chat, urgent = false): Promise<void> {
  const hidden = await accounts.anyBlocked(step, rows.accountsOf(chat));
  const contact_token = hidden ? null : step.profile.profile_token;
  await submitControl(step, chat.gid, { op: "profile", name: step.profile.name, contact_token }, urgent);
}
