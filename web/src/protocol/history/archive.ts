/**
 * An archive of messages, from device to device: version 1, deterministic CBOR (docs/protocol/history.md).
 * Mirrors zajil.protocol.history.archive. Loaded when a device is linked with its history.
 *
 * An archive is one or more parts, each whole by itself and sealed as one attachment. A part holds what its reader may
 * show and nothing that lets anybody act: no MLS secret, no token, no key but those of files that messages name.
 */
import { FILE_BYTES } from "../attachments.ts";
import * as cbor from "../cbor.ts";
import { EMOJI_BYTES } from "../chat/emoji.ts";
import { SPAN_MAX_S } from "../chat/expiry.ts";
import { type File, FILES_MAX, KEY_BYTES, NAME_BYTES, NONCE_BYTES, TYPE_BYTES } from "../chat/files.ts";
import { encodeLooks, type Look, LOOKS, parseLooks } from "../chat/looks.ts";
import { error } from "../errors.ts";
import { Fields } from "../fields.ts";
import { HISTORY_PART_BYTES, KIB, MIB, TEXT_BYTES } from "../limits.ts";

export const VERSION = 1;
/** A part is closed once it holds so much; its last message may reach beyond. */
export const PART_BYTES = 8 * MIB;
export const CHATS_MAX = 4096;
export const MESSAGES_MAX = 65_536;
export const VERSIONS_MAX = 1024;
export const PEOPLE_MAX = 4096;
export const KEPT_BYTES = 64 * KIB;
export const STATES = ["received", "sent", "delivered", "read"] as const;
export const CALL_KINDS = ["audio", "video"] as const;
export const CALL_OUTCOMES = ["answered", "missed", "declined", "busy", "failed"] as const;
export const NOTICES = [
  "device-added",
  "device-replaced",
  "left",
  "timer",
  "write-admins",
  "write-members",
  "rules",
  "link-made",
  "link-ended",
  "asked",
] as const;
export const NOTICES_MAX = 200;

export type ArchivedState = (typeof STATES)[number];

/** What became of a call. call: 16 bytes. */
export interface ArchivedCall {
  readonly call: Uint8Array;
  readonly kind: (typeof CALL_KINDS)[number];
  readonly outcome: (typeof CALL_OUTCOMES)[number];
  readonly seconds: number;
}

/** One text of a message. message_id: of the edit, 32 bytes. */
export interface ArchivedVersion {
  readonly text: string;
  readonly at: number;
  readonly message_id: Uint8Array;
}

/** The reaction of one account. */
export interface ArchivedReaction {
  readonly account: Uint8Array;
  readonly emoji: string;
  readonly at: number;
  readonly message_id: Uint8Array;
}

/** What one account told of an own message, Unix ms, 0 = not. */
export interface ArchivedReceipt {
  readonly account: Uint8Array;
  readonly delivered: number;
  readonly read: number;
}

/**
 * One message as its device shows it. Times: Unix ms. Ids: bytes, empty for none.
 *
 * files: attachment_id is empty where its upload failed. looks: as many as files, null where none is known. expire_s: its
 * span, 0 = it stays; expires_at: Unix ms at which it is over, 0 = its span did not begin.
 */
export interface ArchivedMessage {
  readonly message_id: Uint8Array;
  readonly account: Uint8Array;
  readonly device: number;
  readonly sent: number;
  readonly arrived: number;
  readonly state: ArchivedState;
  readonly text: string;
  readonly reply_to: Uint8Array;
  readonly versions: readonly ArchivedVersion[];
  readonly deleted_by: Uint8Array;
  readonly reactions: readonly ArchivedReaction[];
  readonly receipts: readonly ArchivedReceipt[];
  readonly kept: Uint8Array;
  readonly call: ArchivedCall | null;
  readonly files: readonly File[];
  readonly looks: readonly (Look | null)[];
  readonly expire_s: number;
  readonly expires_at: number;
}

