/** What we know of accounts: verified device lists, names, contact tokens (service.md 2). Twin of client.state.accounts. */
import { error, ZajilError } from "../../protocol/errors.ts";
import { openChain, openLaterList, type VerifiedList } from "../../protocol/identity/chain.ts";
import { hashObject, parseList, parseObject } from "../../protocol/identity/objects.ts";
import { verify } from "../crypto.ts";
import * as ownlists from "./ownlists.ts";
import * as rows from "./rows.ts";
import type { Account, Id } from "./rows.ts";
import type { Look, Step } from "./step.ts";

/** The account's row, an empty one where we know nothing yet. */
export async function known(look: Look, accountId: Id): Promise<Account> {
  return (await rows.findAccount(look.tx, accountId)) ?? { ...rows.EMPTY_ACCOUNT, account_id: accountId };
}

/** Write some fields of an account; the new value. */
export async function change(step: Step, accountId: Id, fields: Partial<Account>): Promise<Account> {
  return rows.saveAccount(step.tx, { ...(await known(step, accountId)), ...fields });
}

/** Whether one of these is blocked: then our contact token is told to none of them. */
export async function anyBlocked(look: Look, accountIds: Iterable<Id>): Promise<boolean> {
  for (const account of accountIds) if ((await known(look, account)).blocked) return true;
  return false;
}

/** The list we verified when we stored it. */
export function verifiedList(account: Account): VerifiedList | undefined {
  if (account.list_object.length === 0) return undefined;
  const list = parseList(parseObject(account.list_object).payload);
  return { list, object: account.list_object, hash: hashObject(account.list_object) };
}

/** Store a list that was verified. */
export async function keepList(step: Step, newest: VerifiedList): Promise<Account> {
  const found = newest.list;
  const before = await known(step, rows.idOf(found.account_id));
  // Of an account that a backup brought back, the key that was compared is known before any list is.
  const key = rows.idOf(before.account_pub.length > 0 ? before.account_pub : before.verified_pub);
  if (before.verified && rows.idOf(before.verified_pub) === key && key !== rows.idOf(found.account_pub)) {
    step.event("key-changed", "", "", before.account_id);
  }
  return change(step, rows.idOf(found.account_id), {
    account_pub: found.account_pub,
    list_seq: found.seq,
    list_object: newest.object,
    devices: found.devices.map((entry) => [entry.device_id, rows.idOf(entry.sig_pub)] as const),
  });
}

/**
 * Take the whole chain of an account, as its server or linking device gives it.
 *
 * A chain behind what we know changes nothing, a forked one raises the alarm. Behind, it is seen to be forked by the lists
 * of our own that we keep, and where it ends right before the newest that we know, which names the one it follows.
 * Throws `key-changed`, Malformed.
 */
export async function learnChain(step: Step, accountId: Id, lists: readonly Uint8Array[]): Promise<Account> {
  const newest = await openChain(lists, rows.bytesOf(accountId), verify);
  const account = await known(step, accountId);
  const held = verifiedList(account);
  const isOwn = accountId === step.profile.account_id;
  if (held !== undefined && newest.list.seq < held.list.seq) {
    const kept = isOwn ? await ownlists.load(step) : [];
    const followsAnother =
      newest.list.seq === held.list.seq - 1 && rows.idOf(newest.hash) !== rows.idOf(held.list.prev);
    return !followsAnother && ownlists.agrees(kept, lists) ? account : alarm(step, accountId);
  }
  if (held !== undefined) {
    const same = lists[held.list.seq - 1];
    if (same === undefined || rows.idOf(hashObject(same)) !== rows.idOf(held.hash)) return alarm(step, accountId);
  }
  if (isOwn) await ownlists.keep(step, lists);
  return keepList(step, newest);
}

/** The account has two lists of one number. */
function alarm(step: Step, accountId: Id): Promise<Account> {
  step.event("forked-list");
  return change(step, accountId, { alarm: true });
}

/** Take a list told inside ciphertext, if it is news. A fork raises the alarm and changes nothing else. */
export async function learnList(step: Step, accountId: Id, data: Uint8Array): Promise<Account> {
  const account = await known(step, accountId);
  let newest: VerifiedList;
  try {
    newest = await openLaterList(data, verifiedList(account), rows.bytesOf(accountId), verify);
  } catch (problem) {
    if (!(problem instanceof ZajilError)) throw problem;
    return problem.code === "list-fork" ? alarm(step, accountId) : account;
  }
  return keepList(step, newest);
}

/** The safety number was compared, or the mark is taken back; it holds for the account key of now. */
export async function setVerified(step: Step, accountId: Id, verified: boolean): Promise<Account> {
  const account = await known(step, accountId);
  if (account.account_pub.length === 0) throw error("unknown-contact");
  return change(step, accountId, { verified, verified_pub: verified ? account.account_pub : new Uint8Array() });
}

/** Whether the account's key of now is the one that was compared. */
export function isVerified(account: Account): boolean {
  return account.verified && rows.idOf(account.verified_pub) === rows.idOf(account.account_pub);
}

/** Whether the account has another key than the one that was compared, and nobody decided about that yet. */
export function isKeyChanged(account: Account): boolean {
  return account.verified && account.account_pub.length > 0 && !isVerified(account);
}

/** Whose list a signed object claims to be. Throws Malformed. */
export function listOwner(data: Uint8Array): Id {
  return rows.idOf(parseList(parseObject(data).payload).account_id);
}

/** Take the `profile` that an account sends of itself. */
export function learnName(
  step: Step,
  accountId: Id,
  { name, named_at }: Pick<Account, "name" | "named_at">,
  token: Uint8Array | null,
): Promise<Account> {
  return change(step, accountId, { name, named_at, said: true, ...(token === null ? {} : { contact_token: token }) });
}

/** A contact by its own link: over what others said of it, under what it said inside a chat. */
export async function learnLink(step: Step, accountId: Id, name: string, token: Uint8Array): Promise<Account> {
  const account = await known(step, accountId);
  if (account.said) {
    const kept = account.contact_token.length > 0 ? account.contact_token : token;
    return change(step, accountId, { contact: true, contact_token: kept });
  }
  return change(step, accountId, { contact: true, name: name || account.name, contact_token: token });
}

/** What another member says of an account; never over what the account said itself. */
export async function learnIntroduction(
  step: Step,
  accountId: Id,
  name: string,
  token: Uint8Array | null,
): Promise<Account> {
  const account = await known(step, accountId);
  const kept = account.contact_token.length > 0 ? account.contact_token : (token ?? new Uint8Array());
  return change(step, accountId, { name: account.name || name, contact_token: kept });
}
