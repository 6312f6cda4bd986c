/**
 * Linking a second device: what the new one offers, what an old one answers, and the emoji both show.
 *
 * The new device puts its offer at a random address and shows a code (`links.LinkCode`). The old one checks the offer
 * against the code's hash and seals the answer to the offer's HPKE key with `hpkeInfo`. The answer repeats the code's
 * secret, or the server, which sees the HPKE key, could enrol the device into another account.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii, concat, equal, parseUint } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import { contactValue, groupValue, parseContact, parseGroup, type SyncContact, type SyncGroup } from "../chat/parts.ts";
import { error, ZajilError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { HISTORY_PARTS, NAME_BYTES } from "../limits.ts";

export const XWING_KEY_BYTES = 1216;
// prettier-ignore
/** The 64 emoji of the short check, those of the Matrix SAS table, chosen to be told apart at a glance. */
export const EMOJI: readonly string[] = [
  "🐶", "🐱", "🦁", "🐴", "🦄", "🐷", "🐘", "🐰",
  "🐼", "🐓", "🐧", "🐢", "🐟", "🐙", "🦋", "🌷",
  "🌳", "🌵", "🍄", "🌍", "🌙", "☁️", "🔥", "🍌",
  "🍎", "🍓", "🌽", "🍕", "🎂", "❤️", "😀", "🤖",
  "🎩", "👓", "🔧", "🎅", "👍", "☂️", "⌛", "⏰",
  "🎁", "💡", "📕", "✏️", "📎", "✂️", "🔒", "🔑",
  "🔨", "☎️", "🏁", "🚂", "🚲", "✈️", "🚀", "🏆",
  "⚽", "🎸", "🎺", "🔔", "⚓", "🎧", "📁", "📌",
];

/** What a new device says of itself. hpke_pub: X-Wing, 1,216 bytes. sig_pub: its future leaf key, 32 bytes. */
export interface Offer {
  readonly hpke_pub: Uint8Array;
  readonly sig_pub: Uint8Array;
  readonly name: string;
  readonly platform: string;
}

const numbered = (...values: readonly cbor.Value[]): Uint8Array =>
  cbor.encode(new Map(values.map((value, at) => [at + 1, value])));

/** The bytes put at the link address; the code holds their hash. */
export const encodeOffer = (offer: Offer): Uint8Array =>
  numbered(offer.hpke_pub, offer.sig_pub, offer.name, offer.platform);

/** The offer of its bytes. Throws Malformed. */
export function parseOffer(data: Uint8Array): Offer {
  const fields = Fields.ofMap(cbor.parse(data), [1, 2, 3, 4]);
  return {
    hpke_pub: fields.blob(1, XWING_KEY_BYTES),
    sig_pub: fields.blob(2, 32),
    name: fields.text(3, NAME_BYTES),
    platform: fields.text(4, NAME_BYTES),
  };
}

/** 32 bytes: SHA-256 of the offer's bytes. */
export const hashOffer = (data: Uint8Array): Uint8Array => sha256(data);

/** The offer the code speaks of. Throws HomeError `link-mismatch` for any other. */
export function openOffer(data: Uint8Array, offerHash: Uint8Array): Offer {
  if (!equal(hashOffer(data), offerHash)) throw error("link-mismatch");
  return parseOffer(data);
}

/**
 * Three emoji both devices show: the first 18 bits of SHA-256("zajil sas" || hash of the offer).
 *
 * Against mix-ups only: matching 18 bits takes an attacker under a second.
 */
export function emojiOf(offer: Uint8Array): readonly string[] {
  const bits = parseUint(sha256(concat(ascii("zajil sas"), hashOffer(offer))).subarray(0, 3)) >> 6;
  return [bits >> 12, (bits >> 6) & 63, bits & 63].map((at) => EMOJI[at] ?? "");
}

/** The `info` of the HPKE seal of an answer. addr: 16 bytes. */
export const hpkeInfo = (addr: Uint8Array): Uint8Array => concat(ascii("zajil link v1"), addr);

/**
 * Where a part of the history lies and what opens it: as a file of a message, without a name.
 *
 * attachment_id: 16 bytes; size: of the part; key: 32, nonce: 12; sha256: of the ciphertext.
 */
export interface ArchivePart {
  readonly attachment_id: Uint8Array;
  readonly size: number;
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly sha256: Uint8Array;
}

/**
 * What an old device tells the new one, HPKE-sealed, at most 256 KiB.
 *
 * certificate: signed object. lists: all signed device lists, oldest first. seed: 32 bytes, null for a limited device.
 * secret: the code's. archive: the parts of the history, which may still be on their way. name: the account's own profile
 * name; contact_token: its profile token.
 */
export interface Answer {
  readonly certificate: Uint8Array;
  readonly lists: readonly Uint8Array[];
  readonly seed: Uint8Array | null;
  readonly contacts: readonly SyncContact[];
  readonly groups: readonly SyncGroup[];
  readonly secret: Uint8Array;
  readonly name: string;
  readonly contact_token: Uint8Array | null;
  readonly archive: readonly ArchivePart[];
}

/** The plaintext to seal. */
export function encodeAnswer(answer: Answer): Uint8Array {
  const contacts = answer.contacts.map(contactValue);
  const groups = answer.groups.map(groupValue);
  const own = [answer.name, answer.contact_token];
  const parts = answer.archive.map((p) => [p.attachment_id, p.size, p.key, p.nonce, p.sha256]);
  const archive = parts.length > 0 ? parts : null;
  return numbered(answer.certificate, answer.lists, answer.seed, contacts, groups, archive, answer.secret, own);
}

/**
 * The answer of an opened plaintext, its secret being our own.
 *
 * Throws HomeError `link-mismatch` for another secret, Malformed. Certificate and lists are not yet verified.
 */
export function parseAnswer(data: Uint8Array, secret: Uint8Array): Answer {
  const fields = Fields.ofOpenMap(cbor.parse(data), [1, 2, 3, 4, 5, 6, 7, 8]);
  if (!equal(fields.blob(7, 16), secret)) throw error("link-mismatch");
  const profile = Fields.ofArray(fields.raw(8), 2);
  return {
    certificate: fields.bytes(1, 4096),
    lists: fields.blobs(2, 4096, 4096),
    seed: fields.blobOrNone(3, 32),
    contacts: fields.items(4, 4096).map(parseContact),
    groups: fields.items(5, 4096).map(parseGroup),
    secret,
    name: profile.text(0, NAME_BYTES),
    contact_token: profile.blobOrNone(1, 32),
    archive: parseParts(fields),
  };
}

/** The parts of field 6; none where they are not as they should be: a device is linked without its history too. */
function parseParts(fields: Fields): readonly ArchivePart[] {
  try {
    const parts = fields.has(6) ? fields.items(6, HISTORY_PARTS).map((item) => Fields.ofArray(item, 5)) : [];
    return parts.map((one) => ({
      attachment_id: one.blob(0, 16),
      size: one.number(1),
      key: one.blob(2, 32),
      nonce: one.blob(3, 12),
      sha256: one.blob(4, 32),
    }));
  } catch (problem) {
    if (problem instanceof ZajilError) return [];
    throw problem;
  }
}
