/**
 * What the seed's scenes are made of: a small world in memory with a fixed clock, and helpers to fill it. Nothing here is
 * random: ids come from names. Only the seed build (`vite --mode seed`) and the screenshots use it.
 */
import type {
  ContactRequest,
  ChatKind,
  ChatStatus,
  Connection,
  ContactView,
  DeviceView,
  FileView,
  Health,
  Lead,
  LinkProgress,
  Me,
  Mention,
  MessageState,
  MessageView,
  Notice,
  Perms,
  Person,
  Role,
  Settings,
  UploadView,
} from "../../src/core/api.ts";

/** The seed's present: 14 October 2026, 15:42 UTC. */
export const NOW = Date.UTC(2026, 9, 14, 15, 42);
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export type SeedMessage = Mutable<MessageView> & {
  versions: { text: string; at: number }[];
  deliveredAt?: number;
  readAt?: number;
};

export interface SeedMember {
  person: Person;
  role: Role;
  devices: number;
}

export interface SeedChat {
  id: string;
  kind: ChatKind;
  title: string;
  status: ChatStatus;
  peer?: string;
  members: SeedMember[];
  epoch: number;
  unread: number;
  mentioned: boolean;
  /** Unix ms, 0: not. */
  pinned: number;
  archived: boolean;
  muted_until: number;
  timer?: number;
  /** Of a group; absent: everybody writes, admins do the rest. */
  perms?: Perms;
  unshown?: number;
  notIntroduced?: readonly Person[];
  /** Room for more devices is being made; failed: code of what ended that. */
  growth?: { failed?: string };
  draft?: string;
  replyDraft?: string;
  keyChanged: boolean;
  /** We asked, and they have not answered. */
  asked?: boolean;
  messages: SeedMessage[];
}

export interface World {
  scene: string;
  now: number;
  me?: Mutable<Me>;
  lead: Lead;
  /** How the app lock stands; undefined: it is off. */
  lock: "open" | "closed" | undefined;
  health: Mutable<Health>;
  connection: Mutable<Connection>;
  registration: "invite" | "open";
  settings: Mutable<Settings>;
  contacts: Mutable<ContactView>[];
  keyChanged: Set<string>;
  blocked: Set<string>;
  requests: ContactRequest[];
  devices: DeviceView[];
  chats: SeedChat[];
  uploads: UploadView[];
  /** What start_linking tells, in order; the last one stays. */
  linking: readonly LinkProgress[];
  /** Calls that answer with this code instead, by name. */
  refuse: Map<string, string>;
  /** Calls that never answer. */
  silent: Set<string>;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** What a scene relies on; a seed that lacks it is a mistake in the seed. */
export function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the seed lacks something");
  return value;
}

/** A number 0..1 stream from a name; the same each time. */
export function stream(name: string): () => number {
  let state = 2166136261;
  for (const byte of new TextEncoder().encode(name)) state = Math.imul(state ^ byte, 16777619) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** An id that looks like one of ours, made of a name. */
export function idOf(name: string, length = 22): string {
  const next = stream(name);
  return Array.from({ length }, () => ALPHABET[Math.floor(next() * 64)]).join("");
}

export function hexOf(name: string, bytes: number): string {
  const next = stream(name);
  return Array.from({ length: bytes }, () =>
    Math.floor(next() * 256)
      .toString(16)
      .padStart(2, "0"),
  ).join("");
}

export function person(name: string): Person {
  return { account: idOf("account " + name), name };
}

/** One line of a scripted conversation. `gap`: minutes since the line before it. */
export interface Line {
  readonly who?: string;
  readonly text?: string;
  readonly files?: readonly FileView[];
  readonly gap?: number;
  /** Lines back to the quoted one. */
  readonly reply?: number;
  readonly react?: readonly (readonly [emoji: string, ...by: string[]])[];
  readonly before?: string;
  readonly deleted?: true;
  readonly notice?: { code: Notice["code"]; by?: string; whom?: readonly string[]; text?: string };
  readonly state?: MessageState;
  readonly reason?: string;
  /** Seconds after which it disappears. */
  readonly span?: number;
  /** Its time runs, and so much is left of it; ms. */
  readonly left?: number;
  /** What it answers has disappeared. */
  readonly quoteGone?: true;
}

const ME = "me";
/** The person of a script's name; "me" is the account of this browser. */
export function actor(name: string, me: Person): Person {
  return name === ME ? me : person(name);
}

function mentionsIn(text: string, people: readonly Person[], me: Person): Mention[] {
  const found: Mention[] = [];
  for (const one of people) {
    const mark = "@" + one.name;
    const start = text.indexOf(mark);
    if (start >= 0) found.push({ start, end: start + mark.length, person: one, self: one.account === me.account });
  }
  return found.sort((a, b) => a.start - b.start);
}

function noticeOf(line: NonNullable<Line["notice"]>, me: Person): Notice {
  return {
    code: line.code,
    ...(line.by === undefined ? {} : { by: actor(line.by, me) }),
    ...(line.whom === undefined ? {} : { whom: line.whom.map((name) => actor(name, me)) }),
    ...(line.text === undefined ? {} : { text: line.text }),
  };
}

/** A message as the world holds it, with what may be done to it. */
export function seedMessage(chat: SeedChat, line: Line, at: number, me: Person): SeedMessage {
  const sender = actor(line.who ?? ME, me);
  const own = sender.account === me.account && line.notice === undefined;
  const n = (chat.messages.at(-1)?.n ?? 0) + 1;
  const quoted = line.reply === undefined ? undefined : chat.messages[chat.messages.length - line.reply];
  const alive = line.notice === undefined && line.deleted === undefined;
  return {
    id: idOf(`message ${chat.id} ${n}`, 43),
    chat: chat.id,
    n,
    at,
    sender,
    own,
    state: line.state ?? (own ? "read" : "received"),
    ...(line.reason === undefined ? {} : { reason: line.reason }),
    ...(alive && (line.text ?? line.files) !== undefined ? { text: line.text ?? "" } : {}),
    files: line.files ?? [],
    mentions:
      alive && line.text !== undefined ? mentionsIn(line.text, [...chat.members.map((m) => m.person), me], me) : [],
    ...(quoted === undefined
      ? {}
      : {
          quote: {
            id: quoted.id,
            sender: quoted.sender,
            files: quoted.files,
            ...(line.quoteGone ? { expired: true as const } : quoted.text === undefined ? {} : { text: quoted.text }),
          },
        }),
    reactions: (line.react ?? []).map(([emoji, ...by]) => ({
      emoji,
      by: by.map((name) => actor(name, me)),
      own: by.includes(ME),
    })),
    edited: line.before !== undefined,
    deleted: line.deleted === true,
    ...(line.notice === undefined ? {} : { notice: noticeOf(line.notice, me) }),
    ...(line.span === undefined ? {} : { expire_s: line.span }),
    ...(line.left === undefined ? {} : { expires_at: NOW + line.left }),
    may: {
      edit: alive && own && at > NOW - DAY,
      delete_for_all: alive && own,
      react: alive,
      reply: alive,
      report: alive && !own,
    },
    versions: line.before === undefined ? [] : [{ text: line.before, at }],
  };
}

/** Fills a chat so that its last line is at `end`. */
export function fill(chat: SeedChat, lines: readonly Line[], end: number, me: Person): void {
  const total = lines.slice(1).reduce((sum, line) => sum + (line.gap ?? 1), 0);
  let at = end - total * MINUTE;
  lines.forEach((line, index) => {
    if (index > 0) at += (line.gap ?? 1) * MINUTE;
    chat.messages.push(seedMessage(chat, line, at, me));
  });
}
