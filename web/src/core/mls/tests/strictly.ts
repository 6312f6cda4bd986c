/** Two structures of RFC 9420 that only this folder may decode, for tests outside it. */
import { decodeGroupContext, encodeGroupContext, type GroupContext } from "ts-mls/groupContext.js";
import { decodeProposal, encodeProposal, type Proposal } from "ts-mls/proposal.js";
import { parseStrictly } from "../codec.ts";

/** A Proposal (RFC 9420, 12.1) of exactly these bytes. Throws MlsError. */
export function parseProposal(data: Uint8Array): Proposal {
  return parseStrictly(decodeProposal, encodeProposal, data);
}

/** A GroupContext (RFC 9420, 8.1) of exactly these bytes. Throws MlsError. */
export function parseGroupContext(data: Uint8Array): GroupContext {
  return parseStrictly(decodeGroupContext, encodeGroupContext, data);
}
