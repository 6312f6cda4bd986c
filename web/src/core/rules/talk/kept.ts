/**
 * Messages with files. Their content is kept as it came, which is how versions that knew no files kept them too, and is
 * read whenever it is shown: what reads it is loaded with the first one.
 */
import type { FileView } from "../../api.ts";
import * as rows from "../../state/rows.ts";
import type { StoredMessage } from "../../state/rows.ts";

/** Text, quoted message and files of a kept content; undefined for one that this version does not show. */
async function readKept(kept: Uint8Array) {
  try {
    return (await import("../../../protocol/chat/files.ts")).readKept(kept);
  } catch {
    return undefined;
  }
}

/** What the row of a message with this content holds of it besides. */
export async function heldOf(kept: Uint8Array): Promise<Partial<StoredMessage>> {
  const read = await readKept(kept);
  return { kept, ...(read && { text: read.text, reply_to: read.reply_to ? rows.idOf(read.reply_to) : "" }) };
}

/** A message and its files. Its `kept` is empty where this version shows it. */
export async function reread(message: StoredMessage): Promise<[StoredMessage, readonly FileView[]]> {
  const read = message.kept.length > 0 ? await readKept(message.kept) : undefined;
  if (read === undefined) return [message, []];
  const reply_to = message.reply_to || (read.reply_to ? rows.idOf(read.reply_to) : "");
  return [{ ...message, text: read.text, reply_to, kept: new Uint8Array() }, read.files];
}
