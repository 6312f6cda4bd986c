/**
 * Control parts: what clients tell each other inside a chat without showing it.
 *
 * SinglePart `application/vnd.zajil.control+cbor` = CBOR `[op, map]` with text keys, disposition unspecified. An unknown
 * op, and unknown keys of a known one, are ignored.
 */
import * as cbor from "../cbor.ts";
import { error } from "../errors.ts";
import { Fields } from "../fields.ts";
import type { AccountId, GroupId } from "../ids.ts";
import { NAME_BYTES, ROSTER_ENTRIES } from "../limits.ts";
import { ENTRIES, parseSettings, settingValue, type Setting } from "./arranging.ts";
import { type Part, type SinglePart, UNSPECIFIED } from "./content.ts";
import { ChatKind } from "./extensions.ts";

export const CONTROL_TYPE = "application/vnd.zajil.control+cbor";
/** Longest `call` part. */
/** Longest username, UTF-8: 32 characters. */
const USERNAME_BYTES = 128;
export const CALL_BYTES = 4096;

/** Who an account says it is. contact_token: 32 bytes, lets members fetch its lists and claim its packages. */
export interface Profile {
  readonly op: "profile";
  readonly name: string;
  readonly contact_token: Uint8Array | null;
}
/** Signed device lists of the accounts or devices that the next commit adds; unverified. */
export interface Lists {
  readonly op: "lists";
  readonly lists: readonly Uint8Array[];
}
/** The sender's account leaves; somebody commits the Remove. */
export interface Leave {
  readonly op: "leave";
}
/**
 * The sending device asks to be added to a group again.
 *
 * last_epoch: its last usable epoch, null if it has none. reason: one word for people and counters.
 */
export interface Readd {
  readonly op: "readd";
  readonly gid: GroupId;
  readonly last_epoch: number | null;
  readonly reason: string;
  readonly contact_token: Uint8Array | null;
}
/** The sending account asks to be added to a group by one of its links. contact_token: to claim its packages. */
export interface JoinRequest {
  readonly op: "join-request";
  readonly gid: GroupId;
  readonly invite_id: Uint8Array;
  readonly name: string;
  readonly contact_token: Uint8Array | null;
}
/** What became of a request, where it is not an Add. closed: the link holds no more. dropped: too many waited. */
export interface JoinAnswer {
  readonly op: "join-answer";
  readonly gid: GroupId;
  readonly invite_id: Uint8Array;
  readonly account: AccountId;
  readonly outcome: Outcome;
}
/** A later word is read as `declined`. */
export type Outcome = "declined" | "closed" | "dropped";
export const PUT_OUT_MAX = 256;
/** Whom others removed from this group, the newest last: they need a person to come back by an `auto` link. */
export interface PutOut {
  readonly op: "put-out";
  readonly accounts: readonly AccountId[];
}
/** A contact as the account's devices share it. */
export interface SyncContact {
  readonly account_id: AccountId;
  readonly name: string;
  readonly contact_token: Uint8Array | null;
}
/** A group an account is in. kind: of `ChatKind`. last_activity: Unix ms. */
export interface SyncGroup {
  readonly gid: GroupId;
  readonly kind: number;
  readonly name: string;
  readonly last_activity: number;
}
/** The two switches of an account. at: Unix ms at which they were set; the latest counts. */
export interface SyncPrivacy {
  readonly receipts: boolean;
  readonly typing: boolean;
  readonly at: number;
}
/**
 * Whom an account blocked or unblocked, of each the latest `at` (Unix ms) counts; and requests it declined.
 *
 * token: the profile token since token_at (Unix ms); of two the later counts.
 */
export interface SyncBlocked {
  readonly accounts: readonly { readonly account_id: AccountId; readonly blocked: boolean; readonly at: number }[];
  readonly token: Uint8Array;
  readonly token_at: number;
  readonly declined: readonly GroupId[];
}
/** The account's username since `at` (Unix ms), null where it was given up; the latest counts. */
export interface SyncUsername {
  readonly name: string | null;
  readonly at: number;
}
/**
 * Self group alone: what changed on the sending device. read: highest sent ms shown, per group. settings: how chats are
 * arranged, see `arranging`.
 */
