/** Files in a browser, as far as they must be read to know what they are. */
import { recognise, type Recognised } from "./kinds.ts";

/** Bytes of a file's beginning that are looked at. */
const HEAD_BYTES = 256 * 1024;

export const bytesOf = async (blob: Blob, from: number, to: number): Promise<Uint8Array> =>
  new Uint8Array(await blob.slice(from, to).arrayBuffer());

/** claimed: its sender's content type. */
export async function recogniseFile(blob: Blob, claimed: string): Promise<Recognised> {
  return recognise(await bytesOf(blob, 0, HEAD_BYTES), claimed);
}

/** Whether the beginning is UTF-8 without zeros. */
export async function isText(blob: Blob): Promise<boolean> {
  const head = await bytesOf(blob, 0, HEAD_BYTES);
  try {
    // The head may end within a character.
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return !head.includes(0);
  } catch {
    return false;
  }
}