/** A line that is no message. seconds: of a timer. */
export interface ArchivedNotice {
  readonly code: (typeof NOTICES)[number];
  readonly account: Uint8Array;
  readonly at: number;
  readonly seconds: number;
}

/** Messages of one chat, oldest first. read_to: id of the newest that was read, empty for none in this part. */
export interface ArchivedChat {
  readonly gid: Uint8Array;
  readonly read_to: Uint8Array;
  readonly messages: readonly ArchivedMessage[];
  readonly notices: readonly ArchivedNotice[];
}

/** One part. account: whose it is, 16 bytes. */
export interface Archive {
  readonly account: Uint8Array;
  readonly chats: readonly ArchivedChat[];
}

// -- writing
/** The plaintext of the attachment. */
export function encodeArchive({ account, chats }: Archive): Uint8Array {
  return cbor.encode(numbered(VERSION, account, chats.map(chatValue)));
}

/** A chat as it stands in a part, to know its size before it is in one. */
export const encodeChat = (chat: ArchivedChat): Uint8Array => cbor.encode(chatValue(chat));

const numbered = (...values: readonly cbor.Value[]): Map<cbor.Key, cbor.Value> =>
  new Map(values.map((value, at) => [at + 1, value]));

function chatValue({ gid, read_to, messages, notices }: ArchivedChat): cbor.Value {
  const lines = notices.map(({ code, account, at, seconds }) => [NOTICES.indexOf(code), account, at, seconds]);
  return numbered(gid, read_to, messages.map(messageValue), lines);
}

function messageValue(message: ArchivedMessage): cbor.Value {
  const { message_id, account, device, sent, arrived, state, call, expire_s, expires_at } = message;
  const values = numbered(message_id, account, device, sent, arrived, STATES.indexOf(state));
  const more: readonly (readonly [number, cbor.Value | undefined])[] = [
    [7, message.text],
    [8, message.reply_to],
    [9, message.versions.map(({ text, at, message_id: id }) => [text, at, id])],
    [10, message.deleted_by],
    [11, message.reactions.map(({ account: who, emoji, at, message_id: id }) => [who, emoji, at, id])],
    [12, message.receipts.map(({ account: who, delivered, read }) => [who, delivered, read])],
    [13, message.kept],
    [14, call ? [call.call, CALL_KINDS.indexOf(call.kind), CALL_OUTCOMES.indexOf(call.outcome), call.seconds] : []],
    [15, message.files.map((f) => [f.attachment_id, f.name, f.content_type, f.size, f.key, f.nonce, f.sha256])],
    [16, expire_s > 0 ? [expire_s, expires_at] : []],
    [17, encodeLooks(message.looks)],
  ];
  for (const [key, value] of more) {
    const sized = value as { readonly length: number } | undefined;
    if (value !== undefined && sized?.length) values.set(key, value);
  }
  return values;
}

// -- reading
/** The part of its bytes. Throws Malformed; Refused `unsupported-version` for a later version. */
export function parseArchive(data: Uint8Array): Archive {
  if (data.length > HISTORY_PART_BYTES) throw error("malformed", "archive too big");
  const fields = Fields.ofOpenMap(cbor.parse(data), [1, 2, 3]);
  if (fields.number(1) !== VERSION) throw error("unsupported-version");
  return { account: fields.blob(2, 16), chats: fields.items(3, CHATS_MAX).map(parseChat) };
}

function parseChat(value: cbor.Parsed): ArchivedChat {
  const fields = Fields.ofOpenMap(value, [1, 2, 3, 4]);
  const lines = fields.items(4, NOTICES_MAX).map((item) => Fields.ofArray(item, 4));
  return {
    gid: fields.blob(1, 16),
    read_to: blobOrEmpty(fields, 2, 32),
    messages: fields.items(3, MESSAGES_MAX).map(parseMessage),
    notices: lines.map((one) => ({
      code: oneOf(NOTICES, one, 0),
      account: one.blob(1, 16),
      at: one.number(2),
      seconds: one.number(3),
    })),
  };
}

