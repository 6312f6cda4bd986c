/**
 * The chain of an account's device lists: which list may follow which, and which one a member may be told.
 *
 * Twin of the second half of zajil.protocol.identity.objects.
 */
import { equal } from "../bytes.ts";
import { error } from "../errors.ts";
import type { AccountId } from "../ids.ts";
import {
  accountIdOf,
  type DeviceList,
  findDevice,
  hashObject,
  NO_LIST,
  openObject,
  parseList,
  parseObject,
  type Verify,
} from "./objects.ts";

/** A device list whose signature and place were checked; made by the `open` functions here only. */
export interface VerifiedList {
  readonly list: DeviceList;
  readonly object: Uint8Array;
  readonly hash: Uint8Array;
}

const verified = (list: DeviceList, object: Uint8Array): VerifiedList => ({ list, object, hash: hashObject(object) });

/**
 * Passes when `fresh` may follow `previous` (undefined: be the first), apart from signatures.
 *
 * Throws Conflict `stale-list` for a seq that does not follow, HomeError `list-fork` for another predecessor,
 * HomeError `key-changed` for an id its first key does not make, Malformed for a device whose key changed under the
 * same id or a list after the account's end.
 */
export function checkNextList(previous: VerifiedList | undefined, fresh: DeviceList): void {
  if (!previous) {
    if (fresh.seq !== 1 || fresh.devices.length === 0) throw error("stale-list", "first list has seq 1 and a device");
    if (!equal(fresh.prev, NO_LIST) || !equal(accountIdOf(fresh.account_pub), fresh.account_id))
      throw error("key-changed", "account id and first key");
    return;
  }
  const old = previous.list;
  if (!equal(fresh.account_id, old.account_id)) throw error("key-changed", "another account");
  if (fresh.seq !== old.seq + 1) throw error("stale-list", "seq does not follow");
  if (!equal(fresh.prev, previous.hash)) throw error("list-fork", "another predecessor");
  if (old.devices.length === 0) throw error("malformed", "list after the account's end");
  for (const entry of fresh.devices) {
    const before = findDevice(old, entry.device_id);
    if (before && !equal(before.sig_pub, entry.sig_pub)) throw error("malformed", "device key changed under its id");
  }
}

/**
 * The list that follows `previous` (undefined: the first), signatures checked, a rotated key by both keys.
 *
 * Throws what `checkNextList` and `openObject` throw.
 */
export async function openList(data: Uint8Array, verify: Verify, previous?: VerifiedList): Promise<VerifiedList> {
  const claimed = parseList(parseObject(data).payload);
  const rotates = previous && !equal(previous.list.account_pub, claimed.account_pub);
  await openObject("device-list", data, claimed.account_pub, verify, rotates ? previous.list.account_pub : undefined);
  checkNextList(previous, claimed);
  return verified(claimed, data);
}

/** The newest of all lists of an account, from the first on. Throws as `openList`, or Refused `gone` for none. */
export async function openChain(
  lists: readonly Uint8Array[],
  accountId: AccountId,
  verify: Verify,
): Promise<VerifiedList> {
  let newest: VerifiedList | undefined;
  for (const data of lists) {
    newest = await openList(data, verify, newest);
    if (!equal(newest.list.account_id, accountId)) throw error("key-changed", "another account");
  }
  if (!newest) throw error("gone", "no device list");
  return newest;
}

/**
 * A list told by another member, who sends the newest alone: `known` itself, its successor, or one further on.
 *
 * One further on than the next must be signed by the key known (none known: the key that makes the account id).
 * Throws Conflict `stale-list` for an older one, or one behind a key rotation not seen here (ask for the chain);
 * HomeError `list-fork` for another list of the same seq or another successor; Malformed.
 */
export async function openLaterList(
  data: Uint8Array,
  known: VerifiedList | undefined,
  accountId: AccountId,
  verify: Verify,
): Promise<VerifiedList> {
  const claimed = parseList(parseObject(data).payload);
  if (!equal(claimed.account_id, accountId)) throw error("key-changed", "another account");
  if (!known && claimed.seq === 1) return openList(data, verify);
  if (known && claimed.seq === known.list.seq) {
    if (equal(data, known.object)) return known;
    await openObject("device-list", data, known.list.account_pub, verify);
    throw error("list-fork", "another list of this seq");
  }
  if (known && claimed.seq === known.list.seq + 1) return openList(data, verify, known);
  if (known && claimed.seq < known.list.seq) throw error("stale-list", "older than the list known");
  const pinned = known
    ? equal(claimed.account_pub, known.list.account_pub)
    : equal(accountIdOf(claimed.account_pub), accountId);
  if (!pinned) throw error("stale-list", "behind a key rotation not seen here");
  await openObject("device-list", data, claimed.account_pub, verify);
  return verified(claimed, data);
}
