/** The typed reads and writes of each table. Twin of zajil.client.state.rows; the rows themselves are in `shapes`. */
import { decode, encode } from "@msgpack/msgpack";
import { DRAFT, encodeDraft } from "../../protocol/chat/arranging.ts";
import { encodeB64, parseB64 } from "../../protocol/ids.ts";
import type { ReadTx, Tx } from "../store/types.ts";
import {
  EMPTY_ACCOUNT,
  EMPTY_CHAT,
  EMPTY_ITEM,
  EMPTY_MESSAGE,
  EMPTY_SESSION,
  type Account,
  type Arranged,
  type Chat,
  type Early,
  type Id,
  type Intent,
  type Item,
  type ItemKind,
  type Member,
  type Privacy,
  type Profile,
  type Session,
  type StoredMessage,
} from "./shapes.ts";

export * from "./shapes.ts";

const TEXT = new TextEncoder();
const SESSION = TEXT.encode("session");
const PROFILE = TEXT.encode("profile");
const PRIVACY = TEXT.encode("privacy");
const CALL = TEXT.encode("call");

/** MessagePack of a row. */
export function encodeRow(row: object): Uint8Array {
  return encode(row, { ignoreUndefined: true });
}

/** The row behind `encodeRow`; `base` fills fields that an older version did not write. Rows are sealed: ours alone. */
export function parseRow<T extends object>(data: Uint8Array, base?: Partial<T>): T {
  const row = decode(data) as T;
  return base === undefined ? row : { ...base, ...row };
}

/** An intent with the fields that matter. */
export function makeIntent(op: Intent["op"], fields: Partial<Intent> = {}): Intent {
  return {
    op,
    account: "",
    accounts: [],
    devices: [],
    last_epoch: null,
    title: null,
    role: null,
    timer: null,
    ...fields,
  };
}

/** Whether an intent needs claimed KeyPackages. */
export function intentAdds(intent: Intent): boolean {
  return intent.op === "add" || intent.op === "add-device" || intent.op === "readd";
}

/** Whether two intents say the same. */
export function sameIntent(a: Intent | null, b: Intent): boolean {
  return a !== null && JSON.stringify(a) === JSON.stringify(b);
}

/** A fresh outbox row. */
export function makeItem(gid: Id, kind: ItemKind, at: number, fields: Partial<Item> = {}): Item {
  return { ...EMPTY_ITEM, gid, kind, state: "queued", at, ...fields };
}

/** Accounts in the tree, by lowest leaf. */
export function accountsOf(chat: Chat): readonly Id[] {
  return [...new Set(chat.members.map((member) => member.account))];
}

/** Leaf of a device, undefined when it is not in the tree. */
export function leafOf(chat: Chat, account: Id, device: number): number | undefined {
  return chat.members.find((m) => m.account === account && m.device === device)?.leaf;
}

/** The member at a leaf. */
export function memberAt(chat: Chat, leaf: number): Member | undefined {
  return chat.members.find((m) => m.leaf === leaf);
}

/** The chat of a group. */
export async function findChat(tx: ReadTx, gid: Id): Promise<Chat | undefined> {
  const data = await tx.find("chat", parseB64(gid));
  return data === undefined ? undefined : parseRow<Chat>(data, EMPTY_CHAT);
}

/** The chat of a group that exists. */
export async function loadChat(tx: ReadTx, gid: Id): Promise<Chat> {
  const chat = await findChat(tx, gid);
  if (chat === undefined) throw new Error("no such chat");
  return chat;
}

/** Write a chat and return it. */
export async function saveChat(tx: Tx, chat: Chat): Promise<Chat> {
  await tx.put("chat", parseB64(chat.gid), encodeRow(chat));
  return chat;
}

/** Every chat, latest activity first. */
export async function allChats(tx: ReadTx): Promise<Chat[]> {
  const chats = (await tx.scan("chat")).map((data) => parseRow<Chat>(data, EMPTY_CHAT));
  return chats.sort((a, b) => b.activity - a.activity || compareIds(a.gid, b.gid));
}

