/** Rows of `file`, one for each ciphertext of a message that is here, and how they go: known before files are loaded. */
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import type { Step } from "../state/step.ts";
import type { ReadTx } from "../store/types.ts";

/**
 * The ciphertext of a file of a message, as far as it is here. name: of the row. blob: of its chunks. whole, have: bytes.
 * used: Unix ms of the last use. gid, message: where it stands.
 */
export interface FileRow {
  readonly name: Uint8Array;
  readonly blob: Uint8Array;
  readonly whole: number;
  readonly have: number;
  readonly used: number;
  readonly gid: Id;
  readonly message: Id;
}

/** All of them. */
export async function allRows(tx: ReadTx): Promise<FileRow[]> {
  return (await tx.scan("file")).map((data) => rows.parseRow<FileRow>(data));
}

/** Remove a row and its ciphertext. */
export async function dropRow(step: Step, { name, blob }: FileRow): Promise<void> {
  await step.tx.delete("file", name);
  dropBlob(step, blob);
}

/** Remove a ciphertext. */
export function dropBlob(step: Step, blob: Uint8Array): void {
  step.tx.beside((chunks) => chunks.delete(chunksOf(blob)));
}

const chunksOf = (blob: Uint8Array): IDBKeyRange =>
  IDBKeyRange.bound([blob, 0] as IDBValidKey, [blob, Number.MAX_SAFE_INTEGER] as IDBValidKey);
