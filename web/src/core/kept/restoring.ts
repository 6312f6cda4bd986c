/**
 * From a recovery key to a device: fetch the backup, take the account up with a new device, ask for every chat.
 * Twin of zajil.client.shell.restoring.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { BACKUP } from "../../protocol/backups/wire.ts";
import { equal } from "../../protocol/bytes.ts";
import * as control from "../../protocol/control.ts";
import { Conflict, error, Refused } from "../../protocol/errors.ts";
import { parseBackup, type Backup } from "../../protocol/identity/backup.ts";
import { openChain, type VerifiedList } from "../../protocol/identity/chain.ts";
import * as objects from "../../protocol/identity/objects.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { ACCOUNT_DEVICES } from "../../protocol/limits.ts";
import { publicKeyOf, randomBytes, signerOf, verify } from "../crypto.ts";
import { Core } from "../rules/core.ts";
import { type Calls, deviceAuth } from "../shell/calls.ts";
import { fetchChain, fetchChainByKey } from "../shell/chains.ts";
import { type Enrolment, fetchConfig, findUnregistered, publishProfileToken, saveProfile } from "../shell/enrol.ts";
import { logIn } from "../shell/login.ts";
import { makeLogin, type Token } from "../shell/proof.ts";
import * as rows from "../state/rows.ts";
import { askForChats, fill, type Found, tellToken } from "./restored.ts";
import { deriveSecrets, openBackup } from "./secrets.ts";

/** backups: makes the calls that are not to be seen beside those of `calls`. */
export interface Restoring extends Enrolment {
  readonly backups: Calls;
}

/** The account with this device in it. lists: the own chain. */
interface Taken {
  readonly profile: rows.Profile;
  readonly lists: readonly Uint8Array[];
  readonly token: Token;
}

/** The account's chain, and whether the contact token of the backup still holds. */
interface Chain {
  readonly lists: readonly Uint8Array[];
  readonly tokenHolds: boolean;
}

/**
 * This store is a device of the account behind a recovery key (20 bytes), and asks for its chats.
 *
 * keepDevices: the devices there are stay; else the new list ends all of them. Cut off anywhere, it can be done again,
 * and the device that was listed before the cut is taken up. Throws what `restore_account` of view.ts says.
 */
export async function restore(where: Restoring, key: Uint8Array, keepDevices: boolean): Promise<void> {
  await findUnregistered(where.store);
  const config = await fetchConfig(where.calls);
  const found = await fetchBackup(where.backups, key);
  const { held } = found;
  try {
    if (held.server_name !== config.server_name) throw error("not-this-server");
    const { lists, tokenHolds } = await fetchLists(where.calls, held);
    // One that ended would lead nobody here, and one that was ended on purpose must not lead here again.
    const kept = tokenHolds ? held : { ...held, profile_token: randomBytes(32) };
    const taken = await takeUp(where, kept, { lists, keepDevices });
    await publishProfileToken(where.calls, taken.profile, deviceAuth(taken.token.token));
    await where.store.secrets.keep("account-seed", held.seed);
    await saveProfile(where, taken.profile);
    const core = await Core.open(where.store, () => where.now());
    await core.step("restored", async (step) => {
      await step.changeSession({ ...rows.EMPTY_SESSION, token: taken.token.token, token_expires: taken.token.expires });
      await fill(step, found, taken.lists);
      const listed = (await rows.findAccount(step.tx, taken.profile.account_id))?.devices.length ?? 1;
      await askForChats(step, held, listed === 1);
      step.profile = await rows.saveProfile(step.tx, { ...taken.profile, registered: true });
      if (!tokenHolds) await tellToken(step);
    });
  } finally {
    held.seed.fill(0);
  }
}

/** The backup of a key. Throws HomeError `no-backup`, `bad-backup`. */
export async function fetchBackup(calls: Calls, key: Uint8Array): Promise<Found> {
  const secrets = await deriveSecrets(key);
  const stored = await calls
    .call(BACKUP, { parameters: { locator: encodeB64(secrets.locator) } })
    .catch((problem: unknown) => {
      if (problem instanceof Refused && problem.code === "gone") throw error("no-backup");
      throw problem;
    });
  const held = parseBackup(await openBackup(secrets, stored.blob, stored.version));
  const seen = objects.parseList(objects.parseObject(held.own_list).payload);
  if (!equal(seen.account_id, held.account_id)) throw error("bad-backup");
  return { key, version: stored.version, held };
}

