/**
 * A carrier made of POSTs, for networks that strip `Upgrade`: the bytes, as the calling end needs them.
 *
 *     post   = carrier(16) || seq u32 || items        items = (length u32 || record)*        answer = items
 *
 * `seq` counts the POSTs of one virtual carrier from 0. One with items is answered at once and empty; one without is a
 * poll, held until there is something to tell. Twin of zajil.protocol.reach.polling, which says why.
 */
import { concat } from "../bytes.ts";
import { error } from "../errors.ts";
import { KIB, RECORD_MOST_BYTES } from "../limits.ts";

export const CARRIER_ID_BYTES = 16;
/** Longest record: a padded frame and, on sealed routes, its tag. */
export const ITEM_BYTES = RECORD_MOST_BYTES + 16;
/** Longest POST and longest answer. */
export const BODY_BYTES = 512 * KIB;
export const BODY_RECORDS = 256;
const LENGTH_BYTES = 4;

/** The body of a POST. carrier: 16 random bytes, the same for all POSTs of a carrier. */
export function encodePost(carrier: Uint8Array, seq: number, records: readonly Uint8Array[]): Uint8Array {
  return concat(carrier, u32(seq), ...records.flatMap((record) => [u32(record.length), record]));
}

/** How many of these records, from the first on, one POST takes: at least one. */
export function fitting(records: readonly Uint8Array[]): number {
  let size = CARRIER_ID_BYTES + LENGTH_BYTES;
  const over = records.findIndex((record) => (size += LENGTH_BYTES + record.length) > BODY_BYTES);
  return Math.min(BODY_RECORDS, Math.max(1, over < 0 ? records.length : over));
}

/** The records of an answer. Throws RemoteProtocolError. */
export function parseItems(data: Uint8Array): Uint8Array[] {
  if (data.length > BODY_BYTES) throw error("protocol", "length of a poll");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at < data.length;) {
    const start = at + LENGTH_BYTES;
    const size = start <= data.length ? view.getUint32(at) : 0;
    if (size === 0 || size > ITEM_BYTES || start + size > data.length || records.length === BODY_RECORDS)
      throw error("protocol", "item of a poll");
    records.push(data.slice(start, start + size));
    at = start + size;
  }
  return records;
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
