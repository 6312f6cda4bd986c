/** Movies whose tables name places outside of them: QuickTime's reference movies, and tracks that lie elsewhere. */
import { textAt } from "./sides.ts";

const HEADER_BYTES = 16;
/** A longer table is of no movie that fits into a message. */
const MOST_TABLE_BYTES = 16_000_000;
const MOST_BOXES = 10_000;

const word = (name: string): number => [...name].reduce((sum, letter) => sum * 256 + letter.charCodeAt(0), 0);
/** Of reference movies, and of tables that are packed and cannot be read here. */
const REFERENCES = new Set(["rmra", "rdrf", "cmov"].map(word));
/** Entries of `dref`: where the pictures and sound of a track are. */
const PLACES = new Set(["url ", "urn ", "alis"].map(word));

const bytesOf = async (blob: Blob, from: number, to: number): Promise<Uint8Array> =>
  new Uint8Array(await blob.slice(from, to).arrayBuffer());

/** Whether a file of ISO 14496-12 or QuickTime may have a player ask elsewhere, as far as its tables (`moov`) say. */
export async function leadsElsewhere(blob: Blob): Promise<boolean> {
  let at = 0;
  for (let boxes = 0; at + 8 <= blob.size; boxes++) {
    const head = await bytesOf(blob, at, at + HEADER_BYTES);
    const size = sizeOf(head, blob.size - at);
    if (size < 8 || boxes >= MOST_BOXES) return true;
    if (textAt(head, 4, 4) === "moov") {
      if (size > MOST_TABLE_BYTES || namesPlaces(await bytesOf(blob, at, at + size))) return true;
    }
    at += size;
  }
  return false;
}

/** Of a box with its header; left: bytes up to the end of the file, which 0 stands for. */
function sizeOf(head: Uint8Array, left: number): number {
  const view = new DataView(head.buffer);
  const size = view.getUint32(0);
  if (size === 0) return left;
  if (size !== 1) return size;
  return head.length < HEADER_BYTES ? 0 : Number(view.getBigUint64(8));
}

function namesPlaces(moov: Uint8Array): boolean {
  const view = new DataView(moov.buffer);
  for (let at = 4; at + 8 <= moov.length; at++) {
    const name = view.getUint32(at);
    // Flag 1: in this file.
    if (REFERENCES.has(name) || (PLACES.has(name) && (view.getUint32(at + 4) & 1) === 0)) return true;
  }
  return false;
}
