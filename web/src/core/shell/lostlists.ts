/**
 * What a server that came back from a backup lost of our own device lists; loads when that is met.
 * Twin of parts of zajil.client.shell.chains.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { equal } from "../../protocol/bytes.ts";
import * as control from "../../protocol/control.ts";
import { AuthError, Conflict, HomeError, Refused } from "../../protocol/errors.ts";
import { findDevice, hashObject, parseList, parseObject } from "../../protocol/identity/objects.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { LISTS_BETWEEN } from "../../protocol/limits.ts";
import { signerOf } from "../crypto.ts";
import type { Core } from "../rules/core.ts";
import * as accounts from "../state/accounts.ts";
import * as ownlists from "../state/ownlists.ts";
import * as rows from "../state/rows.ts";
import type { Look } from "../state/step.ts";
import { type Calls, deviceAuth } from "./calls.ts";
import { fetchChainByKey, fetchOwnChain } from "./chains.ts";
import { makeLogin, type Token } from "./proof.ts";

/** Those that follow on `lists`, the server's chain; none where that is not how ours begins. */
async function lostAfter(look: Look, lists: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  const held = await ownlists.load(look);
  if (!ownlists.agrees(held, lists)) return [];
  const follow = held.slice(lists.length);
  const own = await rows.findAccount(look.tx, look.profile.account_id);
  // One that came inside a message is kept as the newest alone until all are fetched.
  const before = follow.at(-1) ?? lists.at(-1);
  const isNext = before && own?.list_seq === lists.length + follow.length + 1;
  if (!isNext || !equal(parseList(parseObject(own.list_object).payload).prev, hashObject(before))) return follow;
  return [...follow, own.list_object];
}

/** Whether this device stands on a list. */
function listsUs({ profile }: Look, data: Uint8Array): boolean {
  const entry = findDevice(parseList(parseObject(data).payload), profile.device_id);
  return entry !== undefined && equal(entry.sig_pub, profile.device_pub);
}

/** What follows in our own chain on the server's; none where that is another one, which is an alarm, or as long. */
function learnLost(core: Core, lists: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  return core.step("lists", async (step) => {
    await accounts.learnChain(step, step.profile.account_id, lists);
    return lostAfter(step, lists);
  });
}

/**
 * Put what the server lost of our lists, one after the other. token: of a device that it knows.
 *
 * Rejects with Conflict `stale-list` where another device did so meanwhile.
 */
export async function bringLists(core: Core, calls: Calls, token: string): Promise<void> {
  const auth = deviceAuth(token);
  const account = await core.look((look) => Promise.resolve(look.profile.account_id));
  for (const list of await learnLost(core, await fetchOwnChain(calls, rows.bytesOf(account), auth)))
    await calls.call(control.PUT_DEVICE_LIST, { auth, request: { list } });
  await core.step("lists-brought", async (step) => {
    await step.changeSession({ list_lost: false });
  });
}

/**
 * Take this device up again at a server that does not know it yet, by the lists that it lost.
 *
 * Undefined where the server lost none, or this device is on none of them.
 */
export async function bringOurselves(core: Core, calls: Calls): Promise<Token | undefined> {
  const { secrets } = core.store;
  const profile = await core.look((look) => Promise.resolve(look.profile));
  const seed = await secrets.open("account-seed");
  if (!seed?.length) return undefined;
  try {
    const { server_name } = profile;
    const where = { account_id: rows.bytesOf(profile.account_id), server_name };
    const lost = await learnLost(core, await fetchChainByKey(calls, where, await signerOf(seed)));
    const newest = lost.at(-1);
    const isListed = newest && (await core.look((look) => Promise.resolve(listsUs(look, newest))));
    if (!isListed || lost.length > LISTS_BETWEEN + 1) return undefined;
    const login = await makeLogin(profile, sha256(newest), (data) => secrets.sign(data));
    const request = { device_list: newest, login, gate: {}, between: lost.slice(0, -1) };
    const { token, expires } = await calls.call(control.CREATE_ACCOUNT, { request });
    return { token: encodeB64(token), expires };
  } catch (problem) {
    // No account of ours, or another device was faster, and the next login finds this one.
    if ([AuthError, Refused, Conflict, HomeError].some((kind) => problem instanceof kind)) return undefined;
    throw problem;
  } finally {
    seed.fill(0);
  }
}
