/**
 * The names that people give themselves: a change shows as a line in each chat that we share with them. A chunk of its
 * own. Twin of zajil.client.core.contact.names.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeText } from "../../../protocol/bytes.ts";
import type * as parts from "../../../protocol/chat/parts.ts";
import { shows } from "../../../protocol/contacts/names.ts";
import * as accounts from "../../state/accounts.ts";
import * as rows from "../../state/rows.ts";
import type { Account, Id } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import { SELF } from "../groups.ts";
import { type Opened, show } from "../messages.ts";

const DAY_MS = 86_400_000;
/** Lines about new names of one member in one chat and day (UTC). */
export const NAMES_A_DAY = 5;

/**
 * Take the name and token that a member tells of itself.
 *
 * A name in which nothing shows is none. An older profile that comes late, as by a chat that was stuck, brings no old
 * name back.
 */
export async function take(step: Step, { account, sent }: Opened, said: parts.Profile): Promise<void> {
  const before = await accounts.known(step, account);
  const at = Math.min(sent, step.now);
  const isNews = shows(said.name) && at >= before.named_at;
  const after = isNews ? { name: said.name, named_at: at } : before;
  await accounts.learnName(step, account, after, said.contact_token);
  await noteChange(step, before, after.name);
}

/** Make a contact of the account of a link; `accounts.learnLink` says which name counts. */
export async function takeLink(step: Step, account: Id, name: string, token: Uint8Array): Promise<void> {
  const before = await accounts.known(step, account);
  const after = await accounts.learnLink(step, account, shows(name) ? name : "", token);
  await noteChange(step, before, after.name);
}

/** Lines where the name is another one. A first name is no change. */
async function noteChange(step: Step, { account_id: account, name: was }: Account, name: string): Promise<void> {
  if (was === "" || was === name) return;
  for (const chat of await rows.allChats(step.tx)) {
    const isShared = chat.kind !== SELF && (chat.peer === account || rows.accountsOf(chat).includes(account));
    const isOver = chat.status === "removed" || chat.status === "left";
    if (isShared && chat.merged === "" && chat.request !== "incoming" && !isOver)
      await noteName(step, chat.gid, account, { was, name });
  }
}

/** A day has so many lines of one member at most: later changes go into the last one, or they would crowd the chat. */
async function noteName(step: Step, gid: Id, account: Id, { was, name }: { was: string; name: string }): Promise<void> {
  const day = Math.floor(step.now / DAY_MS);
  for (let n = 0; ; n++) {
    const id = rows.idOf(sha256(encodeText(`named ${gid} ${account} ${String(day)} ${String(n)}`)));
    const held = await rows.findMessage(step.tx, id);
    if (held === undefined) return append(step, id, gid, { code: "named", by: "", whom: [account], text: name, was });
    if (n < NAMES_A_DAY - 1) continue;
    const [at, line] = held;
    await rows.saveMessage(step.tx, at, { ...line, notice: line.notice && { ...line.notice, text: name } });
    step.event("state", gid, id);
    return;
  }
}

async function append(step: Step, message_id: Id, gid: Id, notice: rows.Notice): Promise<void> {
  const of = { message_id, gid, account: "", device: 0, sent: step.now, arrived: step.now };
  const line: rows.StoredMessage = { ...rows.EMPTY_MESSAGE, ...of, state: "received", notice };
  await show(step, line);
}
