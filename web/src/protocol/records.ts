/**
 * Records: the units on a carrier, of a few fixed sizes, so that lengths say little.
 *
 * record = u32 length || frame || zeros, up to 256, 1024, 4096, 16384 or 65536 bytes.
 */
import { encodeUint, parseUint } from "./bytes.ts";
import { error } from "./errors.ts";
import { FRAME_BYTES, RECORD_MOST_BYTES, RECORD_SIZES } from "./limits.ts";

/**
 * The smallest record that holds the frame.
 *
 * atLeast: bytes; a larger size of the table for echo frames. Throws LocalProtocolError over 65,532 bytes.
 */
export function pad(frame: Uint8Array, atLeast = 0): Uint8Array {
  const needed = Math.max(frame.length + 4, atLeast);
  const size = RECORD_SIZES.find((one) => one >= needed);
  if (frame.length > FRAME_BYTES || size === undefined) throw error("wrong-call", "frame beyond a record");
  const record = new Uint8Array(size);
  record.set(encodeUint(frame.length, 4));
  record.set(frame, 4);
  return record;
}

/** The frame of one record. Throws Malformed for another size, a length beyond it, or padding that is not zero. */
export function unpad(record: Uint8Array): Uint8Array {
  const sized = record.length <= RECORD_MOST_BYTES && (RECORD_SIZES as readonly number[]).includes(record.length);
  const length = sized ? parseUint(record.subarray(0, 4)) : 0;
  if (!sized || length > record.length - 4) throw error("malformed", "record size or length");
  for (let at = 4 + length; at < record.length; at++) if (record[at]) throw error("malformed", "record padding");
  return record.slice(4, 4 + length);
}
