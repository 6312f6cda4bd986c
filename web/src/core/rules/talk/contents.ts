/**
 * What a verified message body does here: a text is shown, an action changes a text, a control part what we know.
 * Twin of zajil.client.core.talk.contents.
 */
import { findSpan } from "../../../protocol/chat/expiry.ts";
import { parseForm, type Form } from "../../../protocol/chat/forms.ts";
import type * as parts from "../../../protocol/chat/parts.ts";
import { Status } from "../../../protocol/chat/receipts.ts";
import * as accounts from "../../state/accounts.ts";
import * as deadlines from "../../state/deadlines.ts";
import { keepCame } from "../../state/joins.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id, StoredMessage, Wire } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import { noteGone } from "../expiry/sweep.ts";
import * as contact from "../contact/contact.ts";
import * as usernames from "../contact/usernames.ts";
import * as groups from "../groups.ts";
import { mayWrite } from "../judge.ts";
import * as messages from "../messages.ts";
import type { Opened } from "../messages.ts";
import * as readd from "../readd.ts";
import * as actions from "./actions.ts";
import * as arranging from "./arranging.ts";
import { heldOf } from "./kept.ts";
import { note } from "./notices.ts";
import * as privacy from "./privacy.ts";
import * as reading from "./reading.ts";
import * as receipts from "./receipts.ts";
import * as whispers from "./whispers.ts";

export const LEAVE_RANK_MS = 3_000;

/** Apply a message body seen for the first time. Throws Malformed for one that is none of our forms. */
export async function takeContent(step: Step, chat: Chat, opened: Opened, wire: Wire): Promise<void> {
  const form = parseForm(opened.content);
  const place = chat.heir === null ? chat : await step.chat(chat.merged);
  // Who spoke in the group of before, and is out of the one that people see.
  if (chat.heir !== null && !rows.accountsOf(place).includes(opened.account)) return;
  if (await contact.isBlocked(step, opened.account)) {
    // The group is all its members': what is about it counts.
    const op = form.form === "control" ? form.part.op : "";
    if (chat.kind !== groups.GROUP || !["lists", "leave", "readd", "put-out"].includes(op)) return;
  }
  if (chat.request === "incoming") {
    const first = (await step.tx.rows("message", rows.bytesOf(chat.gid))).length === 0;
    if (form.form === "text" && first) await keepRequest(step, chat, opened, form.text, wire);
    return;
  }
  if (writes(form) && !mayWrite(place, opened.account)) {
    await step.changeChat(chat.gid, { unshown: chat.unshown + 1 });
    step.event("bad-message", chat.gid);
    return;
  }
  if (form.form === "text") {
    const reply_to = form.reply_to === null ? "" : rows.idOf(form.reply_to);
    return show(step, chat, opened, { text: form.text, reply_to, wire });
  }
  if (form.form === "unsupported") {
    return form.shown ? show(step, chat, opened, { ...(await heldOf(opened.data)), wire }) : undefined;
  }
  if (actions.isAction(form)) return actions.take(step, place, opened, form);
  if (form.form === "control") return takeControl(step, chat, place, opened, form.part);
  if (form.form === "call-log") {
    return show(step, chat, opened, { notice: messages.callNotice(form, opened.account), proofs: [], wire });
  }
  if (opened.account !== step.profile.account_id) {
    return receipts.take(step, chat, opened.account, form.receipts);
  }
  const read = await receipts.takeOwn(step, chat, form.receipts);
  await reading.noteRead(step, chat.merged || chat.gid, read, opened.sent);
}

/** The one text of a request, which shows among the requests. */
async function keepRequest(step: Step, chat: Chat, opened: Opened, text: string, wire: Wire): Promise<void> {
  const { messageId: message_id, account, device, sent, proof } = opened;
  const expire_s = findSpan(opened.content.expires, sent);
  const kept = { message_id, gid: chat.gid, account, device, sent, text, wire, proofs: [proof], expire_s };
  const row: StoredMessage = { ...rows.EMPTY_MESSAGE, ...kept, arrived: step.now, state: "received" };
  await step.tx.append("message", rows.bytesOf(chat.gid), rows.bytesOf(message_id), rows.encodeRow(row));
  await step.changeChat(chat.gid, { unread: 1, activity: Math.max(step.now, chat.activity) });
  step.event("request", chat.gid);
}

