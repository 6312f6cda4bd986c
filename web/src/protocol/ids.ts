/** Identifiers and their text form: base64url without padding (RFC 4648 section 5) in JSON, URLs and what tabs see. */
import { concat, encodeUint, parseUint } from "./bytes.ts";
import { error } from "./errors.ts";

/** 16 bytes: H("zajil account v1" || first account key)[:16]. Self-certifying, never reused. */
export type AccountId = Uint8Array;
/** u32, counted per account from 1; a revoked number is not given out again. */
export type DeviceId = number;
/** 20 bytes: account id || device id as u32, big endian. One MLS leaf per group. */
export type ClientId = Uint8Array;
/** 16 bytes, random, made by the creating client: the MLS group id. */
export type GroupId = Uint8Array;
/** 16 bytes, random, made by the client: names one sealed request (idempotency). */
export type Mid = Uint8Array;
/** 32 bytes: the MIMI message id, 0x01 || 31 bytes of SHA-256. */
export type MessageId = Uint8Array;

export const ID_BYTES = 16;
export const CLIENT_ID_BYTES = 20;
export const MESSAGE_ID_BYTES = 32;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUES: ReadonlyMap<string, number> = new Map(Array.from(ALPHABET, (letter, value) => [letter, value]));

/** Base64url without padding. */
export function encodeB64(data: Uint8Array): string {
  let out = "";
  for (let at = 0; at < data.length; at += 3) {
    const number = ((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0);
    for (let part = 0; part < Math.min(4, data.length - at + 1); part++)
      out += ALPHABET[(number >> (18 - 6 * part)) & 63] ?? "";
  }
  return out;
}

/**
 * The bytes of one base64url text; exactly one text stands for given bytes.
 *
 * size: the number of bytes it must have. Throws Malformed for padding, foreign characters, loose bits, another size.
 */
export function parseB64(text: string, size?: number): Uint8Array {
  if (text.length % 4 === 1) throw error("malformed", "not base64url");
  const out = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let number = 0;
  let at = 0;
  for (const letter of text) {
    const value = VALUES.get(letter);
    if (value === undefined) throw error("malformed", "not base64url");
    number = ((number << 6) | value) & 0x3fff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = number >> bits;
    }
  }
  if (number & ((1 << bits) - 1)) throw error("malformed", "base64url with loose bits");
  if (size !== undefined && out.length !== size) throw error("malformed", "base64url of another size");
  return out;
}

/** The MLS client of one device. Throws LocalProtocolError when a part has the wrong size. */
export function clientId(account: AccountId, device: DeviceId): ClientId {
  if (account.length !== ID_BYTES || !Number.isInteger(device) || device < 0 || device >= 2 ** 32) {
    throw error("wrong-call", "client id of a 16-byte account and a u32 device");
  }
  return concat(account, encodeUint(device, 4));
}

/** Account and device of a client id. Throws Malformed unless it has 20 bytes. */
export function splitClientId(client: ClientId): { account: AccountId; device: DeviceId } {
  if (client.length !== CLIENT_ID_BYTES) throw error("malformed", "client id");
  return { account: client.slice(0, ID_BYTES), device: parseUint(client.subarray(ID_BYTES)) };
}
