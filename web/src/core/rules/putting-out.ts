/**
 * Whom a group put out, as whoever followed it saw; who did not is told by `telling-out.ts`.
 * Twin of parts of zajil.client.core.joins.putting_out.
 */
import { PUT_OUT_MAX } from "../../protocol/chat/parts.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id } from "../state/rows.ts";
import * as groups from "./groups.ts";

/** Whether this account may make links into the group, and so is asked who comes in by them. */
export function mayLink(chat: Chat, account: Id): boolean {
  const needed = Math.max(chat.perms["link"] ?? groups.ADMIN, chat.perms["add"] ?? groups.ADMIN);
  return groups.roleOf(chat, account) >= needed;
}

/**
 * Whom others removed, the newest last; who said `leave` first, or removed all of his devices himself, is free.
 *
 * here: the accounts after a commit. by: its committer.
 */
export function findPutOut(before: Chat, here: ReadonlySet<Id>, by: Id | undefined): Id[] {
  const gone = rows.accountsOf(before).filter((who) => !here.has(who) && !(who in before.left) && who !== by);
  const kept = before.put_out.filter((who) => !here.has(who) && !gone.includes(who));
  return [...kept, ...gone].slice(-PUT_OUT_MAX);
}
