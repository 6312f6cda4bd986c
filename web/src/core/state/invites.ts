/** The contact links that this device made, so that they can be shown again. One row of `meta`. */
import type { ReadTx, Tx } from "../store/types.ts";
import { encodeRow, parseRow, type Id } from "./rows.ts";

const ROW = new TextEncoder().encode("invites");
/** The oldest go. */
const MOST = 100;

/** hash: SHA-256 of its token, as text. made_at: Unix ms. expires: Unix seconds. code: it registers one newcomer. */
export interface MadeInvite {
  readonly hash: Id;
  readonly url: string;
  readonly kind: "many" | "once";
  readonly uses: number;
  readonly made_at: number;
  readonly expires: number;
  readonly code: boolean;
}

interface Made {
  readonly links: readonly MadeInvite[];
}

/** Oldest first. */
export async function madeInvites(tx: ReadTx): Promise<readonly MadeInvite[]> {
  const data = await tx.find("meta", ROW);
  return data === undefined ? [] : parseRow<Made>(data, { links: [] }).links;
}

/** Keep those that still hold. now: Unix ms. */
export async function keepInvites(tx: Tx, links: readonly MadeInvite[], now: number): Promise<void> {
  const held = links.filter(({ expires }) => expires * 1000 > now).slice(-MOST);
  await tx.put("meta", ROW, encodeRow({ links: held }));
}
