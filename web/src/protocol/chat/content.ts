/**
 * Message bodies: MIMI content inside an application message, its id, its tag and the sender's own signature.
 *
 * Plaintext = CBOR `[1, content bstr, sig 64]`. content = `mimiContent` of draft-ietf-mimi-content-08, deterministic:
 * `[salt 16, replaces, topicId, expires, inReplyTo, extensions, NestedPart]`, parts nested at most 4 levels.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii, concat, encodeText, encodeUint, parseText, textSize } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import { error } from "../errors.ts";
import { Fields } from "../fields.ts";
import { type AccountId, encodeB64, type GroupId, type MessageId } from "../ids.ts";
import { CONTENT_DEPTH, CONTENT_SIZES, TEXT_BYTES } from "../limits.ts";

export const SALT_BYTES = 16;
/** Keys of extensions: URIs of the draft, then ours: device id, ms of the sender's clock, `[list seq, list hash]`. */
export const SENDER_URI = 1;
export const ROOM_URI = 2;
export const DEVICE_ID = -1;
export const SENT_MS = -2;
export const LIST_GOSSIP = -3;
/** Dispositions of a part. */
export const UNSPECIFIED = 0;
export const RENDER = 1;
export const REACTION = 2;
export const PROFILE = 3;
export const INLINE = 4;
export const ICON = 5;
export const ATTACHMENT = 6;
export const SESSION = 7;
export const PREVIEW = 8;
/** How the parts of a MultiPart belong together: choose one, single unit, process all. */
export const CHOOSE_ONE = 0;
export const SINGLE_UNIT = 1;
export const PROCESS_ALL = 2;
export const MARKDOWN = "text/markdown;variant=GFM-MIMI";
const PART_TEXT_BYTES = 2048;
const EXTENSION_BYTES = 4095;

/** relative: `time` counts seconds from reading (sender: from sending), else Unix seconds. time: u32. */
export interface Expires {
  readonly relative: boolean;
  readonly time: number;
}

interface PartHead {
  readonly disposition: number;
  /** Language tag, or empty. */
  readonly language: string;
}
/** No body: takes back what `replaces` names. */
export interface NullPart extends PartHead {
  readonly type: "NullPart";
}
/** A body in the message itself. */
export interface SinglePart extends PartHead {
  readonly type: "SinglePart";
  readonly content_type: string;
  readonly content: Uint8Array;
}
/** A body elsewhere. expires: Unix seconds or 0; size: bytes or 0; enc_alg, hash_alg: IANA numbers or 0. */
export interface ExternalPart extends PartHead {
  readonly type: "ExternalPart";
  readonly content_type: string;
  readonly url: string;
  readonly expires: number;
  readonly size: number;
  readonly enc_alg: number;
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  readonly hash_alg: number;
  readonly content_hash: Uint8Array;
  readonly description: string;
  readonly filename: string;
}
/** Two or more parts. */
export interface MultiPart extends PartHead {
  readonly type: "MultiPart";
  readonly semantics: number;
  readonly parts: readonly Part[];
}
export type Part = NullPart | SinglePart | ExternalPart | MultiPart;

/** One message body. salt: 16 bytes. extensions: int or text keys; values as CBOR, at most 4,095 bytes each. */
export interface MimiContent {
  readonly salt: Uint8Array;
  readonly body: Part;
  readonly replaces: MessageId | null;
  readonly topic_id: Uint8Array;
  readonly expires: Expires | null;
  readonly in_reply_to: MessageId | null;
  readonly extensions: ReadonlyMap<cbor.Key, cbor.Value>;
}

/** What a MimiContent has where nothing else is said. */
export const CONTENT_DEFAULTS = {
  replaces: null,
  topic_id: new Uint8Array(),
  expires: null,
  in_reply_to: null,
} as const;

/** The bytes that are signed, tagged and named by the message id. They travel as they are. */
export function encodeContent(content: MimiContent): Uint8Array {
  const expires = content.expires && [content.expires.relative, content.expires.time];
  const head = [content.salt, content.replaces, content.topic_id, expires, content.in_reply_to];
  return cbor.encode([...head, content.extensions, partValue(content.body)]);
}

