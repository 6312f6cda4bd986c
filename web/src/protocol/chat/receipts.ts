/**
 * Receipts: which of your messages came in or were read.
 *
 * SinglePart `application/mimi-message-status` = CBOR `[[message id, 1 delivered | 2 read]]`, disposition unspecified.
 * Source: draft-mahy-mimi-message-status, reduced to what is used here.
 */
import * as cbor from "../cbor.ts";
import { error } from "../errors.ts";
import { Fields } from "../fields.ts";
import type { MessageId } from "../ids.ts";
import { type SinglePart, UNSPECIFIED } from "./content.ts";

export const STATUS_TYPE = "application/mimi-message-status";
/** Most receipts of one message. */
export const RECEIPTS = 256;
/** In groups of more leaves nobody sends receipts. */
export const RECEIPT_LEAVES = 32;
/** How long the first receipt of a batch waits for others of its chat. */
export const BATCH_MS = 2_000;

/** What became of a message at its reader. */
export const Status = { DELIVERED: 1, READ: 2 } as const;

/** message: its id, 32 bytes. status: of `Status`. */
export interface Receipt {
  readonly message: MessageId;
  readonly status: number;
}

/** The message body of 1 to 256 receipts. Throws LocalProtocolError for more or none. */
export function encodeReceipts(receipts: readonly Receipt[]): SinglePart {
  if (receipts.length < 1 || receipts.length > RECEIPTS) throw error("wrong-call", "1 to 256 receipts");
  const content = cbor.encode(receipts.map(({ message, status }) => [message, status]));
  return { type: "SinglePart", disposition: UNSPECIFIED, language: "", content_type: STATUS_TYPE, content };
}

/** The receipts of a body; a status of a later version is left out. Throws Malformed. */
export function parseReceipts(part: SinglePart): Receipt[] {
  const items = Fields.ofItems([cbor.parse(part.content)]).items(0, RECEIPTS);
  return items
    .map((item) => {
      const fields = Fields.ofArray(item, 2);
      return { message: fields.blob(0, 32), status: fields.number(1, 8) };
    })
    .filter(({ status }) => status === Status.DELIVERED || status === Status.READ);
}
