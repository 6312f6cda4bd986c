/**
 * The encrypted backup of this account: what goes in, when it is renewed, and the steps of its errands.
 * Twin of zajil.client.core.kept.backup, where the rules are told.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import type { StoredBackup } from "../../protocol/backups/wire.ts";
import { equal } from "../../protocol/bytes.ts";
import { DRAFT, ENTRIES, type Setting } from "../../protocol/chat/arranging.ts";
import { error } from "../../protocol/errors.ts";
import {
  HELPERS_MAX,
  encodeBackup,
  type Backup,
  type BackupBlocked,
  type BackupChat,
  type BackupPerson,
} from "../../protocol/identity/backup.ts";
import { BACKUP_BYTES, groupsOf, isGroup, KEY_BYTES, NONCE_BYTES, spellKey } from "../../protocol/identity/recovery.ts";
import * as groups from "../rules/groups.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Account, Chat, Id } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";
import { checkBackup, deriveSecrets, sealBackup, signBackup, signDeletion, type Secrets } from "./secrets.ts";
import { changeRecovery, EMPTY_RECOVERY, loadRecovery, nextState, type OldKey, type RecoveryMove } from "./state.ts";

const RENEW_AFTER_MS = 30 * 86_400_000;
/** Above any version a key ever writes: a deletion is the last thing that happens under it. */
const LAST_VERSION = Number.MAX_SAFE_INTEGER;
const PLAIN_BYTES = BACKUP_BYTES - 64;
/** Helpers of a chat, and chats, by last activity: the first that fits is taken. */
const FITS = [
  [HELPERS_MAX, 4096],
  [4, 2048],
  [2, 512],
  [1, 128],
] as const;
const BLOCKED_MAX = 1024;
const NO_SEED = new Uint8Array(32);

/** The backup at the server is not what it should hold; or that of a replaced key is still there. */
export interface BackupWant {
  readonly want: "backup" | "forget";
  readonly key: Uint8Array;
}

/** What a write puts. digest: of what it holds. */
export interface SealedBackup {
  readonly locator: Uint8Array;
  readonly request: StoredBackup;
  readonly digest: Uint8Array;
}

/** What deletes one backup. */
export interface Deletion {
  readonly locator: Uint8Array;
  readonly request: { readonly auth_pub: Uint8Array; readonly version: number; readonly sig: Uint8Array };
}

/** This device holds the account key, without which there is nothing to back up. Throws `not-permitted`. */
export async function checkAble(step: Step): Promise<void> {
  const seed = await step.secrets.open("account-seed");
  if (seed?.length !== 32) throw error("not-permitted", "no account key here");
  seed.fill(0);
}

/** Show or replace the recovery key; the key, 20 bytes. Throws HomeError `no-recovery-key`. */
export async function move(step: Step, which: Exclude<RecoveryMove, "confirm">): Promise<Uint8Array> {
  const held = await loadRecovery(step.tx);
  const state = nextState(held.state, which);
  if (held.key.length > 0 && which === "show") {
    await changeRecovery(step.tx, { state });
    return held.key;
  }
  const key = step.rng(KEY_BYTES);
  const old = held.key.length > 0 ? [...held.old, { key: held.key, version: held.version }] : held.old;
  await changeRecovery(step.tx, { ...EMPTY_RECOVERY, key, state, old });
  return key;
}

/** The person wrote group `group` (from 0) of the key. Throws HomeError `no-recovery-key`, `bad-recovery-key`. */
export async function confirm(step: Step, group: number, text: string): Promise<void> {
  const held = await loadRecovery(step.tx);
  const state = nextState(held.state, "confirm");
  const expected = groupsOf(spellKey(held.key))[group];
  if (expected === undefined || !isGroup(text, expected)) throw error("bad-recovery-key");
  await changeRecovery(step.tx, { state });
}

/** What the backup is to hold now. seed: of the account key. */
export async function collect(look: Look, seed: Uint8Array): Promise<Backup> {
  let found: Backup | undefined;
  for (const [helpers, most] of FITS) {
    found = await collectSome(look, { seed, helpers, most });
    if (encodeBackup(found).length <= PLAIN_BYTES) return found;
  }
  if (!found) throw error("wrong-call", "no backup");
  return withFewerPeople(found);
}

