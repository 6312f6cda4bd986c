/** The account's username, as its devices tell each other; one row of `meta`. Twin of zajil.client.state.usernames. */
import type { ReadTx, Tx } from "../store/types.ts";
import { encodeRow, parseRow } from "./rows.ts";

const KEY = new TextEncoder().encode("own-username");

/** name: as it is shown, null where it was given up. at: Unix ms of that; the latest counts. */
export interface OwnUsername {
  readonly name: string | null;
  readonly at: number;
}

/** What this device knows of it. */
export async function loadUsername(tx: ReadTx): Promise<OwnUsername> {
  const data = await tx.find("meta", KEY);
  return data === undefined ? { name: null, at: 0 } : parseRow<OwnUsername>(data);
}

/** Write it. */
export const saveUsername = (tx: Tx, known: OwnUsername): Promise<void> => tx.put("meta", KEY, encodeRow({ ...known }));
