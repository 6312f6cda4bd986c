/** What the client keeps to find its server again: signed documents, private bridges, what it learned of networks. */
import { decode } from "@msgpack/msgpack";
import type { ReadTx, Tx } from "../store/types.ts";
import { encodeRow } from "./rows.ts";

const TEXT = new TextEncoder();
const REACH = TEXT.encode("reach");
const NETWORKS = TEXT.encode("networks");

/** Empty bytes: none held. Verified before they come here. */
export interface ReachRow {
  /** Envelope of the newest root, and the hashes of every root that led to it. */
  readonly root: Uint8Array;
  readonly root_hashes: readonly Uint8Array[];
  /** Envelope of the list of endpoints. */
  readonly list: Uint8Array;
  /** CBOR of the private bridges, as links carry it. */
  readonly bridges: Uint8Array;
  /** Hash of the root that the link named by which the account was made. */
  readonly pin: Uint8Array;
  /** The server's clock minus this browser's, in milliseconds. */
  readonly offset_ms: number;
  /** Unix ms of the last time the documents were fetched. */
  readonly fetched_at: number;
}

const NOTHING = new Uint8Array();
const EMPTY: ReachRow = {
  root: NOTHING,
  root_hashes: [],
  list: NOTHING,
  bridges: NOTHING,
  pin: NOTHING,
  offset_ms: 0,
  fetched_at: 0,
};

export async function loadReach(tx: ReadTx): Promise<ReachRow> {
  const data = await tx.find("meta", REACH);
  return data === undefined ? EMPTY : { ...EMPTY, ...(decode(data) as Partial<ReachRow>) };
}

/** Change some of it; what is kept now. */
export async function changeReach(tx: Tx, changes: Partial<ReachRow>): Promise<ReachRow> {
  const row = { ...(await loadReach(tx)), ...changes };
  await tx.put("meta", REACH, encodeRow(row));
  return row;
}

/** The memory of networks, as `protocol/path/memory` encodes it; empty where there is none. */
export async function loadNetworks(tx: ReadTx): Promise<Uint8Array> {
  return (await tx.find("meta", NETWORKS)) ?? NOTHING;
}

export async function saveNetworks(tx: Tx, memory: Uint8Array): Promise<void> {
  await tx.put("meta", NETWORKS, memory);
}
