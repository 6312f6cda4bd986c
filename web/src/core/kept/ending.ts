/**
 * The end of an account: the last, empty device list, and everything of it at the server removed.
 * Twin of zajil.client.shell.ending.
 */
import { DELETE_BACKUP } from "../../protocol/backups/wire.ts";
import { equal } from "../../protocol/bytes.ts";
import * as control from "../../protocol/control.ts";
import { AuthError, Conflict, error, Refused } from "../../protocol/errors.ts";
import { openChain } from "../../protocol/identity/chain.ts";
import * as objects from "../../protocol/identity/objects.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { signerOf, verify } from "../crypto.ts";
import * as chats from "../rules/chats.ts";
import { sayFarewell } from "../rules/contact/leaving.ts";
import type { Core } from "../rules/core.ts";
import type { Calls } from "../shell/calls.ts";
import { fetchChainByKey } from "../shell/chains.ts";
import { fetchOwnLists } from "../shell/linking.ts";
import type { Tokens } from "../shell/login.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import { type Deletion, deletion, forget } from "./backup.ts";

/** Row of `meta`: the last list is on its way to the server. */
const SENT = new TextEncoder().encode("last-list");
/** A group that does not hear of it in time removes us later, or never, and a contact writes to nobody; we end all the same. */
const LEAVE_MS = 15_000;
const LOOK_MS = 200;

export interface Ending {
  readonly core: Core;
  readonly calls: Calls;
  /** Makes the calls that are not to be seen beside those of `calls`. */
  readonly backups: Calls;
  readonly tokens: Tokens;
  /** Something was queued: send it. */
  wake(): void;
}

/**
 * Leave the groups, tell contacts, delete the backups, then put the list without devices: the server keeps that and nothing else of the
 * account. Where this fails later, the account is there and has no backup. Throws Conflict `stale-list` where another
 * device wrote a list meanwhile; AuthError `device-revoked` where the account lives without this device; Unreachable.
 */
export async function endAccount(with_: Ending): Promise<void> {
  const { core } = with_;
  if (!(await hasEnded(with_))) {
    await with_.tokens.token(); // a device that was removed ends nothing, and so it does not delete the backup first
    await leaveAll(with_);
  }
  const old = await core.step("forget-recovery", (step) => forget(step));
  const requests = await Promise.all(old.map(({ key }) => deletion(key)));
  await deleteBackups(with_.backups, requests);
  if (!(await hasEnded(with_))) await putLastList(with_);
  await deleteBackups(with_.backups, requests); // one may have been on its way when its key was forgotten
}

/**
 * Whether the last list was put before and its answer was lost: it was sent, and the account key is told so. Throws
 * AuthError `device-revoked` where the account lives without this device: there is nothing left to finish here.
 */
async function hasEnded({ core, calls, tokens }: Ending): Promise<boolean> {
  if (!(await core.look((look) => look.tx.has("meta", SENT)))) return false;
  await tokens.forget();
  try {
    await tokens.token();
    return false;
  } catch (problem) {
    if (!(problem instanceof AuthError) || problem.code !== "device-revoked") throw problem;
    if (await isDeleted(core, calls)) return true;
    await forgetLast(core);
    throw problem;
  }
}

/** Whether the account is gone: a device that another one or a restore removed is told `device-revoked` as well. */
async function isDeleted(core: Core, calls: Calls): Promise<boolean> {
  const { account_id, server_name } = await core.look((look) => Promise.resolve(look.profile));
  const whose = { account_id: rows.bytesOf(account_id), server_name };
  const sign = await accountSigner(core);
  try {
    await fetchChainByKey(calls, whose, sign);
    return false;
  } catch (problem) {
    if (!(problem instanceof Refused) || problem.code !== "not-allowed") throw problem;
    return true;
  }
}

/** Signs by the account key. Throws Refused `not-permitted` where it is not here. */
async function accountSigner(core: Core): Promise<objects.Sign> {
  const seed = await core.store.secrets.open("account-seed");
  if (seed?.length !== 32) throw error("not-permitted", "no account key here");
  const sign = await signerOf(seed);
  seed.fill(0);
  return sign;
}

async function leaveAll({ core, wake }: Ending): Promise<void> {
  const left = await core.step("leave-all", async (step) => {
    const all = await rows.allChats(step.tx);
    const own = step.profile.account_id;
    const active = all.filter((c) => c.kind === 2 && c.status === "active" && c.merged === "" && !(own in c.left));
    for (const chat of active) await chats.leave(step, chat.gid);
    return [...active.map(({ gid }) => gid), ...(await sayFarewell(step))];
  });
  wake();
  const until = Date.now() + LEAVE_MS;
  while (Date.now() < until) {
    const waiting = await core.look(async (look) => {
      const items = await Promise.all(left.map((gid) => rows.items(look.tx, gid)));
      return items.flat().some(([, item]) => item.kind === "message" && item.state !== "failed");
    });
    if (!waiting) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function deleteBackups(calls: Calls, requests: readonly Deletion[]): Promise<void> {
  for (const { locator, request } of requests)
    await calls.call(DELETE_BACKUP, { request, parameters: { locator: encodeB64(locator) } });
}

async function putLastList({ core, calls, tokens }: Ending): Promise<void> {
  const lists = await fetchOwnLists(core, calls, tokens);
  const own = await core.look((look) => Promise.resolve(look.profile.account_id));
  const newest = await core.step("own-list", (step) => accounts.learnChain(step, own, lists));
  const before = await openChain(lists, rows.bytesOf(own), verify);
  // Built on a chain behind the one we know, the last list would be a fork signed by ourselves.
  if (!equal(before.object, newest.list_object)) throw error("stale-list", "the server's chain is not ours");
  const { account_id, account_pub, seq } = before.list;
  const issued = Math.floor(core.now() / 1000);
  const last = { account_id, seq: seq + 1, prev: before.hash, account_pub, devices: [], issued };
  const list = await objects.signObject("device-list", objects.encodeList(last), await accountSigner(core));
  const auth = await tokens.auth();
  await core.step("last-list", (step) => step.tx.put("meta", SENT, list));
  await calls.call(control.PUT_DEVICE_LIST, { auth, request: { list } }).catch(async (problem: unknown) => {
    if (problem instanceof Conflict) await forgetLast(core);
    throw problem;
  });
}

const forgetLast = (core: Core): Promise<void> => core.step("forget-last-list", (step) => step.tx.delete("meta", SENT));