/** The people to ask first, then those whose number was compared: whoever has a link becomes a contact. */
function withFewerPeople(found: Backup): Backup {
  const asked = new Set(found.chats.flatMap(({ helpers }) => helpers.map(([who]) => rows.idOf(who))));
  const rank = (p: BackupPerson): number =>
    (asked.has(rows.idOf(p.account_id)) ? 0 : 2) + (p.verified_pub === null ? 1 : 0);
  let people = [...found.people].sort((a, b) => rank(a) - rank(b));
  let fewer = { ...found, people };
  while (people.length > 0 && encodeBackup(fewer).length > PLAIN_BYTES) {
    people = people.slice(0, Math.floor((people.length * 15) / 16));
    fewer = { ...found, people };
  }
  return fewer;
}

interface Share {
  readonly seed: Uint8Array;
  readonly helpers: number;
  readonly most: number;
}

async function collectSome(look: Look, { seed, helpers, most }: Share): Promise<Backup> {
  const { profile } = look;
  const accountRows = await rows.allAccounts(look.tx);
  const blocked = new Set(accountRows.filter((a) => a.blocked).map((a) => a.account_id));
  const kept = (await rows.allChats(look.tx)).filter((c) => isKept(c) && !blocked.has(c.peer)).slice(0, most);
  const chats = kept.map((chat) => chatOf(chat, profile.account_id, helpers));
  const needed = new Set(chats.flatMap((chat) => chat.helpers.map(([who]) => rows.idOf(who))));
  const people = accountRows.filter((a) => a.account_id !== profile.account_id);
  return {
    seed,
    account_id: rows.bytesOf(profile.account_id),
    server_name: profile.server_name,
    name: profile.name,
    profile_token: profile.profile_token,
    own_list: (await accounts.known(look, profile.account_id)).list_object,
    people: people.filter((a) => a.contact || a.blocked || needed.has(a.account_id)).map(personOf),
    chats,
    privacy: await rows.loadPrivacy(look.tx),
    arranged: await arrangedOf(look, kept),
    blocked: blockedOf(people),
  };
}

/** Nobody asks to come back into what is over, nor into what was not accepted or was only made to ask by a link. */
const isKept = ({ merged, status, request, quiet }: Chat): boolean =>
  merged === "" && status !== "removed" && status !== "left" && request === "" && !quiet;

/** Who is blocked, then who is no more, as many as fit, the latest first; told in the order of their ids. */
function blockedOf(people: readonly Account[]): BackupBlocked[] {
  const decided = people.filter((a) => a.blocked_at > 0);
  decided.sort((a, b) => Number(b.blocked) - Number(a.blocked) || b.blocked_at - a.blocked_at);
  const told = decided.slice(0, BLOCKED_MAX).sort((a, b) => rows.compareIds(a.account_id, b.account_id));
  return told.map(({ account_id, blocked, blocked_at }) => [rows.bytesOf(account_id), blocked, blocked_at]);
}

/** Pins, archive and mute of these chats: no drafts, whose changes would show when somebody writes. */
async function arrangedOf(look: Look, kept: readonly Chat[]): Promise<Setting[]> {
  const found: Setting[] = [];
  for (const { gid } of [...kept].sort((a, b) => rows.compareIds(a.gid, b.gid))) {
    const { registers } = await rows.loadArranged(look.tx, gid);
    for (const which of Object.keys(registers).map(Number)) {
      const register = registers[which];
      if (which !== DRAFT && register) found.push({ gid: rows.bytesOf(gid), which, register });
    }
  }
  return found.slice(0, ENTRIES);
}

function chatOf(chat: Chat, own: Id, most: number): BackupChat {
  const others = rows.accountsOf(chat).filter((who) => who !== own);
  if (chat.peer !== "" && !others.includes(chat.peer)) others.push(chat.peer);
  const asked = others.sort((a, b) => groups.roleOf(chat, b) - groups.roleOf(chat, a)).slice(0, most);
  const helpers = asked.map((who) => [rows.bytesOf(who), chat.roles[who] ?? 0] as const);
  return { gid: rows.bytesOf(chat.gid), kind: chat.kind, title: chat.title, last_activity: chat.activity, helpers };
}

function personOf(account: Account): BackupPerson {
  const { name, contact, contact_token: token, verified, verified_pub: key } = account;
  return {
    account_id: rows.bytesOf(account.account_id),
    name,
    contact_token: token.length > 0 ? token : null,
    contact,
    verified_pub: verified && key.length > 0 ? key : null,
  };
}

/** What tells whether a stored backup is still the right one. When a chat was used last is no reason to renew it. */
export function digestOf(held: Backup): Uint8Array {
  const sorted = [...held.chats].sort((a, b) => rows.compareIds(rows.idOf(a.gid), rows.idOf(b.gid)));
  const chats = sorted.map((chat) => ({ ...chat, last_activity: 0 }));
  return sha256(encodeBackup({ ...held, chats, seed: NO_SEED }));
}

