/**
 * The five fields of an MLS PrivateMessage a blind server may read, and nothing of MLS beyond them.
 *
 * Source: RFC 9420 sections 6 and 6.3 (PrivateMessage), 2.1.2 (variable-size vectors).
 */
import { parseUint } from "./bytes.ts";
import { error } from "./errors.ts";

export const MLS10 = 1;
export const PRIVATE_MESSAGE = 2;
export const APPLICATION = 1;
export const PROPOSAL = 2;
export const COMMIT = 3;

/** The cleartext of a PrivateMessage. content_type: 1 application, 2 proposal, 3 commit. */
export interface PrivateHeader {
  readonly group_id: Uint8Array;
  /** At most 2^53 - 1. */
  readonly epoch: number;
  readonly content_type: number;
  readonly authenticated_data: Uint8Array;
}

/**
 * The header of one MLSMessage holding a PrivateMessage; the rest is only measured.
 *
 * Throws Malformed for another version or wire format, lengths not in their shortest form, any end but the exact.
 */
export function parseHeader(message: Uint8Array): PrivateHeader {
  const reader = new Reader(message);
  if (parseUint(reader.take(4)) !== MLS10 * 65536 + PRIVATE_MESSAGE)
    throw error("malformed", "not an MLS 1.0 PrivateMessage");
  const groupId = reader.takeVector();
  const epoch = parseUint(reader.take(8));
  const contentType = parseUint(reader.take(1));
  if (contentType < APPLICATION || contentType > COMMIT) throw error("malformed", "MLS content type");
  const authenticatedData = reader.takeVector();
  reader.takeVector(); // encrypted sender data
  reader.takeVector(); // ciphertext
  if (!reader.done) throw error("malformed", "MLS message with trailing bytes");
  return { group_id: groupId, epoch, content_type: contentType, authenticated_data: authenticatedData };
}

class Reader {
  #at = 0;
  readonly #data: Uint8Array;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  get done(): boolean {
    return this.#at === this.#data.length;
  }

  take(size: number): Uint8Array {
    if (size > this.#data.length - this.#at) throw error("malformed", "MLS message ends early");
    this.#at += size;
    return this.#data.slice(this.#at - size, this.#at);
  }

  takeVector(): Uint8Array {
    const width = 1 << ((this.#data[this.#at] ?? 0) >> 6);
    if (width === 8) throw error("malformed", "MLS vector length");
    const size = parseUint(this.take(width)) % 2 ** (8 * width - 2);
    if (width > 1 && size < 2 ** (4 * width - 2)) throw error("malformed", "MLS vector length");
    return this.take(size);
  }
}
