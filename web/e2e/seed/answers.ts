/** Answers of the seed's calls, computed from the world as the real core would from its store. */
import type {
  BridgesPreview,
  ChatLine,
  ChatView,
  ContactPage,
  ContactView,
  InvitePreview,
  LastLine,
  MemberView,
  MessageView,
  Person,
  ServerView,
} from "../../src/core/api.ts";
import { isConnected } from "../../src/state/route.ts";
import { BRIDGES } from "./routes.ts";
import { cipherHead } from "./scenes.ts";
import {
  DAY,
  MINUTE,
  hexOf,
  idOf,
  must,
  person,
  stream,
  type SeedChat,
  type SeedMessage,
  type World,
} from "./world.ts";

export class Refused extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export function findChat(world: World, id: string): SeedChat {
  const chat = world.chats.find((one) => one.id === id);
  if (chat === undefined) throw new Refused("unknown-chat");
  return chat;
}

export function findMessage(chat: SeedChat, id: string): SeedMessage {
  const message = chat.messages.find((one) => one.id === id);
  if (message === undefined) throw new Refused("gone");
  return message;
}

function lastLine(chat: SeedChat): LastLine | undefined {
  const last = chat.messages.at(-1);
  if (last === undefined) return undefined;
  const { sender, own, state, at, text, files, notice, deleted } = last;
  return {
    sender,
    own,
    state,
    at,
    deleted,
    files,
    ...(text === undefined ? {} : { text }),
    ...(notice === undefined ? {} : { notice }),
  };
}

function isVerified(world: World, account: string | undefined): boolean {
  return world.contacts.some((contact) => contact.account === account && contact.verified);
}

export function chatLine(world: World, chat: SeedChat): ChatLine {
  const last = lastLine(chat);
  return {
    id: chat.id,
    kind: chat.kind,
    title: chat.title,
    status: chat.status,
    ...(chat.peer === undefined ? {} : { peer: chat.peer }),
    verified: isVerified(world, chat.peer),
    blocked: world.blocked.has(chat.peer ?? ""),
    gone: false,
    pending: chat.asked === true,
    activity: last?.at ?? world.now,
    unread: chat.unread,
    mentioned: chat.mentioned,
    pinned: chat.pinned > 0,
    archived: chat.archived,
    muted: chat.muted_until > world.now,
    muted_until: chat.muted_until,
    timer: chat.timer ?? 0,
    ...(chat.draft === undefined ? {} : { draft: chat.draft }),
    failed: chat.messages.some((message) => message.state === "failed"),
    ...(last === undefined ? {} : { last }),
  };
}

export function chatLines(world: World): readonly ChatLine[] {
  const at = (line: ChatLine): number => world.chats.find(({ id }) => id === line.id)?.pinned || Infinity;
  const lines = world.chats.map((chat) => chatLine(world, chat)).sort((a, b) => b.activity - a.activity);
  return [
    ...lines.filter(({ pinned }) => pinned).sort((a, b) => at(a) - at(b)),
    ...lines.filter(({ pinned }) => !pinned),
  ];
}

function memberView(world: World, chat: SeedChat, index: number): MemberView {
  const member = must(chat.members[index]);
  return {
    ...member.person,
    role: member.role,
    devices: member.devices,
    self: member.person.account === world.me?.account,
    contact: world.contacts.some((contact) => contact.account === member.person.account),
    verified: isVerified(world, member.person.account),
  };
}

/** Whether so many devices are more than a group that is protected against quantum computers has. */
export function isLarge(members: readonly { readonly devices: number }[]): boolean {
  return members.reduce((sum, { devices }) => sum + devices, 0) > 128;
}

export function chatView(world: World, id: string): ChatView {
  const chat = findChat(world, id);
  const role = chat.members.find((member) => member.person.account === world.me?.account)?.role ?? "member";
  const active = chat.status === "active";
  const leads = active && chat.kind === "group" && role !== "member";
  const perms = chat.perms ?? { send: false, add: true, info: true, timer: true, link: true };
  const silenced = chat.kind === "group" && perms.send && role === "member";
  const first = chat.unread > 0 ? chat.messages.at(-Math.min(chat.unread, chat.messages.length)) : undefined;
  return {
    ...chatLine(world, chat),
    role,
    members: chat.members.map((_, index) => memberView(world, chat, index)),
    epoch: chat.epoch,
    suite: isLarge(chat.members) ? 1 : 0x53,
    quantum: isLarge(chat.members) ? "large" : "protected",
    may: {
      send:
        (active || chat.status === "creating" || chat.status === "rejoining") &&
        !chat.keyChanged &&
        !silenced &&
        !world.blocked.has(chat.peer ?? ""),
      add: leads,
      remove: leads,
      rename: leads,
      roles: active && chat.kind === "group" && role === "owner",
      timer: active && (chat.kind !== "group" || role !== "member"),
      rules: leads,
      link: leads,
      grow: leads && !isLarge(chat.members),
    },
    ...(chat.growth && { growth: chat.growth }),
    ...(chat.kind === "group" && { perms }),
    unshown: chat.unshown ?? 0,
    key_changed: chat.keyChanged,
    not_introduced: chat.notIntroduced ?? [],
    ...(chat.replyDraft === undefined ? {} : { reply_draft: chat.replyDraft }),
    ...(first === undefined ? {} : { first_unread: first.id }),
  };
}

/** The message without what only the seed knows. */
export function messageView(message: SeedMessage): MessageView {
  const { versions: _versions, deliveredAt: _delivered, readAt: _read, ...view } = message;
  return structuredClone(view) as MessageView;
}

