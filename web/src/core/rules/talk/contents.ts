/**
 * What a verified message body does here: a text is shown, a control part changes what we know.
 * Twin of zajil.client.core.contents.
 */
import * as content from "../../../protocol/chat/content.ts";
import * as parts from "../../../protocol/chat/parts.ts";
import * as accounts from "../../state/accounts.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import * as groups from "../groups.ts";
import * as messages from "../messages.ts";
import type { Opened } from "../messages.ts";
import * as readd from "../readd.ts";
import { note } from "./notices.ts";

export const LEAVE_RANK_MS = 3_000;

/** Apply a message body seen for the first time. Throws Malformed for one that is none of our forms. */
export async function takeContent(step: Step, chat: Chat, opened: Opened): Promise<void> {
  const text = content.findText(opened.content);
  if (text !== undefined) {
    await messages.show(step, {
      ...rows.EMPTY_MESSAGE,
      message_id: opened.messageId,
      gid: chat.merged || chat.gid,
      account: opened.account,
      device: opened.device,
      sent: opened.sent,
      // What another device of ours wrote is sent: it came from the server.
      state: opened.account === step.profile.account_id ? "sent" : "received",
      text,
      arrived: step.now,
      wire: opened.wire,
    });
    return;
  }
  if (parts.isControl(opened.content.body)) {
    await takeControl(step, chat, opened, parts.parsePart(opened.content.body));
  }
}

async function takeControl(step: Step, chat: Chat, opened: Opened, part: parts.ControlPart | parts.UnknownPart): Promise<void> {
  const own = step.profile.account_id;
  switch (part.op) {
    case "profile":
      if (opened.account === own) {
        await step.changeChat(chat.gid, { told: rows.accountsOf(chat).filter((account) => account !== own) });
      } else {
        await accounts.learnName(step, opened.account, part.name, part.contact_token);
        step.event("profile", chat.gid);
      }
      return;
    case "lists":
      for (const data of part.lists) await accounts.learnList(step, accounts.listOwner(data), data);
      return;
    case "leave":
      return noteLeave(step, chat, opened.account);
    case "readd":
      return readd.takeRequest(step, opened.account, opened.device, part);
    case "sync":
      if (chat.kind === groups.SELF) await takeSync(step, part);
      return;
  }
}

async function takeSync(step: Step, part: parts.Sync): Promise<void> {
  for (const contact of part.contacts) {
    const account = rows.idOf(contact.account_id);
    await accounts.learnIntroduction(step, account, contact.name, contact.contact_token);
    await accounts.change(step, account, { contact: true });
  }
}

/** Somebody leaves: the first member by leaf order removes him at once, the others 3 s later each. */
async function noteLeave(step: Step, chat: Chat, account: Id): Promise<void> {
  if (chat.kind !== groups.GROUP) return;
  const leaves = chat.members.filter((m) => m.account !== account).map((m) => m.leaf);
  const rank = Math.max(0, leaves.sort((a, b) => a - b).indexOf(chat.own_leaf));
  await step.changeChat(chat.gid, { left: { ...chat.left, [account]: step.now + rank * LEAVE_RANK_MS } });
  await note(step, chat.gid, "leaving", { whom: [account] });
  step.event("leaving", chat.gid);
}
