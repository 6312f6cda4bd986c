/** Registration: a new account with its first device (service.md 2); twin of zajil.client.shell.enrol. */
import * as control from "../../protocol/control.ts";
import { Conflict, error, Refused } from "../../protocol/errors.ts";
import type { WorkProof } from "../../protocol/gate/work.ts";
import { equal } from "../../protocol/bytes.ts";
import { openList } from "../../protocol/identity/chain.ts";
import * as objects from "../../protocol/identity/objects.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { CLIENT_VERSION } from "../../protocol/limits.ts";
import { sha256 } from "@noble/hashes/sha2.js";
import { publicKeyOf, randomBytes, signerOf, verify } from "../crypto.ts";
import * as chats from "../rules/chats.ts";
import { Core } from "../rules/core.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Secrets, Store } from "../store/types.ts";
import { type Calls, deviceAuth } from "./calls.ts";
import { logIn } from "./login.ts";
import { makeLogin, type Token } from "./proof.ts";

/** What registering and linking need of the worker. */
export interface Enrolment {
  readonly store: Store;
  readonly calls: Calls;
  /** Address of the server, kept in the profile and shown in links. */
  readonly server: string;
  /** Unix milliseconds. */
  now(): number;
}

/** A new account. invite: the registration code, where the server wants one. */
export interface NewAccount extends Omit<Enrolment, "store" | "calls"> {
  readonly name: string;
  readonly invite: string | null;
  /** What the server said of itself just now. */
  readonly config: control.Config;
  /** Does the work that a challenge of the server asks for. */
  readonly work: (challenge: unknown) => Promise<WorkProof>;
}

/** Further challenges for one registration: a load that rises meanwhile makes the server ask for a dearer one. */
const WORK_ATTEMPTS = 3;

/**
 * Make the account at the server and its self group in the store.
 *
 * May be called again after it failed at any point: keys that the server may have seen are used again. Rejects with `malformed` for a name, `home-exists`, the server's refusal.
 */
export async function register(store: Store, calls: Calls, account: NewAccount): Promise<void> {
  const { name } = account;
  const where: Enrolment = { store, calls, server: account.server, now: () => account.now() };
  chats.checkName(name);
  const config = checkConfig(account.config);
  const seed = await prepareKeys(store);
  try {
    const profile = await firstProfile(where, seed, { name: name.trim(), server_name: config.server_name });
    await saveProfile(where, profile);
    const core = await Core.open(store, where.now);
    const { token, expires } = await createAccount(core, calls, profile, { ...account, seed });
    await core.step("token", async (step) => {
      await step.changeSession({ token, token_expires: expires });
    });
    await publishProfileToken(calls, profile, deviceAuth(token));
    await core.step("registered", async (step) => {
      await chats.openSelfChat(step);
      await rows.saveProfile(step.tx, { ...profile, registered: true });
    });
  } finally {
    seed.fill(0);
  }
}

/** What the server says of itself. Rejects with `update-required` where it no longer speaks with this version. */
export async function fetchConfig(calls: Calls): Promise<control.Config> {
  return checkConfig(await calls.call(control.CONFIG));
}

function checkConfig(config: control.Config): control.Config {
  if (config.min_client > CLIENT_VERSION) throw error("update-required");
  return config;
}

/** Throws `home-exists` where this store is a device already; else what a registration cut short left, if anything. */
export async function findUnregistered(store: Store): Promise<rows.Profile | undefined> {
  const profile = await store.look(rows.findProfile);
  if (profile?.registered) throw error("home-exists");
  return profile;
}

/** Write the profile before there is a core. */
export function saveProfile(where: Enrolment, profile: rows.Profile): Promise<unknown> {
  return where.store.step("profile", where.now(), (tx) => rows.saveProfile(tx, profile));
}

/** The account seed: of a registration that was cut short, else fresh with a fresh device key. */
async function prepareKeys(store: Store): Promise<Uint8Array> {
  const before = await findUnregistered(store);
  const kept = await store.secrets.open("account-seed");
  if (before && kept && (await isFirstDevice(store.secrets, before, kept))) return kept;
  kept?.fill(0);
  const seed = randomBytes(32);
  await store.secrets.makeDeviceKey();
  await store.secrets.keep("account-seed", seed);
  return seed;
}

