/** Files in a browser, as far as they must be read to know what they are. */
import { OTHER, recognise, type Recognised } from "./kinds.ts";
import { leadsElsewhere } from "./movies.ts";

/** Bytes of a file's beginning that are looked at. */
const HEAD_BYTES = 256 * 1024;

const headOf = async (blob: Blob): Promise<Uint8Array> => new Uint8Array(await blob.slice(0, HEAD_BYTES).arrayBuffer());

/** claimed: its sender's content type. */
export async function recogniseFile(blob: Blob, claimed: string): Promise<Recognised> {
  const found = recognise(await headOf(blob), claimed);
  return /^(audio|video)\/mp4$/.test(found.type) && (await leadsElsewhere(blob)) ? OTHER : found;
}

/** Whether the beginning is UTF-8 without zeros. */
export async function isText(blob: Blob): Promise<boolean> {
  const head = await headOf(blob);
  try {
    // The head may end within a character.
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return !head.includes(0);
  } catch {
    return false;
  }
}
