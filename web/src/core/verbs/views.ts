/** What tabs are shown of rows: the views of api.ts. Twin of zajil.client.listing. */
import type {
  ChatLine,
  ChatStatus,
  ChatView,
  LastLine,
  MemberView,
  Mention,
  MessageView,
  Notice,
  Person,
  Quantum,
  Quote,
  Reaction,
  Role,
} from "../api.ts";
import { isArchived } from "../../protocol/chat/arranging.ts";
import { DEFAULT_PERMISSIONS, PERMISSIONS } from "../../protocol/chat/extensions.ts";
import { SUITE_XWING, XWING_LEAVES } from "../../protocol/limits.ts";
import type { Mention as ShownMention } from "../../protocol/chat/mentions.ts";
import type { Perms } from "../joins/view.ts";
import { maySetTimer } from "../rules/chats.ts";
import { isGone } from "../rules/expiry/sweep.ts";
import * as groups from "../rules/groups.ts";
import { findGrowth, isStuck } from "../rules/heirs/ending.ts";
import { mayWrite } from "../rules/judge.ts";
import { mayLink } from "../rules/putting-out.ts";
import * as sealing from "../rules/sealing.ts";
import { isAdmin } from "../rules/talk/actions.ts";
import { mayEdit } from "../rules/talk/acts.ts";
import * as arranging from "../rules/talk/arranging.ts";
import { reread } from "../rules/talk/kept.ts";
import { isQuiet } from "../rules/messages.ts";
import { findMessage } from "../rules/talk/places.ts";
import { mentionsIn, unreadAfter } from "../rules/talk/reading.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id, StoredMessage } from "../state/rows.ts";
import type { Look } from "../state/step.ts";

const KINDS = ["self", "dm", "group"] as const;
const ROLES = ["member", "admin", "owner"] as const;

/** The name of an account, its id where we know none. */
export async function personOf(look: Look, account: Id): Promise<Person> {
  if (account === look.profile.account_id) return { account, name: look.profile.name };
  return { account, name: (await accounts.known(look, account)).name || account };
}

function statusOf(chat: Chat): ChatStatus {
  if (isStuck(chat)) return "stuck";
  const away = chat.status === "await" || chat.status === "lost";
  if (away || (chat.status === "active" && chat.asking !== null)) return "rejoining";
  return chat.status as Exclude<Chat["status"], "await" | "lost">;
}

/** A chat as the list shows it. */
export async function chatLine(look: Look, chat: Chat, pinned: boolean): Promise<ChatLine> {
  const peer = chat.kind === groups.DM && chat.peer !== "" ? await accounts.known(look, chat.peer) : undefined;
  const held = await arranging.read(look, chat.gid);
  const newest = await newestNews(look, chat.gid);
  const last = newest && (await lastLine(look, newest));
  return {
    id: chat.gid,
    kind: KINDS[chat.kind] ?? "group",
    title: chat.kind === groups.DM ? (await personOf(look, chat.peer)).name : chat.title,
    status: statusOf(chat),
    ...(peer === undefined ? {} : { peer: chat.peer }),
    verified: peer !== undefined && accounts.isVerified(peer),
    blocked: peer?.blocked === true,
    gone: peer?.gone === true,
    pending: chat.request === "outgoing",
    activity: chat.activity,
    unread: chat.unread,
    mentioned: chat.mentioned,
    pinned,
    archived: isArchived(held, chat.heard),
    muted: held.muted_until > look.now,
    muted_until: held.muted_until,
    ...(held.draft && held.draft.text !== "" && { draft: held.draft.text }),
    timer: chat.timer,
    failed: last?.state === "failed",
    ...(last === undefined ? {} : { last }),
  };
}

/** The newest line of a chat that previews it. */
async function newestNews(look: Look, gid: Id): Promise<StoredMessage | undefined> {
  for (let before = Infinity, newest = 1; ; newest = 16) {
    const page = await look.tx.rows("message", rows.bytesOf(gid), { newest, before });
    const found = page.map(([, data]) => rows.parseMessage(data)).findLast((line) => !isQuiet(line));
    if (found !== undefined || page[0] === undefined) return found;
    before = page[0][0];
  }
}