function partValue(part: Part): cbor.Value {
  const head = [part.disposition, part.language];
  switch (part.type) {
    case "NullPart":
      return [...head, 0];
    case "SinglePart":
      return [...head, 1, part.content_type, part.content];
    case "ExternalPart": {
      const place = [part.content_type, part.url, part.expires, part.size];
      const secret = [part.enc_alg, part.key, part.nonce, part.aad];
      return [...head, 2, ...place, ...secret, part.hash_alg, part.content_hash, part.description, part.filename];
    }
    case "MultiPart":
      return [...head, 3, part.semantics, part.parts.map(partValue)];
  }
}

/** The content of its bytes. Throws Malformed for any other shape, more than 4 levels, not deterministic CBOR. */
export function parseContent(data: Uint8Array): MimiContent {
  const fields = Fields.ofArray(cbor.parse(data), 7);
  return {
    salt: fields.blob(0, SALT_BYTES),
    replaces: fields.blobOrNone(1, 32),
    topic_id: fields.bytes(2, 4096),
    expires: parseExpires(fields.raw(3)),
    in_reply_to: fields.blobOrNone(4, 32),
    extensions: parseExtensions(fields.pairs(5, 64)),
    body: parsePart(fields.raw(6), 1),
  };
}

function parseExpires(value: cbor.Parsed): Expires | null {
  if (value === null) return null;
  const fields = Fields.ofArray(value, 2);
  return { relative: fields.flag(0), time: fields.number(1, 32) };
}

function parseExtensions(pairs: ReadonlyMap<cbor.Key, cbor.Parsed>): ReadonlyMap<cbor.Key, cbor.Value> {
  for (const [key, value] of pairs) {
    const size = typeof key === "string" ? textSize(key) : typeof key === "number" || typeof key === "bigint" ? 1 : 0;
    if (size < 1 || size > 255 || cbor.encode(value).length > EXTENSION_BYTES)
      throw error("malformed", "extension of a message");
  }
  return pairs;
}

function parsePart(value: cbor.Parsed, level: number): Part {
  if (!Array.isArray(value) || level > CONTENT_DEPTH) throw error("malformed", "message parts");
  const fields = Fields.ofItems(value);
  const head = { disposition: fields.number(0, 8), language: fields.text(1, PART_TEXT_BYTES) };
  const shape = `${String(fields.number(2, 8))} of ${String(value.length)}`;
  if (shape === "0 of 3") return { type: "NullPart", ...head };
  if (shape === "1 of 5")
    return { type: "SinglePart", ...head, content_type: fields.text(3, PART_TEXT_BYTES), content: fields.bytes(4) };
  if (shape === "2 of 15") return parseExternal(fields, head);
  if (shape === "3 of 5") {
    const inner = fields.items(4, 256);
    const semantics = fields.number(3, 8);
    if (semantics > PROCESS_ALL || inner.length < 2) throw error("malformed", "multipart");
    return { type: "MultiPart", ...head, semantics, parts: inner.map((item) => parsePart(item, level + 1)) };
  }
  throw error("malformed", "message part");
}

function parseExternal(fields: Fields, head: PartHead): ExternalPart {
  return {
    type: "ExternalPart",
    ...head,
    content_type: fields.text(3, PART_TEXT_BYTES),
    url: fields.text(4, PART_TEXT_BYTES),
    expires: fields.number(5, 32),
    size: fields.number(6),
    enc_alg: fields.number(7, 16),
    key: fields.bytes(8, 64),
    nonce: fields.bytes(9, 64),
    aad: fields.bytes(10, PART_TEXT_BYTES),
    hash_alg: fields.number(11, 8),
    content_hash: fields.bytes(12, 64),
    description: fields.text(13, PART_TEXT_BYTES),
    filename: fields.text(14, PART_TEXT_BYTES),
  };
}

/** Extension 1 of our messages. */
export const senderUri = (serverName: string, account: AccountId): string =>
  `mimi://${serverName}/u/${encodeB64(account)}`;
/** Extension 2 of our messages. */
export const roomUri = (serverName: string, gid: GroupId): string => `mimi://${serverName}/r/${encodeB64(gid)}`;

/**
 * The MIMI message id of encoded content: 0x01 || 31 bytes of SHA-256 (draft-ietf-mimi-content-08, 3.3).
 *
 * sender, room: the URIs of extensions 1 and 2; the caller checks that they are those of the MLS sender and group.
 */