export function page(
  chat: SeedChat,
  a: { before?: number; after?: number; around?: string; limit: number },
): readonly MessageView[] {
  const all = chat.messages;
  const { before, after } = a;
  let start = Math.max(0, all.length - a.limit);
  if (a.around !== undefined) {
    const index = all.findIndex((message) => message.id === a.around);
    start = Math.max(0, (index < 0 ? all.length : index) - Math.floor(a.limit / 2));
  } else if (after !== undefined) {
    const index = all.findIndex((message) => message.n > after);
    start = index < 0 ? all.length : index;
  } else if (before !== undefined) {
    const end = all.findIndex((message) => message.n >= before);
    const stop = end < 0 ? all.length : end;
    return all.slice(Math.max(0, stop - a.limit), stop).map(messageView);
  }
  return all.slice(start, start + a.limit).map(messageView);
}

function digits(name: string): string {
  const next = stream("safety " + name);
  return Array.from({ length: 12 }, () => String(Math.floor(next() * 100_000)).padStart(5, "0")).join(" ");
}

function contactOf(world: World, account: string): ContactView {
  const known = world.contacts.find((contact) => contact.account === account);
  if (known !== undefined) return { ...known };
  const member = world.chats.flatMap((chat) => chat.members).find((one) => one.person.account === account);
  if (member === undefined || account === world.me?.account) throw new Refused("unknown-contact");
  return { ...member.person, verified: false, devices: member.devices };
}

export function contactPage(world: World, account: string): ContactPage {
  const changed = world.keyChanged.has(account);
  return {
    ...contactOf(world, account),
    safety_number: digits(account + (changed ? " changed" : "")),
    safety_qr: idOf("safety " + account, 140),
    key_changed: changed,
    blocked: world.blocked.has(account),
    groups: world.chats
      .filter((chat) => chat.kind === "group" && chat.members.some((member) => member.person.account === account))
      .map(({ id, title }) => ({ id, title })),
  };
}

/** Reads a link of the seed: words inside choose what it is (expired, operator, self, contact, bridges, bad). */
export function invitePreview(world: World, text: string): InvitePreview {
  const fragment = text.trim().split("#").at(-1) ?? "";
  if (fragment.length < 8 || fragment.includes("bad")) throw new Refused("bad-link");
  const expired = fragment.includes("expired");
  const base = {
    server_name: "home.example",
    asks: fragment.includes("asking"),
    code: !fragment.includes("asking"),
    expired,
    bridges: fragment.includes("bridges") ? BRIDGES : [],
    expires_at: world.now + (expired ? -DAY : 30 * DAY),
  };
  if (fragment.includes("operator")) return { ...base, known: "no" };
  if (fragment.includes("self") && world.me !== undefined)
    return { ...base, name: world.me.name, account: world.me.account, known: "self" };
  const who: Person = fragment.includes("contact") ? person("Marta Lindqvist") : person("Ирина");
  return {
    ...base,
    ...who,
    known: world.contacts.some((contact) => contact.account === who.account) ? "contact" : "no",
  };
}

/** Reads a bridge link of the seed: words inside choose what it is (foreign, known, single, bad). */
export function bridgesPreview(text: string): BridgesPreview {
  const payload = /(?:\/b#|^zajil:)([\w-]{8,})$/.exec(text.trim())?.[1];
  if (payload === undefined || payload.includes("bad")) throw new Refused("bad-link");
  return {
    hosts: payload.includes("single") ? BRIDGES.slice(0, 1) : BRIDGES,
    ours: !payload.includes("foreign"),
    known: payload.includes("known"),
  };
}

const COLUMNS: readonly (readonly [table: string, name: string, kind: string])[] = [
  ["message", "id", "identifier"],
  ["message", "kind", "counter"],
  ["message", "epoch", "counter"],
  ["message", "ts", "time"],
  ["message", "body", "ciphertext"],
  ["message", "refs", "counter"],
  ["message", "expires", "time"],
  ["mailbox_item", "mailbox_id", "identifier"],
  ["mailbox_item", "seq", "counter"],
  ["mailbox_item", "message_id", "identifier"],
  ["mailbox_item", "size", "counter"],
  ["mailbox_item", "via", "identifier"],
];

export function serverView(world: World, chat: SeedChat, message: SeedMessage): ServerView {
  const absent = ["sender", "recipients", "names", "text", "members"] as const;
  if (message.state === "queued" || message.state === "failed") return { now: "not-sent", absent };
  const held = world.now - message.at < 30 * MINUTE && isConnected(world.connection);
  const size = 1024 + (message.text !== undefined && message.text.length > 300 ? 1024 : 0);
  const row = {
    id: idOf("server " + message.id),
    seq: 4000 + message.n,
    kind: 2,
    gid: idOf("gid " + chat.id),
    epoch: chat.epoch,
    at: message.at + 41,
    size,
    digest: idOf("digest " + message.id, 43),
    head: cipherHead(message.id),
  };
  const now = isConnected(world.connection) ? (held ? "held" : "deleted") : "unknown";
  if (now !== "held") return { row, now, absent };
  const expires = Math.floor(row.at / 1000) + 30 * 86_400;
  const values: Record<string, string> = {
    id: row.id,
    kind: "2",
    epoch: String(row.epoch),
    ts: String(row.at),
    body: hexOf("sealed " + row.id, 64),
    refs: String(chat.members.length),
    expires: String(expires),
    mailbox_id: idOf("mailbox"),
    seq: String(row.seq),
    message_id: row.id,
    size: String(size),
    via: hexOf("via " + chat.id, 8),
  };
  return {
    row,
    now,
    absent,
    columns: COLUMNS.map(([table, name, kind]) => ({ table, name, class: kind, value: values[name] ?? "" })),
  };
}
