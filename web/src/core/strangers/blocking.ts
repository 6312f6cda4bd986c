/** What a person decides about who reaches this account. Twin of zajil.client.core.contact.blocking. */
import { error } from "../../protocol/errors.ts";
import * as contact from "../rules/contact/contact.ts";
import * as groups from "../rules/groups.ts";
import * as messages from "../rules/messages.ts";
import * as accounts from "../state/accounts.ts";
import { changeDoors } from "../state/doors.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";

/** Nothing of this account reaches us any more, on any of our devices. Throws `not-permitted` for our own. */
export async function block(step: Step, account: Id): Promise<void> {
  if (account === step.profile.account_id) throw error("not-permitted");
  const { blocked, blocked_at } = await accounts.known(step, account);
  if (blocked) return;
  await contact.shut(step, account, true, Math.max(step.now, blocked_at + 1));
  await renewToken(step);
  await contact.tellDevices(step, [account]);
}

/** Take that back. What it wrote meanwhile was never kept, and does not come. */
export async function unblock(step: Step, account: Id): Promise<void> {
  const { blocked, blocked_at } = await accounts.known(step, account);
  if (!blocked) return;
  await contact.shut(step, account, false, Math.max(step.now, blocked_at + 1));
  await contact.tellDevices(step, [account]);
}

/** Decline a request: it is gone here and on our other devices. */
export async function decline(step: Step, gid: Id): Promise<void> {
  await contact.end(step, gid);
  await contact.tellDevices(step, [], [gid]);
}

/** Everybody who knows the old token learns the new one, but in chats with somebody blocked. */
async function renewToken(step: Step): Promise<void> {
  const token_at = Math.max(step.now, (step.profile.token_at ?? 0) + 1);
  step.profile = await rows.saveProfile(step.tx, { ...step.profile, profile_token: step.rng(32), token_at });
  await changeDoors(step.tx, { token_due: true });
  for (const chat of await rows.allChats(step.tx)) {
    const others = rows.accountsOf(chat).filter((account) => account !== step.profile.account_id);
    if (chat.kind === groups.SELF || chat.merged + chat.request !== "" || others.length === 0) continue;
    // To whoever is blocked, a profile at this moment would tell it.
    if (await accounts.anyBlocked(step, others)) continue;
    await step.changeChat(chat.gid, { told: [] });
    await messages.ensureProfile(step, chat.gid);
  }
}

/** Everybody who is blocked. */
export async function blockedOf(look: Look): Promise<Id[]> {
  return (await rows.allAccounts(look.tx)).filter(({ blocked }) => blocked).map(({ account_id }) => account_id);
}
