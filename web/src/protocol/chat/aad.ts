/**
 * The AAD of every PrivateMessage: what the server may read and the sender's signature binds.
 *
 * CBOR: application `[1, 1, tag]`; commit `[1, 2, [added leaf], [removed leaf], rotate, refs_hash]`.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import * as cbor from "../cbor.ts";
import { error } from "../errors.ts";
import { Fields } from "../fields.ts";
import { ROSTER_ENTRIES } from "../limits.ts";

export const VERSION = 1;
const APPLICATION = 1;
const COMMIT = 2;
/** Every application AAD has this length. */
export const APPLICATION_BYTES = 37;
/** Longest commit AAD: two lists of 1,024 leaves, 5 bytes each, and the rest. */
export const MOST_BYTES = 10_320;

/** tag: 32 bytes, `contentTag` of the content inside. */
export interface ApplicationAad {
  readonly type: "ApplicationAad";
  readonly tag: Uint8Array;
}

/** What a commit does to the roster. Leaves ascend; rotate: the roster key changes; refs_hash: `hashRefs`. */
export interface CommitAad {
  readonly type: "CommitAad";
  readonly added: readonly number[];
  readonly removed: readonly number[];
  readonly rotate: boolean;
  readonly refs_hash: Uint8Array;
}

/** The AAD's bytes. */
export function encodeAad(aad: ApplicationAad | CommitAad): Uint8Array {
  if (aad.type === "ApplicationAad") return cbor.encode([VERSION, APPLICATION, aad.tag]);
  return cbor.encode([VERSION, COMMIT, aad.added, aad.removed, aad.rotate, aad.refs_hash]);
}

/** 32 bytes: SHA-256 over the CBOR list of the added delivery references, in the order of their leaves. */
export function hashRefs(deliverTo: readonly Uint8Array[]): Uint8Array {
  return sha256(cbor.encode(deliverTo));
}

/** The AAD of a PrivateMessage. Throws Malformed for any other shape, leaves not ascending, another version. */
export function parseAad(data: Uint8Array): ApplicationAad | CommitAad {
  if (data.length > MOST_BYTES) throw error("malformed", "AAD too long");
  const value = cbor.parse(data);
  const fields = Fields.ofArray(value, 3, 6);
  const length = Array.isArray(value) ? value.length : 0;
  if (fields.number(0) !== VERSION) throw error("malformed", "AAD of another version");
  const kind = fields.number(1);
  if (kind === APPLICATION && length === 3) return { type: "ApplicationAad", tag: fields.blob(2, 32) };
  if (kind === COMMIT && length === 6) {
    const added = parseLeaves(fields.items(2, ROSTER_ENTRIES));
    const removed = parseLeaves(fields.items(3, ROSTER_ENTRIES));
    return { type: "CommitAad", added, removed, rotate: fields.flag(4), refs_hash: fields.blob(5, 32) };
  }
  throw error("malformed", "AAD");
}

function parseLeaves(items: readonly cbor.Parsed[]): number[] {
  const fields = Fields.ofItems(items);
  const leaves = items.map((_, at) => fields.number(at, 32));
  if (leaves.some((leaf, at) => at > 0 && leaf <= (leaves[at - 1] ?? 0)))
    throw error("malformed", "leaves do not ascend");
  return leaves;
}