export interface Sync {
  readonly op: "sync";
  readonly contacts: readonly SyncContact[];
  readonly groups: readonly SyncGroup[];
  readonly read: readonly { readonly gid: GroupId; readonly at: number }[];
  readonly seed: Uint8Array | null;
  readonly privacy: SyncPrivacy | null;
  readonly settings: readonly Setting[];
  readonly blocked?: SyncBlocked;
  readonly username?: SyncUsername;
}
/** A Sync that says nothing. */
export const EMPTY_SYNC: Sync = {
  op: "sync",
  contacts: [],
  groups: [],
  read: [],
  seed: null,
  privacy: null,
  settings: [],
};
/** The sender is writing. Sent as an ephemeral message alone, and ignored in any other. */
export interface Typing {
  readonly op: "typing";
}
/** A call signal (calls.md 4), sent once and kept in no history. fields: as written, read by whoever calls. */
export interface Call {
  readonly op: "call";
  readonly fields: ReadonlyMap<string, cbor.Value>;
}
/** An op of a later version, or a `call` that no client of ours writes: ignored. */
export interface UnknownPart {
  readonly op: "unknown";
  readonly name: string;
}
export type ControlPart = Profile | Lists | Leave | Readd | JoinRequest | JoinAnswer | PutOut | Sync | Typing | Call;

const textMap = (values: Readonly<Record<string, cbor.Value>>): cbor.Value =>
  new Map<cbor.Key, cbor.Value>(Object.entries(values));

function partValues(part: ControlPart): Readonly<Record<string, cbor.Value>> {
  switch (part.op) {
    case "profile":
      return { name: part.name, contact_token: part.contact_token };
    case "lists":
      return { lists: part.lists };
    case "leave":
    case "typing":
      return {};
    case "readd":
      return { gid: part.gid, last_epoch: part.last_epoch, reason: part.reason, contact_token: part.contact_token };
    case "join-request":
      return { gid: part.gid, invite_id: part.invite_id, name: part.name, contact_token: part.contact_token };
    case "join-answer":
      return { gid: part.gid, invite_id: part.invite_id, account: part.account, outcome: part.outcome };
    case "put-out":
      return { accounts: part.accounts };
    case "call":
      return Object.fromEntries(part.fields);
    case "sync":
      return {
        contacts: part.contacts.map(contactValue),
        groups: part.groups.map(groupValue),
        read: part.read.map(({ gid, at }) => [gid, at]),
        seed: part.seed,
        ...(part.blocked && { blocked: blockedValue(part.blocked) }),
        ...(part.username && { username: [part.username.name, part.username.at] }),
        ...(part.privacy && { privacy: [part.privacy.receipts, part.privacy.typing, part.privacy.at] }),
        ...(part.settings.length > 0 && { settings: part.settings.map(settingValue) }),
      };
  }
}

/** The message body of a control part. Throws Malformed for a `call` of more than 4,096 bytes. */
export function encodePart(part: ControlPart): SinglePart {
  const content = cbor.encode([part.op, textMap(partValues(part))]);
  if (part.op === "call" && content.length > CALL_BYTES) throw error("malformed", "call signal too long");
  return { type: "SinglePart", disposition: UNSPECIFIED, language: "", content_type: CONTROL_TYPE, content };
}

const blockedValue = ({ accounts, token, token_at, declined }: SyncBlocked): cbor.Value => [
  accounts.map((one) => [one.account_id, one.blocked, one.at]),
  token,
  token_at,
  declined,
];

/** `[account_id, name, contact_token]`. */
export const contactValue = (contact: SyncContact): cbor.Value => [
  contact.account_id,
  contact.name,
  contact.contact_token,
];
/** `[gid, kind, name, last_activity]`. */
export const groupValue = (group: SyncGroup): cbor.Value => [group.gid, group.kind, group.name, group.last_activity];

/** The contact of `contactValue`. Throws Malformed. */
export function parseContact(value: cbor.Parsed): SyncContact {
  const fields = Fields.ofArray(value, 3);
  return { account_id: fields.blob(0, 16), name: fields.text(1, NAME_BYTES), contact_token: fields.blobOrNone(2, 32) };
}

/** The group of `groupValue`. Throws Malformed. */
export function parseGroup(value: cbor.Parsed): SyncGroup {
  const fields = Fields.ofArray(value, 4);
  if (fields.number(1) > ChatKind.GROUP) throw error("malformed", "kind of chat");
  return {
    gid: fields.blob(0, 16),
    kind: fields.number(1),
    name: fields.text(2, NAME_BYTES),
    last_activity: fields.number(3),
  };
}

/** Whether a body is a control part, so never shown. */
export function isControl(part: Part): part is SinglePart {
  return part.type === "SinglePart" && part.content_type === CONTROL_TYPE;
}

