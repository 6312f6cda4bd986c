/** What this device still has to tell the server about who reaches it. Twin of zajil.client.state.doors. */
import type { Tx, ReadTx } from "../store/types.ts";
import { encodeRow, parseRow, type Id } from "./rows.ts";

const KEY = new TextEncoder().encode("doors");

/** deny, allow: serials of references that are to lead nowhere, or here again. token_due: the profile token is new. */
export interface Doors {
  readonly deny: readonly Id[];
  readonly allow: readonly Id[];
  readonly token_due: boolean;
}

/** What is left to tell. */
export async function loadDoors(tx: ReadTx): Promise<Doors> {
  const data = await tx.find("meta", KEY);
  return data === undefined ? { deny: [], allow: [], token_due: false } : parseRow<Doors>(data);
}

/** Write some of it. */
export async function changeDoors(tx: Tx, fields: Partial<Doors>): Promise<void> {
  await tx.put("meta", KEY, encodeRow({ ...(await loadDoors(tx)), ...fields }));
}

/** Whether anything comes through the reference of this serial from now on; nothing to do without a serial. */
export async function turn(tx: Tx, via: Id, way: "deny" | "allow"): Promise<void> {
  const doors = await loadDoors(tx);
  const other = way === "deny" ? "allow" : "deny";
  if (via === "" || doors[way].includes(via)) return;
  await changeDoors(tx, { [way]: [...doors[way], via], [other]: doors[other].filter((one) => one !== via) });
}
