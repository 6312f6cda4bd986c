/**
 * Control calls the core needs answered: derived from the store each time, so a crash loses none of them.
 * Twin of zajil.client.core.wants.
 */
import type { ClaimedKeyPackages } from "../../protocol/control.ts";
import { error } from "../../protocol/errors.ts";
import { ACCOUNT_DEVICES, DELIVERY_REF_BYTES, KEY_PACKAGE_BYTES } from "../../protocol/limits.ts";
import * as accounts from "../state/accounts.ts";
import * as doors from "../state/doors.ts";
import * as rows from "../state/rows.ts";
import type { Claimed, Id, Item } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";
import { sha256 } from "@noble/hashes/sha2.js";
import { askedSuites, keepSuite } from "./groups.ts";
import { heirs } from "./heirs/loading.ts";
import * as outbox from "./outbox.ts";
import * as sealing from "./sealing.ts";

/** A group pass and a fresh reference to our own mailbox, for item n. */
export interface WantCreate {
  readonly want: "create";
  readonly n: number;
}

/** A fresh reference to our own mailbox, for item n. */
export interface WantRef {
  readonly want: "ref";
  readonly n: number;
}

/**
 * KeyPackages of an account for item n. claimId: 16 bytes. token: its contact token, null for ours and as a stranger.
 * suites: in which they are asked for, the best one first.
 */
export interface WantClaim {
  readonly want: "claim";
  readonly n: number;
  readonly account: Id;
  readonly devices: readonly number[] | null;
  readonly claimId: Uint8Array;
  readonly token: Uint8Array | null;
  readonly suites: readonly number[];
}

/** The device lists of an account. token: its contact token, null for our own account. */
export interface WantLists {
  readonly want: "lists";
  readonly account: Id;
  readonly token: Uint8Array | null;
}

/** Our own pool at the server is low: fill it up. */
export interface WantKeyPackages {
  readonly want: "key-packages";
}

/** The server lost lists of our own account, as it came back from a backup: it is to have them again. */
export interface WantOwnLists {
  readonly want: "own-lists";
}

/** Nothing is to come through the reference of this serial, or again what comes. */
export interface WantDoor {
  readonly want: "deny" | "allow";
  readonly serial: Id;
}

/** This is the account's profile token from now on. */
export interface WantToken {
  readonly want: "token";
  readonly token: Uint8Array;
}

/** The token of this hash, of a link of ours, admits so many until then. uses 0: nobody. expires: Unix seconds. */
export interface WantLink {
  readonly want: "link";
  readonly hash: Id;
  readonly uses: number;
  readonly expires: number;
}

/** What the server is told of who reaches us. */
export type WantMind = WantDoor | WantToken | WantLink;
export type Want = WantMind | WantCreate | WantRef | WantClaim | WantLists | WantOwnLists | WantKeyPackages;

/** A text that a want shares with its repetitions, which may carry another claim id: for remembering what was put off. */
export function nameOfWant(want: Want): string {
  switch (want.want) {
    case "create":
    case "ref":
      return `${want.want} ${want.n}`;
    case "claim":
      return `claim ${want.n} ${want.account}`;
    case "lists":
      return `lists ${want.account}`;
    case "deny":
    case "allow":
      return `${want.want} ${want.serial}`;
    case "link":
      return `link ${want.hash}`;
    case "key-packages":
    case "own-lists":
    case "token":
      return want.want;
  }
}

