/**
 * The roster of a group: which mailbox each leaf reads, sealed under a key only members hold.
 *
 * At rest = nonce 12 || AES-256-GCM(roster_key, u32 length || CBOR [[leaf, deliver_to]] || zeros to a power of two of at
 * least 1 KiB, aad = gid || epoch u64). Here is everything but the AEAD, which is WebCrypto's (core/crypto.ts).
 * Source: docs/protocol/groups.md; RFC 5869.
 */
import { expand } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii, concat, encodeUint, parseUint } from "./bytes.ts";
import * as cbor from "./cbor.ts";
import { error } from "./errors.ts";
import { Fields } from "./fields.ts";
import type { GroupId } from "./ids.ts";
import { DELIVERY_REF_BYTES, KIB, ROSTER_ENTRIES } from "./limits.ts";

export const KEY_BYTES = 32;
export const NONCE_BYTES = 12;

/** One leaf and its delivery reference (opaque here, at most 54 bytes). */
export interface RosterEntry {
  readonly leaf: number;
  readonly deliver_to: Uint8Array;
}

/** 32 bytes: HKDF-Expand with SHA-256 over the 32-byte group secret (RFC 5869 2.3). */
export function rosterKey(groupSecret: Uint8Array): Uint8Array {
  if (groupSecret.length !== KEY_BYTES) throw error("wrong-call", "group secret of 32 bytes");
  return expand(sha256, groupSecret, ascii("zajil roster v1"), KEY_BYTES);
}

/** What the seal binds: group id and epoch. */
export const rosterAad = (gid: GroupId, epoch: number): Uint8Array => concat(gid, encodeUint(epoch, 8));

/** The padded plaintext, entries in leaf order. Throws LocalProtocolError for doubled leaves, sizes or the count. */
export function encodeRoster(entries: readonly RosterEntry[]): Uint8Array {
  const sorted = [...entries].sort((a, b) => a.leaf - b.leaf);
  const doubled = sorted.some((entry, at) => entry.leaf === sorted[at - 1]?.leaf);
  if (
    doubled ||
    entries.length > ROSTER_ENTRIES ||
    entries.some((entry) => entry.deliver_to.length > DELIVERY_REF_BYTES)
  ) {
    throw error("wrong-call", "roster entries");
  }
  const body = cbor.encode(sorted.map((entry) => [entry.leaf, entry.deliver_to]));
  let size = KIB;
  while (size < body.length + 4) size *= 2;
  const plain = new Uint8Array(size);
  plain.set(encodeUint(body.length, 4));
  plain.set(body, 4);
  return plain;
}

/** Entries of a plaintext, in its order. Throws Malformed. */
export function parseRoster(plain: Uint8Array): RosterEntry[] {
  const length = parseUint(plain.subarray(0, 4));
  const value = cbor.parse(plain.subarray(4, 4 + length));
  if (!Array.isArray(value)) throw error("malformed", "roster");
  return value.map((item) => {
    const fields = Fields.ofArray(item, 2);
    return { leaf: fields.number(0), deliver_to: fields.bytes(1) };
  });
}