async function lastLine(look: Look, message: StoredMessage): Promise<LastLine> {
  const view = await messageView(look, 0, message);
  return {
    sender: view.sender,
    own: view.own,
    state: view.state,
    at: view.at,
    deleted: view.deleted,
    files: view.files,
    ...(view.text === undefined ? {} : { text: view.text }),
    ...(view.notice === undefined ? {} : { notice: view.notice }),
  };
}

function quantumOf({ suite, all_able, members }: Chat): Quantum {
  if (suite === SUITE_XWING) return "protected";
  if (!all_able) return "unable";
  return members.length > XWING_LEAVES ? "large" : "small";
}

/** A chat as its own screen shows it. */
export async function chatView(look: Look, chat: Chat): Promise<ChatView> {
  const own = look.profile.account_id;
  const role = groups.roleOf(chat, own);
  const peer = chat.kind === groups.DM ? await accounts.known(look, chat.peer) : undefined;
  const here = chat.status !== "removed" && chat.status !== "left" && !(own in chat.left);
  const group = chat.kind === groups.GROUP && here && chat.status === "active";
  const { draft } = await arranging.read(look, chat.gid);
  const pinned = (await arranging.pins(look)).some(({ id }) => id === chat.gid);
  const first = await firstUnread(look, chat);
  const growth = await findGrowth(look, chat);
  return {
    ...(await chatLine(look, chat, pinned)),
    role: ROLES[role] ?? "member",
    members: await membersOf(look, chat),
    epoch: chat.epoch,
    suite: chat.suite,
    quantum: quantumOf(chat),
    may: {
      send: here && peer?.blocked !== true && peer?.gone !== true && mayWrite(chat, own),
      add: group && role >= (chat.perms["add"] ?? groups.ADMIN),
      remove: group && role >= groups.ADMIN,
      rename: group && role >= (chat.perms["info"] ?? groups.ADMIN),
      roles: group && role >= groups.OWNER,
      timer: here && chat.status === "active" && chat.request === "" && maySetTimer(look, chat),
      rules: group && role >= groups.ADMIN,
      link: group && mayLink(chat, own),
      grow: group && role >= groups.ADMIN && chat.suite === SUITE_XWING,
    },
    ...(chat.kind === groups.GROUP && { perms: permsOf(chat) }),
    ...(growth && { growth }),
    unshown: chat.unshown,
    key_changed: peer !== undefined && accounts.isKeyChanged(peer),
    not_introduced: await notIntroduced(look, chat.gid),
    ...(draft?.reply_to && { reply_draft: rows.idOf(draft.reply_to) }),
    ...(first === undefined ? {} : { first_unread: first }),
  };
}

function permsOf({ perms }: Chat): Perms {
  const held: Readonly<Record<string, number>> = { ...DEFAULT_PERMISSIONS, ...perms };
  return Object.fromEntries(PERMISSIONS.map((name) => [name, held[name] === 1])) as Perms; // each of them
}

async function notIntroduced(look: Look, gid: Id): Promise<Person[]> {
  const waiting = new Set<Id>();
  for (const [, item] of await rows.items(look.tx, gid))
    for (const account of await sealing.notIntroduced(look, item)) waiting.add(account);
  return Promise.all([...waiting].map((account) => personOf(look, account)));
}

async function firstUnread(look: Look, chat: Chat): Promise<Id | undefined> {
  if (chat.unread === 0) return undefined;
  return (await unreadAfter(look, chat.gid, chat.read_n))[0]?.[1].message_id;
}

async function membersOf(look: Look, chat: Chat): Promise<MemberView[]> {
  const own = look.profile.account_id;
  const found: MemberView[] = [];
  for (const account of rows.accountsOf(chat)) {
    const known = await accounts.known(look, account);
    found.push({
      ...(await personOf(look, account)),
      role: ROLES[groups.roleOf(chat, account)] ?? ("member" satisfies Role),
      devices: chat.members.filter((m) => m.account === account).length,
      self: account === own,
      contact: known.contact,
      verified: accounts.isVerified(known),
    });
  }
  return found;
}

