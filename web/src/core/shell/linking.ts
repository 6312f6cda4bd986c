/** A second device by link code, both ends (service.md 2, Device linking); twin of zajil.client.shell.linking. */
import * as control from "../../protocol/control.ts";
import { equal } from "../../protocol/bytes.ts";
import { Conflict, error, Refused, Unreachable } from "../../protocol/errors.ts";
import { openChain } from "../../protocol/identity/chain.ts";
import * as linking from "../../protocol/identity/linking.ts";
import { encodeLinkCode, type LinkCode, parseLinkCode } from "../../protocol/identity/links.ts";
import * as objects from "../../protocol/identity/objects.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { ACCOUNT_DEVICES, LINK_WAIT_S } from "../../protocol/limits.ts";
import { publicKeyOf, randomBytes, signerOf, verify } from "../crypto.ts";
import { makeSealKeys, sealTo } from "../hpke.ts";
import * as chats from "../rules/chats.ts";
import { Core } from "../rules/core.ts";
import { LINKED_PATIENCE_MS } from "../rules/readd.ts";
import { isListed } from "../rules/talk/places.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Store } from "../store/types.ts";
import { awaitParts } from "../history/row.ts";
import type { Calls } from "./calls.ts";
import { type Enrolment, fetchConfig, findUnregistered, saveProfile } from "./enrol.ts";
import { logIn, type Tokens } from "./login.ts";

/** How long the server keeps an offer. */
export const WAIT_MS = 120_000;
/** Between two questions to a server that does not wait itself. */
const POLL_MS = 500;
// Another device of ours may be faster; a server that calls every list stale is given up.
const LIST_TRIES = 4;