/** Whether a profile is the first device of the account that the kept keys make (a linking cut short is not). */
async function isFirstDevice(secrets: Secrets, profile: rows.Profile, seed: Uint8Array): Promise<boolean> {
  const devicePub = await secrets.devicePublicKey();
  if (profile.device_id !== 1 || !devicePub || !equal(devicePub, profile.device_pub)) return false;
  return equal(await publicKeyOf(seed), profile.account_pub);
}

async function firstProfile(
  where: Enrolment,
  seed: Uint8Array,
  named: { name: string; server_name: string },
): Promise<rows.Profile> {
  const account_pub = await publicKeyOf(seed);
  const device_pub = await where.store.secrets.devicePublicKey();
  if (!device_pub) throw error("no-home");
  const account_id = objects.accountIdOf(account_pub);
  const issued = Math.floor(where.now() / 1000);
  const made = { account_id, account_pub, device_id: 1, sig_pub: device_pub, list_seq: 1, issued };
  const certificate = await objects.signObject("device-cert", objects.encodeCertificate(made), await signerOf(seed));
  return {
    ...named,
    account_id: rows.idOf(account_id),
    account_pub,
    device_id: 1,
    device_pub,
    certificate,
    server: where.server,
    profile_token: randomBytes(32),
    registered: false,
    registered_at: where.now(),
  };
}

/** A token. An account that exists already was made by us before a crash: then we log in. */
async function createAccount(
  core: Core,
  calls: Calls,
  profile: rows.Profile,
  { seed, ...gate }: Gate & { readonly seed: Uint8Array },
): Promise<Token> {
  // A registration that was cut short may have reached the server: another first list would fork the account.
  const stored = await core.look(async (look) => (await accounts.known(look, profile.account_id)).list_object);
  const signed = stored.length > 0 ? stored : await firstList(core, profile, seed);
  const sign: objects.Sign = (data) => core.store.secrets.sign(data);
  const login = await makeLogin(profile, sha256(signed), sign);
  const opened = await openList(signed, verify);
  await core.step("own-list", async (step) => {
    await accounts.keepList(step, opened);
    await accounts.change(step, profile.account_id, { name: profile.name });
  });
  try {
    const session = await passGate(calls, { device_list: signed, login }, gate);
    return { token: encodeB64(session.token), expires: session.expires };
  } catch (problem) {
    if (!(problem instanceof Conflict) || problem.code !== "account-exists") throw problem;
    return logIn(calls, profile, sign);
  }
}

/** What the server asks of newcomers, and what this one has for it. */
type Gate = Pick<NewAccount, "invite" | "work" | "config">;

/** Ask without work where an invite may do, then with it; again where the server asks for more meanwhile. */
async function passGate(
  calls: Calls,
  account: { readonly device_list: Uint8Array; readonly login: Uint8Array },
  { config, invite, work }: Gate,
): Promise<control.Session> {
  const code = invite === null ? {} : { invite };
  // Nobody works for nothing: `both` refuses whoever has no code, and a code opens `work` alone.
  let proof = config.registration === (invite === null ? "work" : "both") ? await work(config.altcha) : undefined;
  for (let left = WORK_ATTEMPTS; ; left--) {
    const gate = proof === undefined ? code : { ...code, altcha: proof as unknown as control.Json };
    try {
      return await calls.call(control.CREATE_ACCOUNT, { request: { ...account, gate } });
    } catch (problem) {
      if (!(problem instanceof Refused) || problem.code !== "work-required" || left === 0) throw problem;
    }
    proof = await work((await calls.call(control.CONFIG)).altcha);
  }
}

async function firstList(core: Core, profile: rows.Profile, seed: Uint8Array): Promise<Uint8Array> {
  const now = Math.floor(core.now() / 1000);
  const { account_pub, device_pub: sig_pub } = profile;
  const devices = [{ device_id: 1, sig_pub, added: now, role: objects.Role.FULL }];
  const account_id = rows.bytesOf(profile.account_id);
  const first = { account_id, seq: 1, prev: objects.NO_LIST, account_pub, devices, issued: now };
  return objects.signObject("device-list", objects.encodeList(first), await signerOf(seed));
}

/** Let people who have our profile fetch our lists and claim packages. */
export async function publishProfileToken(calls: Calls, profile: rows.Profile, auth: string): Promise<void> {
  const hash = encodeB64(sha256(profile.profile_token));
  await calls.call(control.PUT_CONTACT_TOKEN, { auth, request: { kind: "profile" }, parameters: { hash } });
}