/** Whether what the server holds is what it should hold. */
export async function isCurrent(look: Look): Promise<boolean> {
  const { digest } = await loadRecovery(look.tx);
  return digest.length > 0 && equal(digest, digestOf(await collect(look, NO_SEED)));
}

/** The errand that is open, if any: store the backup first, then delete those of keys before. */
export async function findWant(look: Look): Promise<BackupWant | undefined> {
  const session = await look.session();
  if (session.rolled_back || session.revoked) return undefined;
  const { key, stored_at, again_at, old } = await loadRecovery(look.tx);
  const again = again_at > 0 && again_at <= look.now;
  const due = again || (stored_at > 0 && look.now - stored_at >= RENEW_AFTER_MS);
  if (key.length > 0 && (due || !(await isCurrent(look)))) return { want: "backup", key };
  return old[0] && { want: "forget", key: old[0].key };
}

/** The next version, sealed; undefined where the key was replaced meanwhile. Throws Malformed `too-big`. */
export async function seal(step: Step, want: BackupWant): Promise<SealedBackup | undefined> {
  const held = await loadRecovery(step.tx);
  if (!equal(held.key, want.key)) return undefined;
  const seed = await step.secrets.open("account-seed");
  if (seed?.length !== 32) throw error("not-permitted", "no account key here");
  try {
    const secrets = await deriveSecrets(held.key);
    const [content, version] = [await collect(step, seed), held.version + 1];
    const blob = await sealBackup(secrets, encodeBackup(content), { version, nonce: step.rng(NONCE_BYTES) });
    const sig = await signBackup(secrets, blob, version);
    const request = { auth_pub: secrets.authPub, version, blob, sig };
    return { locator: secrets.locator, request, digest: digestOf(content) };
  } finally {
    seed.fill(0);
  }
}

/** The server holds this version durably. */
export async function takeStored(step: Step, want: BackupWant, sealed: SealedBackup): Promise<void> {
  const held = await loadRecovery(step.tx);
  if (!equal(held.key, want.key)) return;
  const version = Math.max(held.version, sealed.request.version);
  await changeRecovery(step.tx, { version, digest: sealed.digest, stored_at: step.now, again_at: 0, problem: "" });
}

/**
 * Another device of ours, or this store before it was put back, wrote a newer version: ours goes above it.
 *
 * refused: the version that was called stale. Throws Malformed for one that our key did not sign, Conflict
 * `stale-backup` for one that is below: who serves that refuses for no reason, and would be asked for ever.
 */
export async function takeNewer(step: Step, want: BackupWant, stored: StoredBackup, refused: number): Promise<void> {
  const { locator, authPub } = await deriveSecrets(want.key);
  await checkBackup(locator, stored);
  if (!equal(stored.auth_pub, authPub)) throw error("bad-signature", "a backup of another key");
  if (stored.version < refused) throw error("stale-backup", "no newer one is there");
  const held = await loadRecovery(step.tx);
  if (equal(held.key, want.key)) await changeRecovery(step.tx, { version: Math.max(held.version, stored.version) });
}

/** What deletes the backup of a key, whatever version it has. */
export async function deletion(key: Uint8Array): Promise<Deletion> {
  const secrets: Secrets = await deriveSecrets(key);
  const sig = await signDeletion(secrets, LAST_VERSION);
  return { locator: secrets.locator, request: { auth_pub: secrets.authPub, version: LAST_VERSION, sig } };
}

/**
 * Renew no backup any more; the keys of all those of this account that we knew of. Each is kept until its backup is known
 * to be gone (`takeForgotten`), or a cut would leave one for good.
 */
export async function forget(step: Step): Promise<readonly OldKey[]> {
  const held = await loadRecovery(step.tx);
  const old = held.key.length > 0 ? [...held.old, { key: held.key, version: held.version }] : held.old;
  await changeRecovery(step.tx, { ...EMPTY_RECOVERY, old });
  return old;
}

/** The backup of this key is gone. */
export async function takeForgotten(step: Step, key: Uint8Array): Promise<void> {
  const { old } = await loadRecovery(step.tx);
  await changeRecovery(step.tx, { old: old.filter((one) => !equal(one.key, key)), problem: "" });
}

/** The server refused; it is tried again later. */
export async function noteProblem(step: Step, code: string): Promise<void> {
  await changeRecovery(step.tx, { problem: code });
}