/** One line of a chat. */
export async function messageView(look: Look, n: number, stored: StoredMessage): Promise<MessageView> {
  const [message, files] = await reread(stored);
  const own = message.account === look.profile.account_id;
  const deleted = message.deleted_by !== "";
  const text = message.notice === null && !deleted && message.kept.length === 0;
  const alive = message.notice === null && !deleted && message.state !== "failed";
  const chat = await rows.loadChat(look.tx, message.gid);
  const shown = mentionsIn(look, chat, message.text);
  const base = {
    id: message.message_id,
    chat: message.gid,
    n,
    at: message.sent,
    sender: await personOf(look, message.account),
    own,
    state: message.state,
    ...(message.reason === "" ? {} : { reason: message.reason }),
    mentions: text ? await mentionViews(look, shown.mentions) : [],
    reactions: await reactionViews(look, message),
    edited: message.versions.length > 0,
    deleted,
    files,
    ...(message.expire_s > 0 && { expire_s: message.expire_s }),
    ...(message.expires_at > 0 && { expires_at: message.expires_at }),
  };
  return {
    ...base,
    ...(text ? { text: shown.text } : {}),
    ...(message.reply_to === "" || deleted ? {} : { quote: await quoteOf(look, message) }),
    ...(message.kept.length === 0 ? {} : { notice: { code: "unsupported" } as const }),
    ...(message.notice === null ? {} : { notice: await noticeView(look, message.notice) }),
    may: {
      edit: mayEdit(look, stored),
      delete_for_all: !deleted && message.notice === null && (own || isAdmin(chat, look.profile.account_id)),
      react: alive,
      reply: alive && text,
      report: message.proofs.length > 0,
    },
  };
}

function mentionViews(look: Look, mentions: readonly ShownMention[]): Promise<Mention[]> {
  return Promise.all(
    mentions.map(async ({ start, end, account }) => {
      const id = rows.idOf(account);
      return { start, end, person: await personOf(look, id), self: id === look.profile.account_id };
    }),
  );
}

/** By emoji in the order of their first, those taken back left out. */
async function reactionViews(look: Look, message: StoredMessage): Promise<Reaction[]> {
  const byEmoji = new Map<string, Id[]>();
  for (const { emoji, account } of [...message.reactions].sort((a, b) => a.at - b.at)) {
    if (emoji !== "") byEmoji.set(emoji, [...(byEmoji.get(emoji) ?? []), account]);
  }
  return Promise.all(
    [...byEmoji].map(async ([emoji, accounts]) => ({
      emoji,
      by: await Promise.all(accounts.map((account) => personOf(look, account))),
      own: accounts.includes(look.profile.account_id),
    })),
  );
}

/** The message that another one answers, where it stands in the same chat: its id is only the sender's word. */
async function quoteOf(look: Look, { gid, reply_to: id }: StoredMessage): Promise<Quote> {
  const found = await findMessage(look, gid, id);
  if (found === undefined && (await isGone(look, id))) return { id, expired: true, files: [] };
  if (found === undefined || found[1].deleted_by !== "") return { id, files: [] };
  const chat = await rows.loadChat(look.tx, found[1].gid);
  const [quoted, files] = await reread(found[1]);
  const { text } = mentionsIn(look, chat, quoted.text);
  return { id, sender: await personOf(look, quoted.account), text, files };
}

async function noticeView(look: Look, notice: rows.Notice): Promise<Notice> {
  const whom = await Promise.all(notice.whom.map((account) => personOf(look, account)));
  return {
    code: notice.code,
    ...(notice.by === "" ? {} : { by: await personOf(look, notice.by) }),
    ...(whom.length === 0 ? {} : { whom }),
    ...(notice.text === "" ? {} : { text: notice.text }),
    ...(notice.was && { was: notice.was }),
    ...(notice.call && { call: notice.call }),
  };
}
