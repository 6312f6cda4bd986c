/** Bytes to ts-mls' structures and back, strictly: what does not encode to the same bytes again is refused (rule D1). */
import type { Decoder } from "ts-mls/codec/tlsDecoder.js";
import type { Encoder } from "ts-mls/codec/tlsEncoder.js";
import { defaultExtensionTypes } from "ts-mls/defaultExtensionType.js";
import type { Extension as RawExtension } from "ts-mls/extension.js";
import type { LeafNode } from "ts-mls/leafNode.js";
import { type MLSMessage, decodeMlsMessage, encodeMlsMessage } from "ts-mls/message.js";
import { encodeRequiredCapabilities } from "ts-mls/requiredCapabilities.js";
import { equal } from "../../protocol/bytes.ts";
import { DecodeError, Invalid } from "./errors.ts";
import { type Extension, LIMITS } from "./types.ts";

/** The value of exactly these bytes. Throws DecodeError, and what `explain` throws (see `parsePrefix`); nothing else. */
export function parseStrictly<T>(decode: Decoder<T>, encode: Encoder<T>, data: Uint8Array, explain?: () => void): T {
  const parsed = parsePrefix(decode, data, explain);
  const [value, size] = parsed;
  if (size !== data.length || !equal(reencode(encode, value), data)) throw new DecodeError("not canonical");
  return value;
}

/**
 * A value at the beginning of some bytes, and its length. Throws DecodeError.
 *
 * explain: called before that, may throw what says more.
 */
export function parsePrefix<T>(decode: Decoder<T>, data: Uint8Array, explain?: () => void): [T, number] {
  let parsed: [T, number] | undefined;
  try {
    parsed = decode(data, 0);
  } catch {
    parsed = undefined;
  }
  if (parsed !== undefined) return parsed;
  explain?.();
  throw new DecodeError("malformed");
}

function reencode<T>(encode: Encoder<T>, value: T): Uint8Array {
  try {
    return encode(value);
  } catch {
    throw new DecodeError("malformed");
  }
}

const WIRE_FORMATS = [1, 2, 3, 4, 5];

/** An MLSMessage. Throws Invalid F1 for another version or wire format, DecodeError. */
export function parseMessage(data: Uint8Array): MLSMessage {
  if (data.length > LIMITS.messageBytes) throw new DecodeError("message too long");
  if (data.length < 4) throw new DecodeError("truncated");
  const view = new DataView(data.buffer, data.byteOffset, 4);
  if (view.getUint16(0) !== 1) throw new Invalid("F1", "version");
  if (!WIRE_FORMATS.includes(view.getUint16(2))) throw new Invalid("F1", "wire format");
  return parseStrictly(decodeMlsMessage, encodeMlsMessage, data);
}

export { encodeMlsMessage as encodeMessage } from "ts-mls/message.js";

const NUMBER_OF: ReadonlyMap<string, number> = new Map(Object.entries(defaultExtensionTypes));
const NAME_OF = new Map(
  Object.entries(defaultExtensionTypes).map(([name, type]) => [type as number, name as RawExtension["extensionType"]]),
);

export const RATCHET_TREE = 2;
export const REQUIRED_CAPABILITIES = 3;
export const LAST_RESORT = 10;

export function extensionNumber(type: RawExtension["extensionType"]): number {
  return typeof type === "number" ? type : (NUMBER_OF.get(type) ?? 0);
}

export function fromRaw(extensions: readonly RawExtension[]): Extension[] {
  return extensions.map(({ extensionType, extensionData }) => ({
    type: extensionNumber(extensionType),
    data: extensionData,
  }));
}

/**
 * Throws DecodeError for more items than each of these lists may hold (rule D1).
 *
 * ts-mls knows no such limits and zajil.mls does: what only one of them takes splits a group. ts-mls also encodes a
 * list by one call inside another for each item, so a long one ends in a full stack, which is no refusal.
 */
export function checkCounts(most: number, ...lists: readonly (readonly unknown[])[]): void {
  if (lists.some((list) => list.length > most)) throw new DecodeError("too many items");
}

/** As `checkCounts`, for all lists of a leaf. */
export function checkLeafCounts({ extensions, capabilities }: Pick<LeafNode, "extensions" | "capabilities">): void {
  checkCounts(LIMITS.extensions, extensions);
  const { versions, ciphersuites, extensions: types, proposals, credentials } = capabilities;
  checkCounts(LIMITS.capabilities, versions, ciphersuites, types, proposals, credentials);
}

export function toRaw(extensions: readonly Extension[]): RawExtension[] {
  return extensions.map(({ type, data }) => ({ extensionType: NAME_OF.get(type) ?? type, extensionData: data }));
}

/** The GroupContext extension that makes every member support these extension types (RFC 9420 11.1). */
export function requiredCapabilities(extensionTypes: readonly number[]): Extension {
  const data = encodeRequiredCapabilities({
    extensionTypes: [...extensionTypes],
    proposalTypes: [],
    credentialTypes: [],
  });
  return { type: REQUIRED_CAPABILITIES, data };
}

/** A name for sets and maps. */
export function nameOf(data: Uint8Array): string {
  let name = "";
  for (const byte of data) name += String.fromCharCode(byte);
  return name;
}