function parseMessage(value: cbor.Parsed): ArchivedMessage {
  const fields = Fields.ofOpenMap(value, [1, 2, 3, 4, 5, 6]);
  const arrays = (key: number, most: number, length: number): Fields[] =>
    itemsOrNone(fields, key, most).map((item) => Fields.ofArray(item, length));
  const files = itemsOrNone(fields, 15, FILES_MAX).map(parseFile);
  return {
    message_id: fields.blob(1, 32),
    account: fields.blob(2, 16),
    device: fields.number(3, 32),
    sent: fields.number(4),
    arrived: fields.number(5),
    state: oneOf(STATES, fields, 6),
    text: fields.textOrNone(7, TEXT_BYTES) ?? "",
    reply_to: blobOrEmpty(fields, 8, 32),
    versions: arrays(9, VERSIONS_MAX, 3).map((one) => ({
      text: one.text(0, TEXT_BYTES),
      at: one.number(1),
      message_id: one.blob(2, 32),
    })),
    deleted_by: blobOrEmpty(fields, 10, 16),
    reactions: arrays(11, PEOPLE_MAX, 4).map((one) => ({
      account: one.blob(0, 16),
      emoji: one.text(1, EMOJI_BYTES),
      at: one.number(2),
      message_id: one.blob(3, 32),
    })),
    receipts: arrays(12, PEOPLE_MAX, 3).map((one) => ({
      account: one.blob(0, 16),
      delivered: one.number(1),
      read: one.number(2),
    })),
    kept: fields.has(13) ? fields.bytes(13, KEPT_BYTES) : new Uint8Array(),
    call: fields.has(14) ? parseCall(fields.raw(14)) : null,
    files,
    // It only draws: what is wrong with it is nothing.
    looks: parseLooks(new Map([[LOOKS, fields.raw(17)]]), files.length),
    ...parseSpan(fields),
  };
}

function parseCall(value: cbor.Parsed): ArchivedCall {
  const call = Fields.ofArray(value, 4);
  const [kind, outcome] = [oneOf(CALL_KINDS, call, 1), oneOf(CALL_OUTCOMES, call, 2)];
  return { call: call.blob(0, 16), kind, outcome, seconds: call.number(3) };
}

function parseSpan(fields: Fields): Pick<ArchivedMessage, "expire_s" | "expires_at"> {
  if (!fields.has(16)) return { expire_s: 0, expires_at: 0 };
  const span = Fields.ofArray(fields.raw(16), 2);
  const expire_s = span.number(0);
  if (expire_s === 0 || expire_s > SPAN_MAX_S) throw error("malformed", "span of a message");
  return { expire_s, expires_at: span.number(1) };
}

function parseFile(value: cbor.Parsed): File {
  const one = Fields.ofArray(value, 7);
  const size = one.number(3);
  if (size > FILE_BYTES) throw error("malformed", "file too big");
  return {
    attachment_id: blobOrEmpty(one, 0, 16),
    name: one.text(1, NAME_BYTES),
    content_type: one.text(2, TYPE_BYTES),
    size,
    key: one.blob(4, KEY_BYTES),
    nonce: one.blob(5, NONCE_BYTES),
    sha256: one.blob(6, 32),
  };
}

const itemsOrNone = (fields: Fields, key: number, most: number): readonly cbor.Parsed[] =>
  fields.has(key) ? fields.items(key, most) : [];

function blobOrEmpty(fields: Fields, key: number, size: number): Uint8Array {
  const found = fields.has(key) ? fields.bytes(key, size) : new Uint8Array();
  if (found.length !== 0 && found.length !== size) throw error("malformed", "bytes of another size");
  return found;
}

function oneOf<T>(names: readonly T[], fields: Fields, key: number): T {
  const found = names[fields.number(key)];
  if (found === undefined) throw error("malformed", "unknown number");
  return found;
}
