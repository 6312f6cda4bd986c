/**
 * Who cannot be reached when a broken group is followed by another one: it is made without them; they come later.
 * Twin of zajil.client.core.heirs.missing.
 */
import * as successors from "../../../protocol/chat/successors.ts";
import { Reason } from "../../../protocol/chat/successors.ts";
import * as accounts from "../../state/accounts.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id, Item } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import * as chats from "../chats.ts";
import { ADMIN, roleOf } from "../groups.ts";
import * as outbox from "../outbox.ts";
import { isStuck } from "./ending.ts";
import { findHeld, roleWithout } from "./judging.ts";

/** So long everybody is waited for: another admin may reach them, and they may ask with a contact token of now. */
export const PATIENCE_MS = 300_000;

/** Whether we may follow the group `old` by one without these people, as nobody reached them for a while. */
export async function mayMiss(step: Step, old: Chat, people: readonly Id[]): Promise<boolean> {
  const held = await findHeld(step, old);
  if (held === undefined || old.mend_from === 0 || step.now - old.mend_from < PATIENCE_MS) return false;
  const offender = held.offender === undefined ? "" : rows.idOf(held.offender);
  return successors.mayMiss(held, people.map(rows.bytesOf), roleWithout(old, step.profile.account_id, offender));
}

/** Make a successor without somebody whose packages cannot be claimed, where that may be; whether it may. */
export async function goWithout(step: Step, n: number, item: Item, account: Id): Promise<boolean> {
  const { intent } = item;
  const [chat, own] = [await step.chat(item.gid), step.profile.account_id];
  const old = chat.forebear !== "" && chat.epoch === 0 ? await rows.findChat(step.tx, chat.forebear) : undefined;
  const held = old !== undefined && isStuck(old) ? await findHeld(step, old) : undefined;
  if (old === undefined || held === undefined || intent === null) return false;
  if (account === own || !intent.accounts.includes(account)) return false;
  const rest = intent.accounts.filter((other) => other !== account);
  const people = successors.findPeople(held, Reason.STUCK).map(rows.idOf);
  const gone = people.filter((who) => who !== own && !rest.includes(who));
  if (!(await mayMiss(step, old, gone))) return false;
  await outbox.changeItem(step, n, item, { intent: { ...intent, accounts: rest } });
  return true;
}

/**
 * Whom a successor is to bring in once they can be reached, also those whom the old group lacked.
 *
 * Who comes later than its epoch 1 cannot know them.
 */
export async function findAbsent(step: Step, old: Chat, chat: Chat, reason: number): Promise<Id[]> {
  if (chat.epoch !== 1) return [];
  const held = reason === Reason.STUCK ? await findHeld(step, old) : undefined;
  const here = rows.accountsOf(chat);
  const people = held === undefined ? [] : successors.findPeople(held, Reason.STUCK).map(rows.idOf);
  const known = new Set([...old.absent, ...rows.accountsOf(old).filter((who) => people.includes(who))]);
  return [...known].filter((who) => !here.includes(who));
}

/** One of them asks. token: by which it is reached now. */
export async function takeBack(step: Step, chat: Chat, account: Id, token: Uint8Array | null): Promise<void> {
  if (!chat.absent.includes(account) || chat.status !== "active" || isStuck(chat)) return;
  const { blocked, alarm } = await accounts.known(step, account);
  if (roleOf(chat, step.profile.account_id) < ADMIN || blocked || alarm) return;
  if (token !== null) await accounts.change(step, account, { contact_token: token });
  await outbox.submitIntent(step, chat.gid, rows.makeIntent("add", { accounts: [account] }));
}

/**
 * Packages of one of them came: the members hear of its newest devices before it is added. Not before: whoever asks by
 * a token that is none would make the admins write to everybody.
 */
export async function tellLists(step: Step, n: number, item: Item, account: Id): Promise<void> {
  await outbox.finish(step, n, item);
  await chats.submitLists(step, await step.chat(item.gid), account);
  await outbox.submit(step, item);
}
