/**
 * The safety number two people compare: Signal's numeric fingerprint, version 0, with the account id as identifier.
 *
 * Source: libsignal, rust/protocol/src/fingerprint.rs (5,200 rounds of SHA-512, 30 digits a side, both sides sorted).
 */
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, parseUint } from "../bytes.ts";
import { error } from "../errors.ts";
import type { AccountId } from "../ids.ts";

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
