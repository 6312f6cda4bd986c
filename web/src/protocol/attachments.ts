/**
 * Attachments as the server sees them: sizes, calls and the padding that hides the true size.
 * Mirrors zajil.protocol.attachments; docs/protocol/files.md.
 *
 * Source of the padding: PURBs, Nikitin et al., PETS 2019, 4 (Padme).
 */
import { B, fields, uint } from "./control.ts";
import { error } from "./errors.ts";
import { HTTP_BODY_BYTES, KIB, MIB } from "./limits.ts";

/** Longest ciphertext of an attachment, its tag included. */
export const ATTACHMENT_BYTES = 100 * MIB;
/** Shortest: what is smaller is padded up to it. */
export const ATTACHMENT_LEAST_BYTES = KIB;
export const TAG_BYTES = 16;
/** Longest file. */
export const FILE_BYTES = ATTACHMENT_BYTES - TAG_BYTES;
/** The server keeps what is not whole so long. */
export const UNFINISHED_S = 86_400;
/** What goes up or down in one call on every way. */
export const PIECE_BYTES = HTTP_BODY_BYTES;

/** What one pass of kind `upload` is worth; an attachment takes as many as its size does. */
export const PASS_BYTES = 4 * MIB;

/** How many passes a ciphertext of this size takes. */
export function passesFor(sizeBytes: number): number {
  return Math.ceil(sizeBytes / PASS_BYTES);
}

/** id: 16 bytes, fetches it. secret: 32 bytes, lets its holder upload, `Authorization: Upload <secret>`. */
export interface AddedAttachment {
  readonly id: Uint8Array;
  readonly secret: Uint8Array;
}
export const parseAdded = fields<AddedAttachment>({ id: B(16), secret: B(32) });
/** Bytes that are stored durably. At the announced size the attachment is whole, its hash was right. */
export const parseOffset = fields<{ offset: number }>({ offset: uint(ATTACHMENT_BYTES) });

/** The next size of the Padme series: at most 12 % more, and O(log log) bits of what is told. */
export function padme(sizeBytes: number): number {
  if (sizeBytes < 2) return sizeBytes;
  const bits = (number: number): number => 32 - Math.clz32(number);
  const exponent = bits(sizeBytes) - 1;
  const step = 2 ** (exponent - bits(exponent));
  return Math.ceil(sizeBytes / step) * step;
}

/** Size of the ciphertext of a file, tag included. Throws HomeError `file-too-big` over FILE_BYTES. */
export function paddedBytes(fileBytes: number): number {
  if (fileBytes > FILE_BYTES) throw error("file-too-big");
  return Math.max(ATTACHMENT_LEAST_BYTES, padme(fileBytes + TAG_BYTES));
}

/** The Range header for so many bytes from there on. */
export function makeRange(start: number, length: number): string {
  return `bytes=${String(start)}-${String(start + length - 1)}`;
}
