/**
 * The end of an account, as its chats of two hear of it: `leave`, said there right before the account is deleted. Loads
 * where one ends. Twin of zajil.client.core.contact.leaving.
 *
 * The server tells nobody whose account ended, as that would tell who asks for whom.
 */
import * as accounts from "../../state/accounts.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import * as groups from "../groups.ts";
import * as messages from "../messages.ts";
import * as outbox from "../outbox.ts";

/** Tell every contact that this account ends, but whom it blocked; the chats. */
export async function sayFarewell(step: Step): Promise<Id[]> {
  const said: Id[] = [];
  for (const chat of await rows.allChats(step.tx)) {
    if (chat.kind !== groups.DM || chat.status !== "active" || chat.merged !== "" || chat.request !== "") continue;
    const peer = await accounts.known(step, chat.peer);
    if (!rows.accountsOf(chat).includes(chat.peer) || peer.blocked || peer.gone) continue;
    await messages.submitControl(step, chat.gid, { op: "leave" });
    said.push(chat.gid);
  }
  return said;
}

/** It ends: what waits for it is not sent any more, and says so. */
export async function noteGone(step: Step, chat: Chat, account: Id): Promise<void> {
  if (account !== chat.peer || (await accounts.known(step, account)).gone) return;
  await accounts.change(step, account, { gone: true });
  for (const one of await rows.allChats(step.tx)) {
    if (one.kind !== groups.DM || one.peer !== account) continue;
    for (const [n, item] of await rows.items(step.tx, one.gid)) {
      if (item.kind === "message" && item.state === "queued") await outbox.fail(step, n, item, "contact-gone");
    }
  }
  step.event("leaving", chat.gid);
}

/** It writes something: its end was called off, as where the server was not reached for it. */
export async function noteAlive(step: Step, chat: Chat, account: Id): Promise<void> {
  await accounts.change(step, account, { gone: false });
  step.event("profile", chat.gid);
}
