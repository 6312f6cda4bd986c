/**
 * Ciphertexts of files in the store: chunks of 1 MiB under a random name each, and a row of `file` for those of messages.
 *
 * A ciphertext that goes out belongs to its row of `upload`, any other to a row here; what belongs to none is swept. Rows
 * of messages go with their message, or when all of them hold more than 500 MB, those used least lately first.
 */
import { concat } from "../../protocol/bytes.ts";
import type { File } from "../../protocol/chat/files.ts";
import { MIB } from "../../protocol/limits.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import type { Step } from "../state/step.ts";
import type { ReadTx, Store } from "../store/types.ts";
import { allRows, dropRow, type FileRow } from "./kept.ts";

export { allRows, dropBlob, dropRow, type FileRow } from "./kept.ts";

export const CHUNK_BYTES = MIB;
export const BLOB_BYTES = 16;
export const KEPT_BYTES = 500_000_000;

/** Under which a file has its row: messages that name the same ciphertext share it, and no others. */
export const nameOf = (file: File): Uint8Array => concat(file.attachment_id, file.sha256);

/** Keep a ciphertext. It must not change before the step is durable. */
export function putBlob(step: Step, blob: Uint8Array, ciphertext: Uint8Array): void {
  for (let n = 0; n * CHUNK_BYTES < ciphertext.length; n++) putChunk(step, blob, { n, data: ciphertext });
}

/** Keep chunk n of a ciphertext. data: all of it; the part is copied when it is written. */
export function putChunk(
  step: Step,
  blob: Uint8Array,
  { n, data, from = n * CHUNK_BYTES }: { readonly n: number; readonly data: Uint8Array; readonly from?: number },
): void {
  step.tx.beside((chunks) => chunks.put(data.slice(from, from + CHUNK_BYTES), [blob, n] as IDBValidKey));
}

/** Bytes from `at` on, at most `length` and to the end of a chunk; undefined where there are none. */
export async function readBlob(
  store: Store,
  blob: Uint8Array,
  { at, length }: { readonly at: number; readonly length: number },
): Promise<Uint8Array | undefined> {
  const [n, from] = [Math.floor(at / CHUNK_BYTES), at % CHUNK_BYTES];
  const chunk = await store.chunks<Uint8Array | undefined>((chunks) => chunks.get([blob, n] as IDBValidKey));
  const data = chunk && new Uint8Array(chunk).subarray(from, from + length);
  return data && data.length > 0 ? data : undefined;
}

/** All of a ciphertext of so many bytes; undefined where a part is missing. */
export async function readWhole(store: Store, blob: Uint8Array, size: number): Promise<Uint8Array | undefined> {
  const whole = new Uint8Array(size);
  for (let at = 0; at < size;) {
    const part = await readBlob(store, blob, { at, length: size - at });
    if (part === undefined) return undefined;
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Names of all ciphertexts that have a chunk, as ids. */
export async function blobNames(store: Store): Promise<Set<Id>> {
  const keys = await store.chunks((chunks) => chunks.getAllKeys());
  return new Set(keys.map((key) => rows.idOf(new Uint8Array((key as [ArrayBuffer, number])[0]))));
}

/** The row of a file. */
export async function findRow(tx: ReadTx, name: Uint8Array): Promise<FileRow | undefined> {
  const data = await tx.find("file", name);
  return data && rows.parseRow<FileRow>(data);
}

/** Write it. */
export function saveRow(step: Step, row: FileRow): Promise<void> {
  return step.tx.put("file", row.name, rows.encodeRow(row));
}

/** Remove what was used least lately until all hold at most so many bytes; whether anything went. */
export async function makeRoom(step: Step, most: number, busy: ReadonlySet<Id>): Promise<boolean> {
  const held = (await allRows(step.tx)).sort((a, b) => a.used - b.used);
  let bytes = held.reduce((sum, { have }) => sum + have, 0);
  let freed = false;
  for (const row of held) {
    if (bytes <= most || busy.has(rows.idOf(row.name))) continue;
    await dropRow(step, row);
    bytes -= row.have;
    freed = true;
  }
  return freed;
}