export function messageId(content: Uint8Array, at: { sender: string; room: string; salt: Uint8Array }): MessageId {
  const uris = [encodeText(at.sender), encodeText(at.room)];
  if (uris.some((uri) => uri.length >= 65_536)) throw error("malformed", "URI too long");
  const digest = sha256(concat(...uris.flatMap((uri) => [encodeUint(uri.length, 2), uri]), content, at.salt));
  return concat(Uint8Array.of(1), digest.subarray(0, 31));
}

/** The message id by the URIs the content itself carries. data: the bytes of `content`. Throws Malformed without them. */
export function messageIdOf(content: MimiContent, data: Uint8Array): MessageId {
  const sender = content.extensions.get(SENDER_URI);
  const room = content.extensions.get(ROOM_URI);
  if (typeof sender !== "string" || typeof room !== "string")
    throw error("malformed", "message without sender or room");
  return messageId(data, { sender, room, salt: content.salt });
}

/** A text message. Throws HomeError `text-too-long` over 65,536 bytes of UTF-8, Malformed for no UTF-8. */
export function textContent(
  text: string,
  salt: Uint8Array,
  extensions: ReadonlyMap<cbor.Key, cbor.Value>,
): MimiContent {
  const content = encodeText(text);
  if (content.length > TEXT_BYTES) throw error("text-too-long");
  const body: Part = { type: "SinglePart", disposition: RENDER, language: "", content_type: MARKDOWN, content };
  return { ...CONTENT_DEFAULTS, salt, body, extensions };
}

/** The text to show, or undefined if the body is of another kind. Throws Malformed for bytes that are not UTF-8. */
export function findText(content: MimiContent): string | undefined {
  const { body } = content;
  if (body.type !== "SinglePart" || body.content_type !== MARKDOWN || body.disposition !== RENDER) return undefined;
  return parseText(body.content);
}

/** The plaintext of an application message: encoded content and the sender's signature, not yet verified. */
export interface Application {
  readonly content: Uint8Array;
  readonly sig: Uint8Array;
}

/** The plaintext to seal. sig: 64 bytes over `reportTbs`. */
export const encodeApplication = (content: Uint8Array, sig: Uint8Array): Uint8Array => cbor.encode([1, content, sig]);

/** Content and signature of a plaintext. Throws Malformed. */
export function parseApplication(plaintext: Uint8Array): Application {
  const fields = Fields.ofArray(cbor.parse(plaintext), 3);
  if (fields.number(0) !== 1) throw error("malformed", "application message of another version");
  return { content: fields.bytes(1), sig: fields.blob(2, 64) };
}

/** 32 bytes: HMAC-SHA256(salt, content); the AAD carries it, so the server can frank what it cannot read. */
export const contentTag = (salt: Uint8Array, content: Uint8Array): Uint8Array => hmac(sha256, salt, content);

/** A variable-size vector of RFC 9420 2.1.2; all of ours are short. */
function vector(data: Uint8Array): Uint8Array {
  const size = data.length;
  return concat(size < 64 ? Uint8Array.of(size) : encodeUint(0x4000 | size, 2), data);
}

/**
 * What the leaf key signs: SafeSignWithLabel(component 0xF001, "report", tag || gid || epoch u64).
 *
 * ts-mls names no sender, and a report must prove one without it.
 * Source: draft-ietf-mls-extensions, safe application interface; RFC 9420 5.1.2.
 */
export function reportTbs(tag: Uint8Array, gid: GroupId, epoch: number): Uint8Array {
  const label = concat(vector(ascii("MLS Component")), Uint8Array.of(0xf0, 0x01), vector(ascii("report")));
  return concat(vector(concat(ascii("MLS 1.0 "), label)), vector(concat(tag, gid, encodeUint(epoch, 8))));
}

/**
 * The size of PrivateMessageContent to pad to: 704, 3776, 16064 or 69120, the smallest that holds `size` bytes.
 *
 * size: of the content with its signature, before padding. Throws Malformed `too-big` beyond the largest.
 */
export function padTo(size: number): number {
  const step = CONTENT_SIZES.find((one) => size <= one);
  if (step === undefined) throw error("too-big", "message body");
  return step;
}

/** `padTo` for a plaintext, with the vector lengths and the 64-byte signature that MLS adds (RFC 9420 6.3.1). */
export function paddedSize(plaintext: Uint8Array): number {
  const prefix = plaintext.length < 64 ? 1 : plaintext.length < 16_384 ? 2 : 4;
  return padTo(prefix + plaintext.length + 2 + 64);
}
