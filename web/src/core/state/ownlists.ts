/**
 * The signed lists of our own account, all of them: whatever a server that came back from a backup lost, it gets again.
 * The server checks each list against the one before, so the newest alone would not do. Twin of client.state.ownlists.
 */
import { equal } from "../../protocol/bytes.ts";
import * as rows from "./rows.ts";
import type { Look, Step } from "./step.ts";

const KEY = new TextEncoder().encode("own-lists");

/** These are the account's lists from the first to the newest, verified. */
export async function keep(step: Step, lists: readonly Uint8Array[]): Promise<void> {
  await step.tx.put("meta", KEY, rows.encodeRow(lists));
}

/** Those kept, from the first on; fewer than there are until all are fetched, as after one that came inside a message. */
export async function load(look: Look): Promise<readonly Uint8Array[]> {
  const data = await look.tx.find("meta", KEY);
  return data ? rows.parseRow<Uint8Array[]>(data) : [];
}

/** Whether the kept lists and those of another chain are the same as far as both go. */
export function agrees(held: readonly Uint8Array[], lists: readonly Uint8Array[]): boolean {
  return lists.every((data, at) => !held[at] || equal(held[at], data));
}
