/**
 * Finds messages: rows are read from the newest end, opened, and looked at (web.md 6). There is no index: one would have
 * to be sealed too, or words would lie on the disk. Each page is a look of its own, so that nobody who writes waits, and
 * its rows do not stay in the cache, where those of open chats are. Twin of zajil.client.searching.
 */
import { findMarks, matches, parseQuery, type Query } from "../../protocol/search/matching.ts";
import * as groups from "../rules/groups.ts";
import { reread } from "../rules/talk/kept.ts";
import { isListed } from "../rules/talk/places.ts";
import { mentionsIn } from "../rules/talk/reading.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id, StoredMessage } from "../state/rows.ts";
import type { Look } from "../state/step.ts";
import type { Handlers, Host } from "../verbs/handlers.ts";
import { findPlace } from "../verbs/talk.ts";
import { personOf } from "../verbs/views.ts";
import type { FoundChat, FoundMessage, FoundPerson, Marked, SearchCalls, SearchPage } from "./view.ts";

/** Rows of one look; messages and milliseconds after which a page is handed out. */
const ROWS = 100;
const MESSAGES = 20;
const BUDGET_MS = 80;
/** Units of a text before its first mark, and of all that is shown of it. */
const LEAD = 40;
const LENGTH = 200;
const NAMES = 20;
const KINDS = ["self", "dm", "group"] as const;

/** The call that searches. */
export const searchVerbs = (host: Host): Handlers<"search"> => ({ search: (a) => search(host, a) });

/** One page of a search. */
async function search(
  host: Host,
  { query, chat, from, self = "" }: Parameters<SearchCalls["search"]>[0],
): Promise<SearchPage> {
  const core = host.core();
  const parsed = parseQuery(query);
  const nothing = { short: parsed.length === 0, chats: [], people: [], messages: [] };
  if (nothing.short) return nothing;
  const place = chat === undefined ? undefined : (await core.look((look) => findPlace(look, chat))).gid;
  const first = from === undefined && place === undefined;
  const names = first ? await core.look((look) => findNames(look, parsed, self)) : {};
  const until = performance.now() + BUDGET_MS;
  const messages: FoundMessage[] = [];
  let next = from;
  do {
    const before = next;
    const page = await core.look((look) => readPage(look, parsed, place, before));
    messages.push(...page.found);
    next = page.next;
  } while (next !== undefined && messages.length < MESSAGES && performance.now() < until);
  return { ...nothing, ...names, messages, ...(next === undefined ? {} : { next }) };
}

async function readPage(
  look: Look,
  query: Query,
  place: Id | undefined,
  before: number | undefined,
): Promise<{ found: FoundMessage[]; next: number | undefined }> {
  const owner = place === undefined ? undefined : rows.bytesOf(place);
  const page = { newest: ROWS, once: true, ...(before === undefined ? {} : { before }) };
  const read = await look.tx.rows("message", owner, page);
  const found: FoundMessage[] = [];
  for (const [, data] of read.reverse()) {
    const hit = await findIn(look, query, rows.parseMessage(data));
    if (hit) found.push(hit);
  }
  return { found, next: read.length < ROWS ? undefined : read.at(-1)?.[0] };
}

async function findIn(look: Look, query: Query, stored: StoredMessage): Promise<FoundMessage | undefined> {
  if (stored.deleted_by !== "" || stored.notice !== null) return undefined;
  // What is over is gone for people, though the sweep comes a moment later.
  if (stored.expires_at > 0 && stored.expires_at <= look.now) return undefined;
  const [message, files] = await reread(stored);
  if (message.kept.length > 0) return undefined;
  let { text } = message;
  if (text.includes("[@")) text = mentionsIn(look, await rows.loadChat(look.tx, message.gid), text).text;
  const names = files.map(({ name }) => name);
  if (!matches(query, [text, ...names])) return undefined;
  const place = await findPlace(look, message.gid);
  if (!isListed(place)) return undefined;
  return {
    id: message.message_id,
    chat: place.gid,
    kind: KINDS[place.kind] ?? "group",
    title: await titleOf(look, place),
    sender: await personOf(look, message.account),
    own: message.account === look.profile.account_id,
    at: message.sent,
    text: snippet(query, text),
    files: names.map((name) => mark(query, name)).filter(({ marks }) => marks.length > 0 || text === ""),
  };
}

async function titleOf(look: Look, chat: Chat): Promise<string> {
  return chat.kind === groups.DM ? (await personOf(look, chat.peer)).name : chat.title;
}

/** Chats by the time of their last line, then contacts without one by name. */
async function findNames(
  look: Look,
  query: Query,
  self: string,
): Promise<{ chats: FoundChat[]; people: FoundPerson[] }> {
  const chats: FoundChat[] = [];
  const talked = new Set<Id>();
  for (const chat of await rows.allChats(look.tx)) {
    if (!isListed(chat)) continue;
    if (chat.kind === groups.DM) talked.add(chat.peer);
    const title = chat.kind === groups.SELF ? self : await titleOf(look, chat);
    if (!matches(query, [title])) continue;
    const peer = chat.kind === groups.DM ? { peer: chat.peer } : {};
    chats.push({ id: chat.gid, kind: KINDS[chat.kind] ?? "group", ...peer, title: mark(query, title) });
  }
  const people = (await rows.allAccounts(look.tx))
    .filter(({ account_id, contact, name }) => contact && !talked.has(account_id) && matches(query, [name]))
    .map(({ account_id, name }) => ({ account: account_id, name: mark(query, name) }));
  return { chats: chats.slice(0, NAMES), people: people.slice(0, NAMES) };
}

/** On one line, without what steers the direction of its surroundings; then marked as it is shown. */
function mark(query: Query, text: string): Marked {
  const shown = text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "").replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, " ");
  return { text: shown, marks: findMarks(query, shown) };
}

/** The words around the first mark, what was left out on either side told by a sign. */
function snippet(query: Query, text: string): Marked {
  const whole = mark(query, text);
  if (whole.text.length <= LENGTH) return whole;
  const start = wordAt(whole.text, (whole.marks[0]?.[0] ?? 0) - LEAD);
  const end = wordAt(whole.text, start + LENGTH);
  const lead = start > 0 ? "…" : "";
  const marks = whole.marks
    .filter(([at]) => at < end)
    .map(([at, to]): [number, number] => [at - start + lead.length, Math.min(to, end) - start + lead.length]);
  return { text: `${lead}${whole.text.slice(start, end)}${end < whole.text.length ? "…" : ""}`, marks };
}

/** A place near `at` where no letter is cut from its marks: after a blank, where there is one soon. */
function wordAt(text: string, at: number): number {
  if (at <= 0) return 0;
  if (at >= text.length) return text.length;
  const blank = text.indexOf(" ", at);
  if (blank >= 0 && blank - at < 20) return blank + 1;
  let cut = at;
  while (cut < text.length && /[\p{M}\u200d\udc00-\udfff]/u.test(text.charAt(cut))) cut += 1;
  return cut;
}