/** The control part of a body. Throws Malformed. */
export function parsePart(part: SinglePart): ControlPart | UnknownPart {
  const value = cbor.parse(part.content);
  if (!Array.isArray(value) || value.length !== 2 || typeof value[0] !== "string" || !(value[1] instanceof Map)) {
    throw error("malformed", "control part");
  }
  if (value[0] === "call") return parseCall(value[1], part.content.length);
  return parseValues(value[0], new Fields(value[1]));
}

function parseCall(fields: ReadonlyMap<cbor.Key, cbor.Parsed>, size: number): Call | UnknownPart {
  const named = [...fields.keys()].every((key) => typeof key === "string");
  if (!named || size > CALL_BYTES) return { op: "unknown", name: "call" };
  return { op: "call", fields: fields as ReadonlyMap<string, cbor.Parsed> }; // as just seen
}

function parseValues(op: string, fields: Fields): ControlPart | UnknownPart {
  switch (op) {
    case "profile":
      return { op, name: fields.text("name", NAME_BYTES), contact_token: fields.blobOrNone("contact_token", 32) };
    case "lists":
      return { op, lists: fields.blobs("lists", ROSTER_ENTRIES, 4096) };
    case "leave":
    case "typing":
      return { op };
    case "readd":
      return {
        op,
        gid: fields.blob("gid", 16),
        last_epoch: fields.numberOrNone("last_epoch"),
        reason: fields.text("reason", 64),
        contact_token: fields.blobOrNone("contact_token", 32),
      };
    case "join-request":
      return {
        op,
        gid: fields.blob("gid", 16),
        invite_id: fields.blob("invite_id", 16),
        name: fields.text("name", NAME_BYTES),
        contact_token: fields.blobOrNone("contact_token", 32),
      };
    case "join-answer":
      return {
        op,
        gid: fields.blob("gid", 16),
        invite_id: fields.blob("invite_id", 16),
        account: fields.blob("account", 16),
        outcome: outcomeOf(fields.text("outcome", 64)),
      };
    case "put-out":
      return parsePutOut(fields);
    case "sync":
      return parseSync(fields);
    default:
      return { op: "unknown", name: op };
  }
}

function parsePutOut(fields: Fields): PutOut {
  const told = fields.items("accounts", PUT_OUT_MAX);
  const named = Fields.ofItems(told);
  return { op: "put-out", accounts: told.map((_, at) => named.blob(at, 16)) };
}

function outcomeOf(word: string): Outcome {
  return word === "closed" || word === "dropped" ? word : "declined";
}

function parseSync(fields: Fields): Sync {
  const read = fields.items("read", 4096).map((item) => Fields.ofArray(item, 2));
  return {
    op: "sync",
    contacts: fields.items("contacts", 4096).map(parseContact),
    groups: fields.items("groups", 4096).map(parseGroup),
    read: read.map((item) => ({ gid: item.blob(0, 16), at: item.number(1) })),
    seed: fields.blobOrNone("seed", 32),
    privacy: parsePrivacy(fields.raw("privacy")),
    settings: fields.has("settings") ? parseSettings(fields.items("settings", ENTRIES)) : [],
    ...parseBlocked(fields.raw("blocked")),
    ...parseUsername(fields.raw("username")),
  };
}

function parseUsername(value: cbor.Parsed): { username?: SyncUsername } {
  if (value === null) return {};
  const fields = Fields.ofArray(value, 2);
  return { username: { name: fields.textOrNone(0, USERNAME_BYTES), at: fields.number(1) } };
}

function parseBlocked(value: cbor.Parsed): { blocked?: SyncBlocked } {
  if (value === null) return {};
  const fields = Fields.ofArray(value, 4);
  const told = fields.items(0, 4096).map((item) => Fields.ofArray(item, 3));
  const gids = new Fields(new Map(fields.items(3, 4096).entries()));
  return {
    blocked: {
      accounts: told.map((one) => ({ account_id: one.blob(0, 16), blocked: one.flag(1), at: one.number(2) })),
      token: fields.blob(1, 32),
      token_at: fields.number(2),
      declined: fields.items(3, 4096).map((_, at) => gids.blob(at, 16)),
    },
  };
}

function parsePrivacy(value: cbor.Parsed): SyncPrivacy | null {
  if (value === null) return null;
  const fields = Fields.ofArray(value, 3);
  return { receipts: fields.flag(0), typing: fields.flag(1), at: fields.number(2) };
}
