/** Unsent texts, one a chat, on this device. */
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import type { ReadTx, Tx } from "../store/types.ts";

export interface Draft {
  readonly text: string;
  readonly reply_to: Id;
}

/** The draft of a chat. */
export async function findDraft(tx: ReadTx, gid: Id): Promise<Draft | undefined> {
  const data = await tx.find("draft", rows.bytesOf(gid));
  return data === undefined ? undefined : rows.parseRow<Draft>(data);
}

/** Write it; an empty one removes it. */
export async function saveDraft(tx: Tx, gid: Id, draft: Draft): Promise<void> {
  if (draft.text === "" && draft.reply_to === "") await tx.delete("draft", rows.bytesOf(gid));
  else await tx.put("draft", rows.bytesOf(gid), rows.encodeRow(draft));
}
