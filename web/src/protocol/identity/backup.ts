/**
 * What the encrypted backup holds: enough to be the account again and to ask for every chat, and no message.
 * Mirrors zajil.protocol.identity.backup, where the map is described.
 */
import * as cbor from "../cbor.ts";
import { parseSettings, settingValue, type Setting } from "../chat/arranging.ts";
import { ChatKind } from "../chat/extensions.ts";
import { error, ZajilError } from "../errors.ts";
import { Fields } from "../fields.ts";
import type { AccountId, GroupId } from "../ids.ts";
import { NAME_BYTES, SERVER_NAME_BYTES } from "../limits.ts";

/** Accounts of one chat that a backup names. */
export const HELPERS_MAX = 16;
const MOST = 16_384;
const LIST_BYTES = 4096;

/** Somebody the account knows. contact: is in its contacts. verified_pub: key whose safety number was compared. */
export interface BackupPerson {
  readonly account_id: AccountId;
  readonly name: string;
  readonly contact_token: Uint8Array | null;
  readonly contact: boolean;
  readonly verified_pub: Uint8Array | null;
}

/**
 * A chat the account is in. last_activity: Unix ms. helpers: whom to ask, and their role there: 0 member, 1 admin,
 * 2 owner.
 */
export interface BackupChat {
  readonly gid: GroupId;
  readonly kind: number;
  readonly title: string;
  readonly last_activity: number;
  readonly helpers: readonly (readonly [account: AccountId, role: number])[];
}

/** All of it. seed: of the account key, 32 bytes. own_list: signed bytes. profile_token: 32 bytes. */
export interface Backup {
  readonly seed: Uint8Array;
  readonly account_id: AccountId;
  readonly server_name: string;
  readonly name: string;
  readonly profile_token: Uint8Array;
  readonly own_list: Uint8Array;
  readonly people: readonly BackupPerson[];
  readonly chats: readonly BackupChat[];
  readonly privacy: { readonly receipts: boolean; readonly typing: boolean; readonly at: number };
  /** Pins, archive and mute of chats. */
  readonly arranged: readonly Setting[];
  readonly blocked: readonly BackupBlocked[];
}

/** Who was blocked or unblocked, and when (Unix ms). */
export type BackupBlocked = readonly [account: AccountId, blocked: boolean, at: number];

/** The plaintext to seal. */
export function encodeBackup(held: Backup): Uint8Array {
  const people = held.people.map((p) => [p.account_id, p.name, p.contact_token, p.contact, p.verified_pub]);
  const chats = held.chats.map((c) => [c.gid, c.kind, c.title, c.last_activity, c.helpers]);
  const { receipts, typing, at } = held.privacy;
  const settings = new Map<cbor.Key, cbor.Value>([[1, [receipts, typing, at]]]);
  if (held.arranged.length > 0) settings.set(2, held.arranged.map(settingValue));
  if (held.blocked.length > 0) settings.set(3, held.blocked);
  return cbor.encode(
    new Map<cbor.Key, cbor.Value>([
      [1, held.seed],
      [2, held.account_id],
      [3, held.server_name],
      [4, [held.name, held.profile_token]],
      [5, held.own_list],
      [6, people],
      [7, chats],
      [8, settings],
    ]),
  );
}

/** The backup of an opened plaintext; nothing in it is verified. Throws HomeError `bad-backup`. */
export function parseBackup(data: Uint8Array): Backup {
  try {
    return parse(Fields.ofOpenMap(cbor.parse(data), [1, 2, 3, 4, 5, 6, 7, 8]));
  } catch (problem) {
    if (!(problem instanceof ZajilError)) throw problem;
    throw error("bad-backup");
  }
}

function parse(fields: Fields): Backup {
  const own = Fields.ofArray(fields.raw(4), 2);
  const settings = Fields.ofOpenMap(fields.raw(8), [1]);
  const privacy = Fields.ofArray(settings.raw(1), 3);
  return {
    seed: fields.blob(1, 32),
    account_id: fields.blob(2, 16),
    server_name: fields.text(3, SERVER_NAME_BYTES),
    name: own.text(0, NAME_BYTES),
    profile_token: own.blob(1, 32),
    own_list: fields.bytes(5, LIST_BYTES),
    people: fields.items(6, MOST).map(parsePerson),
    chats: fields.items(7, MOST).map(parseChat),
    privacy: { receipts: privacy.flag(0), typing: privacy.flag(1), at: privacy.number(2) },
    arranged: settings.has(2) ? parseSettings(settings.items(2, MOST)) : [],
    blocked: settings.has(3) ? settings.items(3, MOST).map(parseBlocked) : [],
  };
}

function parseBlocked(item: cbor.Parsed): BackupBlocked {
  const fields = Fields.ofArray(item, 3);
  return [fields.blob(0, 16), fields.flag(1), fields.number(2)];
}

function parsePerson(item: cbor.Parsed): BackupPerson {
  const fields = Fields.ofArray(item, 5);
  return {
    account_id: fields.blob(0, 16),
    name: fields.text(1, NAME_BYTES),
    contact_token: fields.blobOrNone(2, 32),
    contact: fields.flag(3),
    verified_pub: fields.blobOrNone(4, 32),
  };
}

function parseChat(item: cbor.Parsed): BackupChat {
  const fields = Fields.ofArray(item, 5);
  const kind = fields.number(1);
  if (kind > ChatKind.GROUP) throw error("malformed", "kind of chat");
  return {
    gid: fields.blob(0, 16),
    kind,
    title: fields.text(2, NAME_BYTES),
    last_activity: fields.number(3),
    helpers: fields.items(4, HELPERS_MAX).map(parseHelper),
  };
}

function parseHelper(item: cbor.Parsed): readonly [AccountId, number] {
  const fields = Fields.ofArray(item, 2);
  return [fields.blob(0, 16), fields.number(1, 2)];
}