// -- the new device
/** The new device. server: its address, also for the link in the code. */
export interface NewDevice extends Omit<Enrolment, "store" | "calls"> {
  /** What the other devices of the account show of this one: its first 64 characters. */
  readonly deviceName: string;
  readonly platform?: string;
  /** The code to show, good for `WAIT_MS`, and the emoji that the other device shows too. */
  onCode(code: string, emoji: readonly string[]): void;
  /** An old device approved; what follows is verified and stored. */
  onApproved(): void;
  /** Gives the linking up; the promise then rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/**
 * Show a code and wait for the answer of an old device; then this store is a device of that account.
 *
 * Rejects with `home-exists`, `link-expired` when nobody approved in time, `link-mismatch`, Malformed for a wrong answer.
 */
export async function linkNew(store: Store, calls: Calls, device: NewDevice): Promise<void> {
  const where: Enrolment = { store, calls, server: device.server, now: () => device.now() };
  await findUnregistered(store);
  const { server_name } = await fetchConfig(calls);
  const keys = await makeSealKeys();
  const sig_pub = await store.secrets.makeDeviceKey();
  const addr = randomBytes(16);
  const secret = randomBytes(16);
  const name = [...device.deviceName].slice(0, 64).join("");
  const offer = linking.encodeOffer({ hpke_pub: keys.publicKey, sig_pub, name, platform: device.platform ?? "web" });
  await calls.call(control.PUT_LINK_OFFER, { request: offer, parameters: { addr: encodeB64(addr) } });
  const code = encodeLinkCode({
    server_name,
    addr,
    offer_hash: linking.hashOffer(offer),
    secret,
    front: device.server,
  });
  const expiresAt = where.now() + WAIT_MS;
  device.onCode(code, linking.emojiOf(offer));
  const sealed = await awaitAnswer(where, addr, expiresAt, device.signal);
  const answer = linking.parseAnswer(await keys.open(sealed, linking.hpkeInfo(addr)), secret);
  device.onApproved();
  await settle(where, answer, { devicePub: sig_pub, serverName: server_name });
}

async function awaitAnswer(
  where: Enrolment,
  addr: Uint8Array,
  expiresAt: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  for (;;) {
    const left = expiresAt - where.now();
    if (left <= 0) throw error("link-expired");
    const query = `?wait=${String(Math.max(1, Math.min(LINK_WAIT_S, Math.floor(left / 1000))))}`;
    try {
      return await where.calls.call(control.LINK_ANSWER, { query, parameters: { addr: encodeB64(addr) }, signal });
    } catch (problem) {
      // The answer lies there a while: what a bad line loses is asked for again.
      const isGone = problem instanceof Refused && problem.code === "gone";
      if (!isGone && !(problem instanceof Unreachable)) throw problem;
    }
    await pause(POLL_MS, signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    if (signal.aborted) return reject(signal.reason as Error);
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** Verify everything the answer says, log in, then store it in one step. */
async function settle(
  where: Enrolment,
  answer: linking.Answer,
  { devicePub, serverName }: { devicePub: Uint8Array; serverName: string },
): Promise<void> {
  const { store, calls } = where;
  const certificate = await checkAnswer(answer, devicePub);
  const profile: rows.Profile = {
    account_id: rows.idOf(certificate.account_id),
    account_pub: certificate.account_pub,
    device_id: certificate.device_id,
    device_pub: devicePub,
    certificate: answer.certificate,
    name: answer.name,
    server: where.server,
    server_name: serverName,
    profile_token: answer.contact_token ?? new Uint8Array(),
    registered: false,
    registered_at: where.now(),
  };
  const session = await logIn(calls, profile, (data) => store.secrets.sign(data)).catch((problem: unknown) => {
    // Approved it is, whether or not the line holds: a login that only did not come through is made later.
    if (problem instanceof Unreachable) return null;
    throw problem;
  });
  await store.secrets.keep("account-seed", answer.seed ?? new Uint8Array());
  answer.seed?.fill(0);
  await saveProfile(where, profile);
  const core = await Core.open(store, where.now);
  await core.step("linked", async (step) => {
    if (session) await step.changeSession({ token: session.token, token_expires: session.expires });
    await accounts.learnChain(step, profile.account_id, answer.lists);
    await accounts.change(step, profile.account_id, { name: answer.name });
    for (const contact of answer.contacts) {
      const account = rows.idOf(contact.account_id);
      await accounts.learnIntroduction(step, account, contact.name, contact.contact_token);
      await accounts.change(step, account, { contact: true });
    }
    for (const group of answer.groups) await rows.saveChat(step.tx, awaitedChat(group, step.now));
    await awaitParts(step.tx, answer.archive);
    await rows.saveProfile(step.tx, { ...profile, registered: true });
  });
}

/** The certificate, if it, the lists and the seed are of one account that lists our key. Rejects with `link-mismatch`. */
async function checkAnswer(answer: linking.Answer, devicePub: Uint8Array): Promise<objects.DeviceCertificate> {
  const certificate = await objects.openCertificate(answer.certificate, verify);
  const newest = await openChain(answer.lists, certificate.account_id, verify);
  const entry = objects.findDevice(newest.list, certificate.device_id);
  const { account_pub } = newest.list;
  const seeded = answer.seed !== null && equal(await publicKeyOf(answer.seed), account_pub);
  const listed = entry !== undefined && equal(entry.sig_pub, devicePub) && equal(certificate.sig_pub, devicePub);
  if (!seeded || !listed || !equal(certificate.account_pub, account_pub) || !answer.contact_token)
    throw error("link-mismatch");
  return certificate;
}

function awaitedChat(group: linking.Answer["groups"][number], now: number): rows.Chat {
  const next_at = now + LINKED_PATIENCE_MS;
  const asking: rows.Asking = { last_epoch: -1, reason: "linked", asked: [], next_at, heard: false };
  const { kind, name: title, last_activity: activity } = group;
  return { ...rows.EMPTY_CHAT, gid: rows.idOf(group.gid), kind, title, status: "await", activity, asking };
}

// -- the old device
/** What the device behind a code says of itself. */
export interface LinkPreview {
  readonly name: string;
  readonly platform: string;
  readonly emoji: readonly string[];
}

async function fetchOffer(
  core: Core,
  calls: Calls,
  text: string,
): Promise<{ code: LinkCode; data: Uint8Array; offer: linking.Offer }> {
  const code = parseLinkCode(text);
  const serverName = await core.look((look) => Promise.resolve(look.profile.server_name));
  if (code.server_name !== serverName) throw error("bad-link", "another server");
  let data: Uint8Array;
  try {
    data = await calls.call(control.LINK_OFFER, { parameters: { addr: encodeB64(code.addr) } });
  } catch (problem) {
    if (problem instanceof Refused && problem.code === "gone") throw error("link-expired");
    throw problem;
  }
  return { code, data, offer: linking.openOffer(data, code.offer_hash) };
}

/** What the device behind a code says of itself. Rejects with `bad-link`, `link-expired`, `link-mismatch`. */
export async function preview(core: Core, calls: Calls, text: string): Promise<LinkPreview> {
  const { data, offer } = await fetchOffer(core, calls, text);
  return { name: offer.name, platform: offer.platform, emoji: linking.emojiOf(data) };
}

/** Answers where the parts of a history will be; none where none goes along. */
export type Announce = () => Promise<readonly linking.ArchivePart[]>;

/**
 * Enrol the device behind a code: list, certificate, answer, and its Add in every chat. Its device id.
 *
 * announce: what it answers names the history in the answer.
 */
export async function approve(
  core: Core,
  calls: Calls,
  tokens: Tokens,
  text: string,
  announce: Announce = () => Promise.resolve([]),
): Promise<number> {
  const { code, offer } = await fetchOffer(core, calls, text);
  const seed = await core.store.secrets.open("account-seed");
  if (!seed) throw error("not-permitted", "this device holds no account key");
  try {
    const sign = await signerOf(seed);
    const device = await extendList(core, calls, tokens, { offer, sign });
    const archive = await announce();
    const answer = await makeAnswer(core, calls, tokens, { device, offer, code, sign, seed, archive });
    const sealed = await sealTo(offer.hpke_pub, linking.hpkeInfo(code.addr), linking.encodeAnswer(answer));
    await calls.call(control.PUT_LINK_ANSWER, { request: sealed, parameters: { addr: encodeB64(code.addr) } });
    await core.step("add-own-device", async (step) => {
      await chats.addOwnDevice(step, device);
      step.event("device-linked");
    });
    return device;
  } finally {
    seed.fill(0);
  }
}

interface Extension {
  readonly offer: linking.Offer;
  readonly sign: objects.Sign;
}

async function extendList(core: Core, calls: Calls, tokens: Tokens, parts: Extension): Promise<number> {
  for (let triesLeft = LIST_TRIES - 1; ; triesLeft--) {
    try {
      return await putLongerList(core, calls, tokens, parts);
    } catch (problem) {
      if (!(problem instanceof Conflict) || problem.code !== "stale-list" || triesLeft === 0) throw problem;
    }
  }
}

/** The own chain as the server has it. */
export async function fetchOwnLists(core: Core, calls: Calls, tokens: Tokens): Promise<readonly Uint8Array[]> {
  const account = await core.look((look) => Promise.resolve(look.profile.account_id));
  const answer = await calls.call(control.DEVICE_LISTS, {
    auth: await tokens.auth(),
    query: "?from=1",
    parameters: { account },
  });
  return answer.lists;
}

/** Put the next device list with the new device; its id. Rejects with Conflict `stale-list`: build on the newest. */
async function putLongerList(core: Core, calls: Calls, tokens: Tokens, { offer, sign }: Extension): Promise<number> {
  const lists = await fetchOwnLists(core, calls, tokens);
  const own = await core.look((look) => Promise.resolve(look.profile.account_id));
  const newest = await openChain(lists, rows.bytesOf(own), verify);
  const known = await core.step("own-list", (step) => accounts.learnChain(step, own, lists));
  // Built on a chain behind the one we know, the next list would be a fork signed by ourselves.
  if (!equal(known.list_object, newest.object)) throw error("stale-list", "the server's chain is not ours");
  const { devices, seq, account_id, account_pub } = newest.list;
  const listed = devices.find((entry) => equal(entry.sig_pub, offer.sig_pub));
  if (listed) return listed.device_id;
  if (devices.length >= ACCOUNT_DEVICES) throw error("not-permitted", "eight devices");
  const everUsed = lists.flatMap((data) => objects.parseList(objects.parseObject(data).payload).devices);
  const device_id = Math.max(...everUsed.map((entry) => entry.device_id)) + 1;
  const now = Math.floor(core.now() / 1000);
  const added = { device_id, sig_pub: offer.sig_pub, added: now, role: objects.Role.FULL };
  const longer = {
    account_id,
    seq: seq + 1,
    prev: newest.hash,
    account_pub,
    devices: [...devices, added],
    issued: now,
  };
  const signed = await objects.signObject("device-list", objects.encodeList(longer), sign);
  await calls.call(control.PUT_DEVICE_LIST, { auth: await tokens.auth(), request: { list: signed } });
  await core.step("own-list", (step) => accounts.learnChain(step, own, [...lists, signed]));
  return device_id;
}

/** Everything the new device needs to begin. */
async function makeAnswer(
  core: Core,
  calls: Calls,
  tokens: Tokens,
  parts: Extension & Pick<linking.Answer, "archive"> & { device: number; code: LinkCode; seed: Uint8Array },
): Promise<linking.Answer> {
  const lists = await fetchOwnLists(core, calls, tokens);
  const { profile, known, mine } = await core.look(async (look) => {
    const [people, own] = [await rows.allAccounts(look.tx), await rows.allChats(look.tx)];
    return { profile: look.profile, known: people, mine: own };
  });
  const newest = await openChain(lists, rows.bytesOf(profile.account_id), verify);
  const certificate = objects.encodeCertificate({
    account_id: newest.list.account_id,
    account_pub: newest.list.account_pub,
    device_id: parts.device,
    sig_pub: parts.offer.sig_pub,
    list_seq: newest.list.seq,
    issued: Math.floor(core.now() / 1000),
  });
  const contacts = known
    .filter((account) => account.contact)
    .map(({ account_id, name, contact_token: token }) => ({
      account_id: rows.bytesOf(account_id),
      name,
      contact_token: token.length > 0 ? token : null,
    }));
  const groups = mine
    .filter((chat) => (chat.status === "active" || chat.status === "creating") && isListed(chat))
    .map((chat) => ({ gid: rows.bytesOf(chat.gid), kind: chat.kind, name: chat.title, last_activity: chat.activity }));
  return {
    certificate: await objects.signObject("device-cert", certificate, parts.sign),
    lists,
    seed: parts.seed,
    contacts,
    groups,
    secret: parts.code.secret,
    name: profile.name,
    contact_token: profile.profile_token,
    archive: parts.archive,
  };
}
