/**
 * Ways to whoever is not reached by the one we had: a token or devices ended, no package is there. Loads when met.
 * Twin of parts of zajil.client.core.contact.requests, core.wants and core.readd.
 */
import { concat, encodeText } from "../../../protocol/bytes.ts";
import { SUITE_XWING } from "../../../protocol/limits.ts";
import * as accounts from "../../state/accounts.ts";
import * as rows from "../../state/rows.ts";
import type { Account, Chat, Id, Item } from "../../state/rows.ts";
import type { Look, Step } from "../../state/step.ts";
import { DM, endedOf } from "../groups.ts";
import { heirs } from "../heirs/loading.ts";
import * as outbox from "../outbox.ts";

const PATIENCE_MS = 120_000;
/** A device of ours that was approved so long ago and has published nothing: nothing waits for it any more. */
const ABSENT_MS = 20_000;

/** What was wanted: the packages of an account for item n, by its token, null for our own and for a request. */
interface Claim {
  readonly n: number;
  readonly account: Id;
  readonly token: Uint8Array | null;
}

/** A contact token that ended is no end: a newer one may have come meanwhile, and for a chat of two one can ask. */
export async function refuseClaim(step: Step, want: Claim, item: Item, code: string): Promise<void> {
  const chat = await step.chat(item.gid);
  const held = (await accounts.known(step, want.account)).contact_token;
  if (chat.request === "outgoing") await refuse(step, item.gid, code);
  else if (want.token !== null && rows.idOf(want.token) !== rows.idOf(held)) return;
  else if (want.token !== null && code === "not-allowed" && mayAskInstead(chat, want.account))
    await askInstead(step, chat);
  else if (!(await (await heirs()).goWithout(step, want.n, item, want.account)))
    await outbox.fail(step, want.n, item, code);
}

/** No package came that can be used. True: that is settled. False: ask again later, by another id. Undefined: the item goes on without any of these. */
export async function takeNone(step: Step, want: Claim, item: Item): Promise<boolean | undefined> {
  const { n, account } = want;
  const age = step.now - item.at;
  const own = account === step.profile.account_id;
  if (age > (own ? outbox.DAY_MS : PATIENCE_MS)) {
    const goes = (await part(step, want, item)) || (await (await heirs()).goWithout(step, n, item, account));
    if (!goes) await outbox.fail(step, n, item, "not-allowed");
    return true;
  }
  // An approved device that never came to life must not keep chats from beginning and texts from going out.
  const absent = own && age > ABSENT_MS;
  if (absent && item.intent?.op === "add") return undefined;
  await outbox.changeItem(step, n, item, { claim_id: step.rng(16), ...(absent && { absent }) });
  return false;
}

/**
 * One account of many that has no packages of a large group's suite keeps nobody else out: it waits by itself.
 *
 * Not in a successor, which nobody follows that somebody is missing in.
 */
async function part(step: Step, { n, account }: Claim, item: Item): Promise<boolean> {
  const { intent, gid } = item;
  const { suite, forebear } = await step.chat(gid);
  if (intent === null || intent.accounts.length < 2 || suite === SUITE_XWING || forebear !== "") return false;
  const accounts = intent.accounts.filter((other) => other !== account);
  await outbox.changeItem(step, n, item, { intent: { ...intent, accounts } });
  await outbox.submitIntent(step, gid, rows.makeIntent("add", { accounts: [account] }));
  return true;
}

/**
 * Whether this is a chat of two that its other side was never in, so that it may begin as a request.
 *
 * Not one that was made to ask by a group's link: whoever took the link back is asked for nothing.
 */
const mayAskInstead = (chat: Chat, account: Id): boolean =>
  chat.kind === DM && chat.peer === account && !rows.accountsOf(chat).includes(account) && chat.invites.length === 0;

/** Names the row of `helper` that holds the token of an account that the server refused. */
const refusedName = (account: Id): Uint8Array => concat(encodeText("token"), rows.bytesOf(account));

/** Whether the token we have for this account was refused before: no further chat is begun with it. */
export async function isTokenRefused(look: Look, account: Id): Promise<boolean> {
  const { contact_token } = await accounts.known(look, account);
  if (contact_token.length === 0) return true;
  const refused = await look.tx.find("helper", refusedName(account));
  return refused !== undefined && rows.idOf(refused) === rows.idOf(contact_token);
}

/**
 * The token we have leads nowhere, as after a block of whomever: who knows us lets the request in by itself.
 *
 * No list shows a chat that only asks to be brought back into the one with the same person.
 */
async function askInstead(step: Step, chat: Chat): Promise<void> {
  const { contact_token } = await accounts.known(step, chat.peer);
  await step.tx.put("helper", refusedName(chat.peer), contact_token);
  const said = await step.tx.rows("message", rows.bytesOf(chat.gid), { newest: 1 });
  const all = await rows.allChats(step.tx);
  const lost = all.some((one) => one.kind === DM && one.peer === chat.peer && one.asking !== null);
  await step.changeChat(chat.gid, { request: "outgoing", quiet: lost && said.length === 0 });
}

/** Names the row of `helper` that holds the device by which a blocked account last asked us. */
const shutOutName = (account: Id): Uint8Array => concat(encodeText("shut out"), rows.bytesOf(account));

/** Somebody blocked began a chat from this device, perhaps since it lost the one we have. */
export const noteShutOut = (step: Step, account: Id, device: number): Promise<void> =>
  step.tx.put("helper", shutOutName(account), outbox.numberBytes(device));

/** The device noted last, once. */
async function takeShutOut(step: Step, account: Id): Promise<number | undefined> {
  const found = await step.tx.find("helper", shutOutName(account));
  await step.tx.delete("helper", shutOutName(account));
  return found === undefined ? undefined : outbox.bytesNumber(found);
}

/** The server lets us ask this account nothing: the request fails whole. */
async function refuse(step: Step, gid: Id, code: string): Promise<void> {
  for (const [n, item] of await rows.items(step.tx, gid)) {
    if (item.state === "queued") await outbox.fail(step, n, item, code);
  }
  await step.dropGroup(gid);
  await step.changeChat(gid, { status: "removed" });
  step.event("members", gid);
}

/**
 * Add a contact to our chat of two where its devices there are all ended, as after a restore.
 *
 * Also one that began another chat while it was blocked: its device may have lost this one. Neither may be able to
 * ask, since its token for us ended.
 */
export async function bringBack(
  step: Step,
  { account_id: account, devices, contact, blocked }: Account,
): Promise<void> {
  const listed = devices.map(([device]) => device);
  if (listed.length === 0 || !contact || blocked) return;
  const asked = await takeShutOut(step, account);
  const known = asked !== undefined && listed.includes(asked);
  const back = known ? asked : Math.max(...listed);
  for (const chat of await rows.allChats(step.tx)) {
    const theirs = chat.members.filter((member) => member.account === account);
    if (chat.kind !== DM || chat.status !== "active" || chat.merged + chat.request !== "") continue;
    if (theirs.length === 0 || (!known && theirs.some(({ device }) => listed.includes(device)))) continue;
    const brought = [back, ...endedOf(chat, account, devices, back)];
    await outbox.submitIntent(step, chat.gid, rows.makeIntent("readd", { account, devices: brought }));
  }
}