/** Order of ids as of their bytes: negative, 0 or positive. */
export function compareIds(a: Id, b: Id): number {
  const left = parseB64(a);
  const right = parseB64(b);
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** What we know of an account. */
export async function findAccount(tx: ReadTx, accountId: Id): Promise<Account | undefined> {
  const data = await tx.find("account", parseB64(accountId));
  return data === undefined ? undefined : parseRow<Account>(data, EMPTY_ACCOUNT);
}

/** Write an account and return it. */
export async function saveAccount(tx: Tx, account: Account): Promise<Account> {
  await tx.put("account", parseB64(account.account_id), encodeRow(account));
  return account;
}

/** Every account we know. */
export async function allAccounts(tx: ReadTx): Promise<Account[]> {
  const accounts = (await tx.scan("account")).map((data) => parseRow<Account>(data, EMPTY_ACCOUNT));
  return accounts.sort((a, b) => compareIds(a.account_id, b.account_id));
}

/** Outbox rows in order, of one chat or all. */
export async function items(tx: ReadTx, gid?: Id): Promise<[number, Item][]> {
  const found = await tx.rows("outbox", gid === undefined ? undefined : parseB64(gid));
  return found.map(([n, data]) => [n, parseRow<Item>(data, EMPTY_ITEM)]);
}

/** Where we stand with the server. */
export async function loadSession(tx: ReadTx): Promise<Session> {
  const data = await tx.find("meta", SESSION);
  return data === undefined ? EMPTY_SESSION : parseRow<Session>(data, EMPTY_SESSION);
}

/** Write it and return it. */
export async function saveSession(tx: Tx, session: Session): Promise<Session> {
  await tx.put("meta", SESSION, encodeRow(session));
  return session;
}

/** This device, undefined before registration stored it. */
export async function findProfile(tx: ReadTx): Promise<Profile | undefined> {
  const data = await tx.find("meta", PROFILE);
  return data === undefined ? undefined : parseRow<Profile>(data);
}

/** Write it and return it. */
export async function saveProfile(tx: Tx, profile: Profile): Promise<Profile> {
  await tx.put("meta", PROFILE, encodeRow(profile));
  return profile;
}

/** A message or other line of a chat with its number. */
export async function findMessage(tx: ReadTx, id: Id): Promise<[number, StoredMessage] | undefined> {
  const found = await tx.lookup("message", parseB64(id));
  return found === undefined ? undefined : [found[0], parseMessage(found[1])];
}

/** The row of a message. */
export function parseMessage(data: Uint8Array): StoredMessage {
  return parseRow<StoredMessage>(data, EMPTY_MESSAGE);
}

/** Write row `n`. */
export async function saveMessage(tx: Tx, n: number, message: StoredMessage): Promise<StoredMessage> {
  await tx.replace("message", n, encodeRow(message));
  return message;
}

/** How a chat is arranged. */
export async function loadArranged(tx: ReadTx, gid: Id): Promise<Arranged> {
  const data = await tx.find("draft", parseB64(gid));
  const base = { gid, registers: {}, due: 0, told: null };
  if (data === undefined) return base;
  const row = parseRow<Arranged | OldDraft>(data);
  if ("registers" in row) return { ...base, ...row };
  const reply_to = row.reply_to === "" ? null : parseB64(row.reply_to);
  return { ...base, registers: { [DRAFT]: [0, encodeDraft({ text: row.text, reply_to })] } };
}

/** What stood there before chats were arranged: nothing but a draft. */
interface OldDraft {
  readonly text: string;
  readonly reply_to: Id;
}

/** How every chat is arranged of which anything but an old draft is known. */
export async function allArranged(tx: ReadTx): Promise<Arranged[]> {
  return (await tx.scan("draft")).map((data) => parseRow<Arranged>(data)).filter((row) => "registers" in row);
}

/** Write it. */
export function saveArranged(tx: Tx, arranged: Arranged): Promise<void> {
  return tx.put("draft", parseB64(arranged.gid), encodeRow(arranged));
}

/** The switches. */
export async function loadPrivacy(tx: ReadTx): Promise<Privacy> {
  const data = await tx.find("meta", PRIVACY);
  return data === undefined ? { receipts: true, typing: true, at: 0 } : parseRow<Privacy>(data);
}

/** Write them and return them. */
export async function savePrivacy(tx: Tx, privacy: Privacy): Promise<Privacy> {
  await tx.put("meta", PRIVACY, encodeRow(privacy));
  return privacy;
}

/** The record of the call this device is in. */
export function findCall(tx: ReadTx): Promise<Uint8Array | undefined> {
  return tx.find("meta", CALL);
}

/** Write it; null removes it. */
export async function saveCall(tx: Tx, record: Uint8Array | null): Promise<void> {
  if (record) await tx.put("meta", CALL, record);
  else await tx.delete("meta", CALL);
}

/** What came early for a message. It lives in `known`, whose rows are forgotten after 60 days. */
export async function loadEarly(tx: ReadTx, target: Id): Promise<readonly Early[]> {
  const data = await tx.find("known", earlyName(target));
  return data === undefined ? [] : (decode(data) as Early[]);
}

/** Write it; empty removes it. */
export async function saveEarly(tx: Tx, target: Id, early: readonly Early[]): Promise<void> {
  if (early.length > 0) await tx.put("known", earlyName(target), encode(early));
  else await tx.delete("known", earlyName(target));
}

function earlyName(target: Id): Uint8Array {
  return new Uint8Array([...TEXT.encode("early "), ...parseB64(target)]);
}

/** Text id of bytes. */
export function idOf(data: Uint8Array): Id {
  return encodeB64(data);
}

/** Bytes behind a text id. */
export function bytesOf(id: Id): Uint8Array {
  return parseB64(id);
}
