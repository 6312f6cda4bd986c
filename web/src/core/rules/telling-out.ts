/**
 * Telling whom a group put out to devices that were not there: by an `auto` link they would let them in again. Loads
 * with the first that is to be told. Twin of parts of zajil.client.core.joins.putting_out.
 *
 * Whoever followed the group saw each removal. A device linked later, a restored one and an admin who joined later did
 * not: once they may let people in, one device of those who may tells them inside the group (docs/protocol/groups.md).
 */
import { type PutOut, PUT_OUT_MAX } from "../../protocol/chat/parts.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id, Member } from "../state/rows.ts";
import type { Step } from "../state/step.ts";
import * as groups from "./groups.ts";
import * as messages from "./messages.ts";
import { mayLink } from "./putting-out.ts";

/**
 * After a commit: tell devices that may let people in since then, if that is for this device to do.
 *
 * The committer's where its word counts, else that of the lowest leaf whose word does. by: the committer.
 */
export async function tellNewcomers(step: Step, before: Chat, chat: Chat, by: Member | undefined): Promise<void> {
  const name = ({ account, device, added }: Member) => `${account}/${device}/${added}`;
  const knew = new Set(before.members.filter((m) => mayLink(before, m.account)).map(name));
  const able = chat.members.filter((m) => mayLink(chat, m.account));
  const tellers = able.filter((m) => knew.has(name(m))).map((m) => m.leaf);
  if (tellers.length === 0 || tellers.length === able.length) return;
  const teller = by !== undefined && tellers.includes(by.leaf) ? by.leaf : Math.min(...tellers);
  if (teller !== chat.own_leaf) return;
  await messages.submitControl(step, chat.gid, { op: "put-out", accounts: chat.put_out.map(rows.bytesOf) }, true);
}

/** What somebody who may let people in says; added to what this device saw itself. account: of the sender. */
export async function take(step: Step, chat: Chat, account: Id, part: PutOut): Promise<void> {
  if (chat.kind !== groups.GROUP || !mayLink(chat, account)) return;
  const here = rows.accountsOf(chat);
  const told = part.accounts.map(rows.idOf).filter((who) => !here.includes(who) && !chat.put_out.includes(who));
  if (told.length > 0) await step.changeChat(chat.gid, { put_out: [...told, ...chat.put_out].slice(-PUT_OUT_MAX) });
}
