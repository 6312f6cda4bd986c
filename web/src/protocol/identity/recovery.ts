/**
 * The recovery key: how people write it, and what is sealed and signed under it. Mirrors
 * zajil.protocol.identity.recovery; docs/protocol/recovery.md is the format. Keys are made in core/kept/secrets.ts.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { padme, TAG_BYTES } from "../attachments.ts";
import { ascii, concat, encodeUint, parseUint } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import { error } from "../errors.ts";
import { KIB } from "../limits.ts";

export const KEY_BYTES = 20;
export const LOCATOR_BYTES = 16;
export const NONCE_BYTES = 12;
/** Longest blob of an encrypted backup: as base64url in JSON it fits into one control call on every way. */
export const BACKUP_BYTES = 160 * KIB;
export const BACKUP_LEAST_BYTES = 4 * KIB;
/** Salt of the HKDF-SHA-256 that makes three secrets of a key; the info is the secret's name in ASCII. */
export const SALT = ascii("zajil recovery v1");
/** What stands for the blob in the signature of a deletion; no blob is that short. */
export const DELETED = new Uint8Array();

const LENGTH_BYTES = 4;
const GROUP = 4;
const DIGITS = (8 * KEY_BYTES) / 5;
/** The 32 digits: no I, L, O, U. */
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** 8 groups of 4, with dashes between them. key: 20 bytes. */
export function spellKey(key: Uint8Array): string {
  if (key.length !== KEY_BYTES) throw error("wrong-call", "recovery key of 20 bytes");
  let text = "";
  for (let at = 0; at < 8 * KEY_BYTES; at += 5) {
    const pair = ((key[at >> 3] ?? 0) << 8) | (key[(at >> 3) + 1] ?? 0);
    text += CROCKFORD[(pair >> (11 - (at & 7))) & 31] ?? "";
  }
  return groupsOf(text).join("-");
}

/** The groups of a spelled key. */
export function groupsOf(text: string): string[] {
  return text.replaceAll("-", "").match(new RegExp(`.{${String(GROUP)}}`, "g")) ?? [];
}

/**
 * The 20 bytes of a key as a person typed it, in whatever case, with I and L for 1, O for 0, any dashes or spaces.
 *
 * Throws HomeError `bad-recovery-key`.
 */
export function parseKey(text: string): Uint8Array {
  const digits = plainDigits(text);
  if (digits.length !== DIGITS || digits.includes(-1)) throw error("bad-recovery-key");
  const out = new Uint8Array(KEY_BYTES);
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const digit of digits) {
    held = ((held << 5) | digit) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    out[at++] = held >> bits;
  }
  return out;
}

/** Whether a person typed this group of a key, as `parseKey` would read it. */
export function isGroup(typed: string, group: string): boolean {
  const digits = plainDigits(typed);
  return digits.length === GROUP && plainDigits(group).every((digit, at) => digit === digits[at]);
}

/** The value of each digit, -1 for what is none. */
function plainDigits(text: string): number[] {
  const plain = text.toUpperCase().replace(/[-\s]/g, "").replace(/[IL]/g, "1").replaceAll("O", "0");
  return Array.from(plain, (letter) => CROCKFORD.indexOf(letter));
}

/** What is sealed: u32 length || plain || zeros, so that the blob has a padded size. Throws Malformed `too-big`. */
export function padBackup(plain: Uint8Array): Uint8Array {
  const around = NONCE_BYTES + LENGTH_BYTES + TAG_BYTES;
  const size = Math.max(BACKUP_LEAST_BYTES, padme(around + plain.length));
  if (size > BACKUP_BYTES) throw error("too-big", "backup");
  return concat(encodeUint(plain.length, LENGTH_BYTES), plain, new Uint8Array(size - around - plain.length));
}

/** What `padBackup` padded. Throws HomeError `bad-backup` for anything else. */
export function unpadBackup(padded: Uint8Array): Uint8Array {
  const size = parseUint(padded.slice(0, LENGTH_BYTES));
  const plain = padded.slice(LENGTH_BYTES, LENGTH_BYTES + size);
  const zeros = padded.subarray(LENGTH_BYTES + size);
  if (plain.length !== size || zeros.some((byte) => byte !== 0)) throw error("bad-backup");
  return plain;
}

/** What binds a blob to its place and version. */
export const backupAad = (locator: Uint8Array, version: number): Uint8Array => concat(locator, encodeUint(version, 8));

/** The payload of the signature under a write; of a deletion, `blob` is `DELETED`. */
export function backupPayload(locator: Uint8Array, version: number, blob: Uint8Array): Uint8Array {
  return cbor.encode(
    new Map<cbor.Key, cbor.Value>([
      [1, locator],
      [2, version],
      [3, sha256(blob)],
    ]),
  );
}
