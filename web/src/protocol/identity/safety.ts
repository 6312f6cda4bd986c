/**
 * The safety number two people compare: Signal's numeric fingerprint, version 0, with the account id as identifier.
 *
 * Source: libsignal, rust/protocol/src/fingerprint.rs (5,200 rounds of SHA-512, 30 digits a side, both sides sorted).
 */
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, equal, parseUint } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import { error } from "../errors.ts";
import { Fields } from "../fields.ts";
import { type AccountId, encodeB64, parseB64 } from "../ids.ts";

export const ROUNDS = 5200;

/** Account id (16 bytes) and current account key (32 bytes) of one side. */
export interface Side {
  readonly account_id: AccountId;
  readonly account_pub: Uint8Array;
}

/** 30 digits for one side: six groups of a 40-bit number modulo 100,000. */
export function half(accountPub: Uint8Array, identifier: Uint8Array): string {
  let digest = sha512(concat(new Uint8Array(2), accountPub, identifier, accountPub));
  for (let round = 1; round < ROUNDS; round++) digest = sha512(concat(digest, accountPub));
  const groups = Array.from({ length: 6 }, (_, at) => parseUint(digest.subarray(5 * at, 5 * at + 5)) % 100_000);
  return groups.map((group) => String(group).padStart(5, "0")).join("");
}

/** 60 digits, the same for both sides. Throws LocalProtocolError for other sizes. */
export function safetyNumber(own: Side, other: Side): string {
  const halves = [own, other].map((side) => {
    if (side.account_id.length !== 16 || side.account_pub.length !== 32)
      throw error("wrong-call", "account id of 16 and key of 32 bytes");
    return half(side.account_pub, side.account_id);
  });
  return halves.sort().join("");
}

export const QR_VERSION = 1;
const HALF_DIGITS = 30;
const CODE_CHARACTERS = 400;

/**
 * What the QR code of a safety number holds, as its shower sees it.
 *
 * own, other: the 30 digits of both sides. epoch, epoch_authenticator: of the chat of two (mls.md); the authenticator
 * has 0 to 64 bytes, and differs at equal epochs where the server keeps both sides apart.
 */
export interface SafetyCode {
  readonly own: string;
  readonly other: string;
  readonly epoch: number;
  readonly epoch_authenticator: Uint8Array;
}

/** The text of the QR code: base64url of CBOR `[1, own, other, epoch, epoch_authenticator]`. */
export function encodeSafetyCode(code: SafetyCode): string {
  return encodeB64(cbor.encode([QR_VERSION, code.own, code.other, code.epoch, code.epoch_authenticator]));
}

/** The code behind a scanned or pasted text. Throws Malformed. */
export function parseSafetyCode(text: string): SafetyCode {
  if (text.length > CODE_CHARACTERS) throw error("malformed", "safety code");
  const fields = Fields.ofArray(cbor.parse(parseB64(text.trim())), 5);
  if (fields.number(0) !== QR_VERSION) throw error("unsupported-version", "safety code");
  const own = fields.text(1, HALF_DIGITS);
  const other = fields.text(2, HALF_DIGITS);
  if (![own, other].every((digits) => /^[0-9]{30}$/.test(digits))) throw error("malformed", "safety code");
  return { own, other, epoch: fields.number(3), epoch_authenticator: fields.bytes(4, 64) };
}

/**
 * Whether the code of the other side fits ours.
 *
 * different: another account key, or one epoch with two authenticators. other-epoch: the keys agree, but one side is an
 * epoch behind, so that nothing is known of the server yet.
 */
export function compareCodes(mine: SafetyCode, theirs: SafetyCode): "same" | "different" | "other-epoch" {
  if (mine.own !== theirs.other || mine.other !== theirs.own) return "different";
  if (mine.epoch !== theirs.epoch) return "other-epoch";
  return equal(mine.epoch_authenticator, theirs.epoch_authenticator) ? "same" : "different";
}
