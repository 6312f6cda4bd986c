/** The parts of a history that were announced to this device, as far as they are here: one row of `meta`. */
import { paddedBytes } from "../../protocol/attachments.ts";
import type { ArchivePart } from "../../protocol/identity/linking.ts";
import { HISTORY_PART_BYTES } from "../../protocol/limits.ts";
import { encodeRow, parseRow } from "../state/rows.ts";
import type { ReadTx, Tx } from "../store/types.ts";
import { HISTORY } from "./name.ts";

/** blob: of the chunks of its ciphertext. have: bytes of them. */
export interface AwaitedPart extends ArchivePart {
  readonly blob: Uint8Array;
  readonly have: number;
}

/** since: Unix ms. tries: how often it was opened since the last answer that something is in the way; absent: never. */
export interface Awaited {
  readonly parts: readonly AwaitedPart[];
  readonly since: number;
  readonly tries?: number;
}

/** Remember what an answer announced; nothing where a part is larger than any is. */
export async function awaitParts(tx: Tx, parts: readonly ArchivePart[]): Promise<void> {
  if (parts.length === 0 || parts.some(({ size }) => size > HISTORY_PART_BYTES)) return;
  await saveAwaited(tx, { parts: parts.map((part) => ({ ...part, blob: tx.rng(16), have: 0 })), since: tx.now });
}

/** What this device still waits for. */
export async function findAwaited(tx: ReadTx): Promise<Awaited | undefined> {
  const data = await tx.find("meta", HISTORY);
  return data && parseRow<Awaited>(data);
}

/** Write it. */
export function saveAwaited(tx: Tx, awaited: Awaited): Promise<void> {
  return tx.put("meta", HISTORY, encodeRow(awaited));
}

/** Bytes of all their ciphertexts. */
export const wholeOf = ({ parts }: Awaited): number => parts.reduce((sum, { size }) => sum + paddedBytes(size), 0);