/**
 * The account's chain, which must go through the list of the backup. Nobody can log in, so it is fetched by its own contact
 * token; by the account key where another device changed that token since.
 */
async function fetchLists(calls: Calls, held: Backup): Promise<Chain> {
  const byToken = fetchChain(calls, held.account_id, held.profile_token).then((lists) => ({ lists, tokenHolds: true }));
  const chain = await byToken.catch(async (problem: unknown) => {
    if (!(problem instanceof Refused) || problem.code !== "not-allowed") throw problem;
    return byKey(calls, held);
  });
  if (!chain.lists.some((one) => equal(one, held.own_list))) throw error("list-fork");
  return chain;
}

async function byKey(calls: Calls, held: Backup): Promise<Chain> {
  const lists = await fetchChainByKey(calls, held, await signerOf(held.seed));
  return { lists, tokenHolds: false };
}

/** Put the list that follows, with a new device in it; or log in where a try before this one got so far. */
async function takeUp(
  where: Restoring,
  held: Backup,
  { lists, keepDevices }: { readonly lists: Chain["lists"]; readonly keepDevices: boolean },
): Promise<Taken> {
  const newest = await openChain(lists, held.account_id, verify);
  if (!equal(await publicKeyOf(held.seed), newest.list.account_pub)) throw error("key-changed");
  const { secrets } = where.store;
  const before = await secrets.devicePublicKey();
  const listed = before && newest.list.devices.find((entry) => equal(entry.sig_pub, before));
  const now = Math.floor(where.now() / 1000);
  if (listed) {
    const profile = await profileOf(where, held, newest.list, listed);
    const token = await logIn(where.calls, profile, (data) => secrets.sign(data));
    if (keepDevices || newest.list.devices.length === 1) return { profile, lists, token };
    const alone = await signList(held, nextList(newest, [listed], now));
    await where.calls.call(control.PUT_DEVICE_LIST, { auth: deviceAuth(token.token), request: { list: alone } });
    return { profile, lists: [...lists, alone], token };
  }
  const used = lists.flatMap((data) => objects.parseList(objects.parseObject(data).payload).devices);
  const others = keepDevices ? newest.list.devices : [];
  if (others.length >= ACCOUNT_DEVICES) throw error("not-permitted", "eight devices");
  const device_id = Math.max(...used.map((entry) => entry.device_id)) + 1;
  const added = { device_id, sig_pub: await secrets.makeDeviceKey(), added: now, role: objects.Role.FULL };
  const longer = nextList(newest, [...others, added], now);
  const signed = await signList(held, longer);
  const profile = await profileOf(where, held, longer, added);
  return { profile, lists: [...lists, signed], token: await createAccount(where, profile, signed) };
}

async function signList(held: Backup, list: objects.DeviceList): Promise<Uint8Array> {
  return objects.signObject("device-list", objects.encodeList(list), await signerOf(held.seed));
}

function nextList(
  newest: VerifiedList,
  devices: readonly objects.DeviceListEntry[],
  issued: number,
): objects.DeviceList {
  const { account_id, account_pub, seq } = newest.list;
  return { account_id, seq: seq + 1, prev: newest.hash, account_pub, devices, issued };
}

async function createAccount(where: Restoring, profile: rows.Profile, signed: Uint8Array): Promise<Token> {
  const sign: objects.Sign = (data) => where.store.secrets.sign(data);
  const request = { device_list: signed, login: await makeLogin(profile, sha256(signed), sign), gate: {} };
  try {
    const session = await where.calls.call(control.CREATE_ACCOUNT, { request });
    return { token: encodeB64(session.token), expires: session.expires };
  } catch (problem) {
    // The call was made twice on its way: this very list stands.
    if (!(problem instanceof Conflict) || problem.code !== "account-exists") throw problem;
    return logIn(where.calls, profile, sign);
  }
}

async function profileOf(
  where: Restoring,
  held: Backup,
  list: objects.DeviceList,
  { device_id, sig_pub, added }: objects.DeviceListEntry,
): Promise<rows.Profile> {
  const { account_id, account_pub, seq: list_seq } = list;
  const made = { account_id, account_pub, device_id, sig_pub, list_seq, issued: added };
  const sign = await signerOf(held.seed);
  return {
    account_id: rows.idOf(account_id),
    account_pub,
    device_id,
    device_pub: sig_pub,
    certificate: await objects.signObject("device-cert", objects.encodeCertificate(made), sign),
    name: held.name,
    server: where.server,
    server_name: held.server_name,
    profile_token: held.profile_token,
    registered: false,
    registered_at: where.now(),
  };
}
