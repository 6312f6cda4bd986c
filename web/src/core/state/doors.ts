/** What this device still has to tell the server about who reaches it. Twin of zajil.client.state.doors. */
import { OWN_LINKS } from "../../protocol/limits.ts";
import type { Tx, ReadTx } from "../store/types.ts";
import { encodeRow, parseRow, type Id } from "./rows.ts";

const KEY = new TextEncoder().encode("doors");

/**
 * A link of this account that this device made, ended, or saw in the server's list. hash: SHA-256 of its token. uses: the
 * fewest it heard of, 0 once it was ended. expires: Unix seconds. due: the server, which came back from a backup, is to
 * be told.
 */
export interface Link {
  readonly hash: Id;
  readonly uses: number;
  readonly expires: number;
  readonly due: boolean;
}

/**
 * deny, allow: serials of references that are to lead nowhere, or here again. token_due: the profile token is new. links:
 * those that have not expired, the oldest first.
 */
export interface Doors {
  readonly deny: readonly Id[];
  readonly allow: readonly Id[];
  readonly token_due: boolean;
  readonly links: readonly Link[];
}

const EMPTY: Doors = { deny: [], allow: [], token_due: false, links: [] };

/** What is left to tell. */
export async function loadDoors(tx: ReadTx): Promise<Doors> {
  const data = await tx.find("meta", KEY);
  return data === undefined ? EMPTY : parseRow<Doors>(data, EMPTY);
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

/**
 * These links of ours admit so many at most; one that ended stays so. Those that expired are forgotten. What the server
 * is to be told, it is told all the same: its list may be from before it was. now: Unix ms.
 */
export async function noteLinks(tx: Tx, told: readonly Omit<Link, "due">[], now: number): Promise<void> {
  const links = new Map((await loadDoors(tx)).links.map((one) => [one.hash, one]));
  for (const { hash, uses, expires } of told) {
    const held = links.get(hash);
    links.delete(hash); // it is the newest now
    links.set(hash, {
      hash,
      uses: Math.min(uses, held?.uses ?? uses),
      expires: Math.max(expires, held?.expires ?? 0),
      due: held?.due === true,
    });
  }
  await changeDoors(tx, { links: fitting([...links.values()].filter((one) => one.expires * 1000 > now)) });
}

/**
 * As many as an account has, by the server's rule: of those that admit nobody the first to end go. A server may list any
 * number; of those that admit somebody the first to end go then, of equal ones the oldest.
 */
function fitting(links: readonly Link[]): readonly Link[] {
  const going = [...links].sort((a, b) => Number(a.uses > 0) - Number(b.uses > 0) || a.expires - b.expires);
  const gone = new Set(going.slice(0, Math.max(0, links.length - OWN_LINKS)));
  return links.filter((one) => !gone.has(one));
}

/** The server is to be told of every link that has not expired, those that ended among them. now: Unix ms. */
export async function bringLinks(tx: Tx, now: number): Promise<void> {
  const links = (await loadDoors(tx)).links.filter(({ expires }) => expires * 1000 > now);
  await changeDoors(tx, { links: links.map((one) => ({ ...one, due: true })) });
}