/** What is needed now. The same want stays until it is answered or its item fails. */
export async function wants(look: Look): Promise<Want[]> {
  const session = await look.session();
  if (session.rolled_back || session.revoked) return [];
  const found: Want[] = [];
  const own = look.profile.account_id;
  if (session.list_lost) found.push({ want: "own-lists" });
  if (session.keys_wanted) found.push({ want: "key-packages" });
  for (const account of await rows.allAccounts(look.tx)) {
    if (account.wanted_seq > account.list_seq && (account.account_id === own || account.contact_token.length > 0)) {
      const token = account.account_id === own ? null : account.contact_token;
      found.push({ want: "lists", account: account.account_id, token });
    }
  }
  for (const [n, item] of await rows.items(look.tx)) {
    if (item.state !== "queued") continue;
    if (item.kind === "create" && item.group_pass.length === 0) found.push({ want: "create", n });
    if (item.intent?.op === "accept" && item.own_ref.length === 0) found.push({ want: "ref", n });
    for (const [account, devices] of await sealing.missingClaims(look, item)) {
      const claimId = sha256(new Uint8Array([...item.claim_id, ...rows.bytesOf(account)])).slice(0, 16);
      const asks = (await look.chat(item.gid)).request === "outgoing";
      const token = account === own || asks ? null : (await accounts.known(look, account)).contact_token;
      // Without one, what introduces them is still on its way, and the claim waits for it.
      if (token?.length === 0) continue;
      found.push({ want: "claim", n, account, devices, claimId, token, suites: await askedSuites(look, item.gid) });
    }
  }
  const due = await doors.loadDoors(look.tx);
  for (const want of ["deny", "allow"] as const) for (const serial of due[want]) found.push({ want, serial });
  if (due.token_due) found.push({ want: "token", token: look.profile.profile_token });
  for (const { hash, uses, expires, due: told } of due.links)
    if (told) found.push({ want: "link", hash, uses, expires });
  return found;
}

/** The server did it, or refuses it for good. */
export async function takeDoor(step: Step, want: WantMind): Promise<void> {
  const due = await doors.loadDoors(step.tx);
  if (want.want === "link") {
    const isTold = (one: doors.Link) =>
      one.hash === want.hash && one.uses === want.uses && one.expires === want.expires;
    return doors.changeDoors(step.tx, {
      links: due.links.map((one) => (isTold(one) ? { ...one, due: false } : one)),
    });
  }
  if (want.want !== "token")
    return doors.changeDoors(step.tx, { [want.want]: due[want.want].filter((one) => one !== want.serial) });
  if (rows.idOf(want.token) === rows.idOf(step.profile.profile_token))
    await doors.changeDoors(step.tx, { token_due: false });
}

/** Whether a sync waits for it: refilling a pool that was full once may take its time, an absent device as well. */
export async function isPressing(look: Look, want: Want): Promise<boolean> {
  if (want.want === "claim") return (await outbox.findItem(look, want.n))?.absent !== true;
  return want.want !== "key-packages" || (await look.session()).last_resort_at === 0;
}

/** A pass and a reference arrived for a new group. Throws Malformed. */
export async function takeCreate(step: Step, n: number, groupPass: Uint8Array, ownRef: Uint8Array): Promise<void> {
  if (ownRef.length !== DELIVERY_REF_BYTES) throw error("malformed", "delivery reference");
  const item = await outbox.findItem(step, n);
  if (item?.state === "queued") await outbox.changeItem(step, n, item, { group_pass: groupPass, own_ref: ownRef });
}

/**
 * Packages arrived; the engine checks them when they are used. False: the device has none yet, ask again later.
 *
 * A device just linked publishes its packages after it was approved. The next claim takes another id, since the answer
 * to this one is fixed for 24 hours. Throws Malformed for what would not fit into a commit's frame.
 */