/** Whether it puts words into the chat. Who may not write may still react, and take back what was written before. */
function writes(form: Form): boolean {
  if (form.form === "unsupported") return form.shown;
  return form.form === "text" || form.form === "edit" || form.form === "call-log";
}

async function show(step: Step, chat: Chat, opened: Opened, fields: Partial<StoredMessage>): Promise<void> {
  if ((await accounts.known(step, opened.account)).gone)
    await (await import("../contact/leaving.ts")).noteAlive(step, chat, opened.account);
  const place = chat.merged || chat.gid;
  const own = opened.account === step.profile.account_id;
  const shown: StoredMessage = {
    ...rows.EMPTY_MESSAGE,
    message_id: opened.messageId,
    gid: place,
    account: opened.account,
    device: opened.device,
    sent: opened.sent,
    arrived: step.now,
    // What another device of ours wrote is sent: it came from the server.
    state: own ? "sent" : "received",
    proofs: own ? [] : [opened.proof],
    expire_s: findSpan(opened.content.expires, opened.sent),
    ...fields,
  };
  const running = await deadlines.startOwn(step.tx, shown);
  if (running.expires_at > 0 && running.expires_at <= step.now) {
    // Ours from another device, and over before it reached this one: nobody sees it for a moment.
    await deadlines.drop(step.tx, shown.message_id);
    return noteGone(step, shown.message_id);
  }
  await messages.show(step, running);
  if (!own) {
    if (reading.counts(shown)) {
      await reading.noteNew(step, place, shown);
      await arranging.hear(step, place, opened.proof.ts || Math.min(opened.sent, step.now));
    }
    await receipts.owe(step, place, { [opened.messageId]: Status.DELIVERED });
  }
  await actions.settleEarly(step, chat, opened.messageId);
}

type Part = parts.ControlPart | parts.UnknownPart;

/** place: the group that people see in the place of this one; its roles say who may do what in either. */
async function takeControl(step: Step, chat: Chat, place: Chat, opened: Opened, part: Part): Promise<void> {
  const own = step.profile.account_id;
  switch (part.op) {
    case "profile":
      if (opened.account === own) {
        await step.changeChat(chat.gid, { told: rows.accountsOf(chat).filter((account) => account !== own) });
      } else {
        await (await import("../contact/names.ts")).take(step, opened, part);
        step.event("profile", chat.gid);
      }
      return;
    case "lists":
      for (const data of part.lists) await accounts.learnList(step, accounts.listOwner(data), data);
      return;
    case "leave":
      if (chat.kind !== groups.DM) return noteLeave(step, place, opened.account);
      return (await import("../contact/leaving.ts")).noteGone(step, chat, opened.account);
    case "readd":
      return readd.takeRequest(step, opened.account, opened.device, part);
    case "join-request":
    case "join-answer":
      if (chat.kind !== groups.DM) return;
      await keepCame(step.tx, { dm: chat.gid, account: opened.account, part });
      step.event("asked", chat.gid);
      return;
    case "put-out":
      return (await import("../telling-out.ts")).take(step, place, opened.account, part);
    case "sync":
      if (chat.kind === groups.SELF) await takeSync(step, part, opened.sent);
      return;
    case "call":
      await whispers.hearSignal(step, chat, opened, part);
  }
}

/** What another device of ours did. told: when it told, Unix ms. */
async function takeSync(step: Step, part: parts.Sync, told: number): Promise<void> {
  for (const contact of part.contacts) {
    const account = rows.idOf(contact.account_id);
    await accounts.learnIntroduction(step, account, contact.name, contact.contact_token);
    await accounts.change(step, account, { contact: true });
  }
  for (const { gid, at } of part.read) await reading.noteReadUntil(step, rows.idOf(gid), { sent: at, at: told });
  if (part.privacy !== null) await privacy.take(step, part.privacy);
  await arranging.take(step, part.settings);
  if (part.blocked) await contact.takeBlocked(step, part.blocked);
  if (part.username) await usernames.take(step, part.username);
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
