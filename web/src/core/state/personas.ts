/** What this browser keeps of its personas: which numbers they have, and a pass that none came of yet. Sealed as all. */
import { decode } from "@msgpack/msgpack";
import type { OwnPersona } from "../api.ts";
import type { ReadTx, Tx } from "../store/types.ts";
import { encodeRow } from "./rows.ts";

const PERSONAS = new TextEncoder().encode("personas");

export interface PersonasRow {
  readonly held: readonly OwnPersona[];
  /** The server was asked which of the numbers have one. */
  readonly looked: boolean;
  /** Numbers whose persona was deleted: never again. */
  readonly spent: readonly number[];
  /** b64: the pass, and what it was or will be asked for with; "" for none. */
  readonly pass: string;
  readonly once: string;
}

const EMPTY: PersonasRow = { held: [], looked: false, spent: [], pass: "", once: "" };

export async function loadPersonas(tx: ReadTx): Promise<PersonasRow> {
  const data = await tx.find("meta", PERSONAS);
  return data === undefined ? EMPTY : { ...EMPTY, ...(decode(data) as Partial<PersonasRow>) };
}

/** Change some of it; what is kept now. */
export async function changePersonas(tx: Tx, changes: Partial<PersonasRow>): Promise<PersonasRow> {
  const row = { ...(await loadPersonas(tx)), ...changes };
  await tx.put("meta", PERSONAS, encodeRow(row));
  return row;
}
