/** A ciphertext from the server, behind what is here already: pieces come one by one, and a chunk at a time is kept. */
import { concat } from "../../protocol/bytes.ts";
import { error, Malformed, ZajilError } from "../../protocol/errors.ts";
import { CHUNK_BYTES } from "./blobs.ts";
import type { Lane } from "./lane.ts";
import type { Patience } from "./patience.ts";

export interface Filling {
  readonly lane: Lane;
  readonly patience: Patience;
  readonly signal: AbortSignal;
  /** Of the attachment. */
  readonly id: Uint8Array;
  /** Bytes that are kept, a whole number of chunks, and bytes of the ciphertext. */
  readonly have: number;
  readonly whole: number;
  /** So many bytes came so far. */
  tell(bytes: number): unknown;
  /** Makes the next chunk durable. */
  keep(chunk: Uint8Array): Promise<void>;
}

/** Resolves once all of it is kept. Rejects with what the server says for good, or what the line does in the end. */
export async function fill({ lane, patience, signal, id, have, whole, tell, keep }: Filling): Promise<void> {
  let came: Uint8Array[] = [];
  let [kept, size] = [have, 0];
  while (kept < whole) {
    const offset = kept + size;
    tell(offset);
    const rest = Math.min(whole, kept + CHUNK_BYTES) - offset;
    if (rest > 0) {
      try {
        const length = Math.min(patience.pieceBytes, rest);
        came.push(await lane.read(id, { offset, length }, signal));
        size += length;
        patience.moved();
      } catch (problem) {
        signal.throwIfAborted();
        if (!(problem instanceof ZajilError)) throw problem;
        // Something on the way may answer in the server's place, and not for long.
        await patience.bear(problem instanceof Malformed ? error("busy") : problem);
      }
      continue;
    }
    await keep(concat(...came));
    [kept, came, size] = [offset, [], 0];
  }
}
