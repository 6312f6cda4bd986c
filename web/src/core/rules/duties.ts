/**
 * What time alone makes due: turns of *re-add me*, members who left, updates, expiries.
 * Twin of zajil.client.core.duties.
 */
import * as rows from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";
import { nextDeadline as nextGone, sweep } from "./expiry/sweep.ts";
import * as groups from "./groups.ts";
import { heirs } from "./heirs/loading.ts";
import * as keypackages from "./keypackages.ts";
import * as messages from "./messages.ts";
import * as outbox from "./outbox.ts";
import * as readd from "./readd.ts";
import * as sealing from "./sealing.ts";
import * as arranging from "./talk/arranging.ts";
import * as receipts from "./talk/receipts.ts";

const DAILY_MS = 86_400_000;

/** Unix ms of the next `tick` that has something to do, undefined where nothing is known to come. */
export async function nextDeadline(look: Look): Promise<number | undefined> {
  const due: number[] = [];
  const itemAt = await outbox.nextDeadline(look);
  if (itemAt !== undefined) due.push(itemAt);
  const goneAt = await nextGone(look);
  if (goneAt !== undefined) due.push(goneAt);
  const draftsAt = await arranging.dueAt(look);
  if (draftsAt !== undefined) due.push(draftsAt);
  for (const chat of await rows.allChats(look.tx)) {
    if (chat.asking !== null) due.push(chat.asking.next_at);
    if (chat.mend_at > 0) due.push(chat.mend_at);
    const owedAt = receipts.dueAt(chat);
    if (owedAt !== undefined) due.push(owedAt);
    if (chat.status !== "active" || chat.heir !== null) continue;
    for (const [account, at] of Object.entries(chat.left)) if (account !== look.profile.account_id) due.push(at);
  }
  return due.length === 0 ? undefined : Math.min(...due);
}

/** Do what is due at `step.now`. */
export async function tick(step: Step): Promise<void> {
  await sweep(step);
  await outbox.expireUnknown(step);
  await readd.takeTurns(step);
  const all = await rows.allChats(step.tx);
  if (all.some(({ mend_at: at }) => at > 0 && at <= step.now)) await (await heirs()).makeDue(step);
  await receipts.flushDue(step);
  await arranging.flushDue(step);
  for (const chat of await rows.allChats(step.tx)) {
    if (chat.status !== "active" || chat.heir !== null) continue;
    for (const [account, at] of Object.entries(chat.left)) {
      if (at > step.now || account === step.profile.account_id || !rows.accountsOf(chat).includes(account)) continue;
      await outbox.submitIntent(step, chat.gid, rows.makeIntent("remove", { account }));
      const { left } = await step.chat(chat.gid);
      await step.changeChat(chat.gid, { left: { ...left, [account]: step.now + DAILY_MS } });
    }
  }
}

/** Once a start and once a day: retention and upkeep. */
export async function daily(step: Step): Promise<void> {
  await messages.forgetKnown(step);
  await outbox.forgetFailed(step);
  await keypackages.forgetExpired(step);
  const session = await step.session();
  const old = step.now - session.last_resort_at >= keypackages.LAST_RESORT_MS;
  if (old || (await keypackages.lacksPool(step))) await step.changeSession({ keys_wanted: true });
  for (const chat of await rows.allChats(step.tx)) {
    await arranging.carryMuted(step, chat);
    if (chat.status !== "active" || chat.heir !== null || (chat.kind === groups.SELF && chat.members.length === 1))
      continue;
    if (step.now - chat.updated_at < sealing.UPDATE_AFTER_MS) continue;
    await step.changeChat(chat.gid, { updated_at: step.now });
    if (chat.updated_at > 0) await outbox.submitIntent(step, chat.gid, rows.makeIntent("update"));
  }
}