export async function takeClaim(step: Step, want: WantClaim, answer: ClaimedKeyPackages): Promise<boolean> {
  checkAnswer(want, answer);
  const item = await outbox.findItem(step, want.n);
  if (item === undefined || item.claimed.includes(want.account)) return true;
  // A server that came back from a backup may still have devices that ended since, and nobody may add those.
  const { list_seq, devices } = await accounts.known(step, want.account);
  const mayAdd = (id: number) => list_seq <= answer.list_seq || devices.some(([device]) => device === id);
  const claims: Claimed[] = answer.clients
    .filter((c) => (want.devices === null || want.devices.includes(c.device_id)) && mayAdd(c.device_id))
    .map((c) => ({
      account: want.account,
      device: c.device_id,
      key_package: c.key_package,
      deliver_to: c.deliver_to,
      last_resort: c.last_resort,
    }));
  if (item.state !== "queued") {
    await keep(step, want, item, claims);
    return true;
  }
  if (answer.lists !== undefined && answer.lists.length > 0 && want.account !== step.profile.account_id)
    await accounts.learnChain(step, want.account, answer.lists);
  const known = await accounts.known(step, want.account);
  if (answer.list_seq > known.list_seq) await accounts.change(step, want.account, { wanted_seq: answer.list_seq });
  if (claims.length === 0) {
    const done = await (await import("./contact/lost.ts")).takeNone(step, want, item);
    if (done !== undefined) return done;
  }
  // Else everything is claimed anew, in the suite that all of them are able to use.
  else if (!(await keepSuite(step, item.gid, claims))) return true;
  await take(step, want, item, claims);
  return true;
}

/** A successor that failed by somebody else meanwhile is tried again, with what each one's claim brought. */
async function keep(step: Step, { n, account }: WantClaim, item: Item, claims: Claimed[]): Promise<void> {
  if (item.state !== "failed" || claims.length === 0 || (await step.chat(item.gid)).forebear === "") return;
  await outbox.changeItem(step, n, item, {
    claims: [...item.claims, ...claims],
    claimed: [...item.claimed, account],
  });
}

/** Keep what one account's claim brought; own devices that are missing in it come in later, each by itself. */
async function take(step: Step, { n, account, devices }: WantClaim, item: Item, claims: Claimed[]): Promise<void> {
  const taken = await outbox.changeItem(step, n, item, {
    claims: [...item.claims, ...claims],
    claimed: [...item.claimed, account],
  });
  if (item.intent?.op !== "add") return;
  if ((await step.chat(item.gid)).absent.includes(account)) await (await heirs()).tellLists(step, n, taken, account);
  for (const device of devices ?? [])
    if (claims.every((claim) => claim.device !== device))
      await outbox.submitIntent(step, item.gid, rows.makeIntent("add-device", { account, devices: [device] }));
}

function checkAnswer({ suites }: WantClaim, answer: ClaimedKeyPackages): void {
  if (answer.clients.some(({ suite }) => !suites.includes(suite)))
    throw error("malformed", "key package of a suite that was not asked for");
  if (new Set(answer.clients.map(({ device_id }) => device_id)).size !== answer.clients.length)
    throw error("malformed", "two key packages of one device");
  const fits = answer.clients.every(
    (client) => client.deliver_to.length === DELIVERY_REF_BYTES && client.key_package.length <= KEY_PACKAGE_BYTES,
  );
  if (answer.clients.length > ACCOUNT_DEVICES || !fits) throw error("malformed", "claimed package");
}

/** The chain of an account arrived. Throws what `accounts.learnChain` throws. */
export async function takeLists(step: Step, want: WantLists, lists: readonly Uint8Array[]): Promise<void> {
  const account = await accounts.learnChain(step, want.account, lists);
  await accounts.change(step, want.account, { wanted_seq: account.list_seq });
  if (account.contact && !account.blocked) await (await import("./contact/lost.ts")).bringBack(step, account);
}

/** The server refuses what an item needs, so the item fails; a list we may not read is not asked for again. */
export async function takeRefusal(step: Step, want: Want, code: string): Promise<void> {
  if ("serial" in want || want.want === "token" || want.want === "link") {
    await takeDoor(step, want);
  } else if (want.want === "lists") {
    await accounts.change(step, want.account, { wanted_seq: 0 });
  } else if (want.want === "own-lists") {
    // Another device of ours may have been faster: then its lists are looked at again.
    await step.changeSession({ list_lost: code === "stale-list" });
  } else if (want.want !== "key-packages" && want.want !== "ref") {
    const item = await outbox.findItem(step, want.n);
    if (item?.state !== "queued") return;
    if (want.want === "claim") await (await import("./contact/lost.ts")).refuseClaim(step, want, item, code);
    else await outbox.fail(step, want.n, item, code);
  }
}
