/**
 * What waits on either side of a link into a group. One row of `meta`, so that a restart loses nothing of it.
 * Twin of zajil.client.state.joins; `inbox` is what came and is worked off by code that is loaded for it.
 */
import type { JoinAnswer, JoinRequest } from "../../protocol/chat/parts.ts";
import type { ReadTx, Tx } from "../store/types.ts";
import { encodeRow, parseRow, type Id } from "./rows.ts";

const ROW = new TextEncoder().encode("joins");
/** More of it is a flood; the oldest goes. */
const INBOX_MAX = 256;

/** We asked to be let into a group. expires: Unix seconds. at: Unix ms. dm: the chat with the approver. */
export interface Asked {
  readonly gid: Id;
  readonly invite_id: Id;
  readonly approver: Id;
  readonly title: string;
  readonly expires: number;
  readonly at: number;
  readonly dm: Id;
  /** closed: the link holds no more. dropped: too many waited. */
  readonly state: "asked" | "declined" | "closed" | "dropped";
}

/** Somebody asks us. due: Unix ms at which this device adds them by itself, 0 = a person decides. */
export interface Waiting {
  readonly gid: Id;
  readonly invite_id: Id;
  readonly account: Id;
  readonly name: string;
  readonly dm: Id;
  readonly at: number;
  readonly due: number;
  /** An Add of them was queued. */
  readonly accepted: boolean;
}

/** A link that this device made. token: 32 bytes, lets its readers reach us. expires: Unix seconds. */
export interface OwnLink {
  readonly gid: Id;
  readonly invite_id: Id;
  readonly token: Uint8Array;
  readonly expires: number;
  readonly title: string;
}

/** A request or an answer as it came. */
export interface Came {
  readonly dm: Id;
  readonly account: Id;
  readonly part: JoinRequest | JoinAnswer;
}

/** Everything about links into groups, oldest first. */
export interface Joins {
  readonly asked: readonly Asked[];
  readonly waiting: readonly Waiting[];
  readonly links: readonly OwnLink[];
  readonly declined: readonly { readonly invite_id: Id; readonly account: Id }[];
  readonly inbox: readonly Came[];
}

const EMPTY: Joins = { asked: [], waiting: [], links: [], declined: [], inbox: [] };

/** What is kept; undefined where this account never had to do with such a link. */
export async function findJoins(tx: ReadTx): Promise<Joins | undefined> {
  const data = await tx.find("meta", ROW);
  return data === undefined ? undefined : parseRow<Joins>(data, EMPTY);
}

/** What is kept. */
export async function loadJoins(tx: ReadTx): Promise<Joins> {
  return (await findJoins(tx)) ?? EMPTY;
}

/** Write some fields of it. */
export async function changeJoins(tx: Tx, fields: Partial<Joins>): Promise<void> {
  await tx.put("meta", ROW, encodeRow({ ...(await loadJoins(tx)), ...fields }));
}

/** Keep what came until it is worked off. */
export async function keepCame(tx: Tx, came: Came): Promise<void> {
  const { inbox } = await loadJoins(tx);
  await changeJoins(tx, { inbox: [...inbox, came].slice(-INBOX_MAX) });
}

/** Whether we asked this account to let us into this group. */
export async function isAsked(tx: ReadTx, gid: Id, account: Id): Promise<boolean> {
  return (await findJoins(tx))?.asked.some((one) => one.gid === gid && one.approver === account) ?? false;
}
