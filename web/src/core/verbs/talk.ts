/** Calls about chats and their lines. */
import type { MessageDetails, MessageView } from "../api.ts";
import { ALWAYS } from "../../protocol/chat/arranging.ts";
import { encodeMentions } from "../../protocol/chat/mentions.ts";
import { error } from "../../protocol/errors.ts";
import * as chats from "../rules/chats.ts";
import { incoming } from "../rules/contact/contact.ts";
import * as messages from "../rules/messages.ts";
import * as outbox from "../rules/outbox.ts";
import * as acts from "../rules/talk/acts.ts";
import * as arranging from "../rules/talk/arranging.ts";
import { isListed } from "../rules/talk/places.ts";
import * as reading from "../rules/talk/reading.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id } from "../state/rows.ts";
import type { Look } from "../state/step.ts";
import type { Handlers, Host } from "./handlers.ts";
import { chatLine, chatView, messageView, personOf } from "./views.ts";

const PAGE_MAX = 200;

type Names =
  | "chats"
  | "chat"
  | "request_count"
  | "messages"
  | "message"
  | "send"
  | "retry"
  | "mark_read"
  | "set_draft"
  | "arrange"
  | "delete_message"
  | "edit"
  | "react"
  | "typing";
export type TalkCalls = Handlers<Names>;

/** The chat of an id, the one it was merged into. Throws `unknown-chat`. */
export async function findPlace(look: Look, id: Id): Promise<Chat> {
  const chat = await rows.findChat(look.tx, id);
  const place = chat?.merged ? await rows.findChat(look.tx, chat.merged) : chat;
  if (place === undefined) throw error("unknown-chat");
  return place;
}

/** A chat that has a page: a request that waits has none. Throws `unknown-chat`. */
async function shown(look: Look, id: Id): Promise<Chat> {
  const place = await findPlace(look, id);
  if (place.request === "incoming") throw error("unknown-chat");
  return place;
}

/** A message of a chat. Throws `unknown-chat`. */
export async function findLine(look: Look, id: Id): Promise<[number, rows.StoredMessage]> {
  const found = await rows.findMessage(look.tx, id);
  if (found !== undefined) return found;
  // A text that moved into another chat: `known` holds its new id.
  const moved = await look.tx.find("known", rows.bytesOf(id));
  const again =
    moved === undefined || moved.length === 0 ? undefined : await rows.findMessage(look.tx, rows.idOf(moved));
  if (again === undefined) throw error("unknown-chat");
  return again;
}

/** Calls about chats and their lines. */
export function talkVerbs(host: Host): TalkCalls {
  const core = () => host.core();
  return {
    chats: () =>
      core().look(async (look) => {
        const all = (await rows.allChats(look.tx)).filter(isListed);
        const pins = await arranging.pins(look);
        const rank = new Map(pins.map(({ id }, at) => [id, at]));
        all.sort((a, b) => (rank.get(a.gid) ?? pins.length) - (rank.get(b.gid) ?? pins.length));
        return Promise.all(all.map((chat) => chatLine(look, chat, rank.has(chat.gid))));
      }),
    request_count: () => core().look(async (look) => (await incoming(look)).length),
    chat: ({ id }) => core().look(async (look) => chatView(look, await shown(look, id))),
    messages: (page) => core().look((look) => readPage(look, page)),
    message: ({ id }) => core().look((look) => readDetails(look, id)),
    async send({ chat, text, reply_to, mentions }) {
      const id = await core().step("submit", async (step) => {
        await outbox.checkMaySend(step);
        const place = await chats.checkWriter(step, chat);
        await arranging.clearDraft(step, place.gid);
        const ranges = (mentions ?? []).map((one) => ({ ...one, account: rows.bytesOf(one.account) }));
        const written = encodeMentions(text, ranges, step.profile.server_name);
        return messages.submitText(step, place.gid, written, reply_to ?? "");
      });
      host.wake();
      return id;
    },
    async retry({ chat, id }) {
      await core().step("retry", (step) => acts.retry(step, chat, id));
      host.wake();
    },
    async mark_read({ chat, id }) {
      await core().step("read", (step) => reading.markRead(step, chat, id));
      host.wake();
    },
    async edit({ chat, id, text }) {
      await core().step("edit", (step) => acts.edit(step, chat, id, text));
      host.wake();
    },
    async delete_message({ chat, id, for: whom }) {
      await core().step("delete", (step) =>
        whom === "all" ? acts.deleteForAll(step, chat, id) : acts.deleteForMe(step, chat, id),
      );
      host.wake();
    },
    async react({ chat, id, emoji }) {
      await core().step("react", (step) => acts.react(step, chat, id, emoji));
      host.wake();
    },
    async typing({ chat }) {
      const request = await core().sealTyping(chat);
      if (request !== undefined) host.sendOnce(request);
    },
    async set_draft({ chat, text, reply_to, left }) {
      await core().step("draft", async (step) => {
        const place = await findPlace(step, chat);
        const draft = { text, reply_to: reply_to === undefined ? null : rows.bytesOf(reply_to) };
        await arranging.writeDraft(step, place.gid, draft, left);
      });
      host.wake();
    },
    async arrange({ chat, act, until }) {
      await core().step("arrange", async (step) => {
        const { gid } = await findPlace(step, chat);
        if (act === "mute") await arranging.mute(step, gid, until ?? ALWAYS);
        else await arranging[act](step, gid);
      });
      host.wake();
    },
  };
}

interface PageOf {
  readonly chat: Id;
  readonly before?: number;
  readonly after?: number;
  readonly around?: Id;
  readonly limit: number;
}

async function readPage(look: Look, page: PageOf): Promise<MessageView[]> {
  const place = await findPlace(look, page.chat);
  const owner = rows.bytesOf(place.gid);
  const limit = Math.max(1, Math.min(PAGE_MAX, Math.floor(page.limit)));
  const { before, after, around } = page;
  let found;
  if (around !== undefined) {
    const [n] = await findLine(look, around);
    const half = Math.ceil(limit / 2);
    const older = await look.tx.rows("message", owner, { before: n + 1, newest: half });
    found = [...older, ...(await look.tx.rows("message", owner, { after: n, limit: limit - older.length }))];
  } else if (after !== undefined) {
    found = await look.tx.rows("message", owner, { after, limit });
  } else {
    found = await look.tx.rows("message", owner, { newest: limit, ...(before === undefined ? {} : { before }) });
  }
  return Promise.all(found.map(([n, data]) => messageView(look, n, rows.parseMessage(data))));
}

async function readDetails(look: Look, id: Id): Promise<MessageDetails> {
  const [n, message] = await findLine(look, id);
  const receipts = await Promise.all(
    message.receipts.map(async ({ account, delivered, read }) => ({
      person: await personOf(look, account),
      ...(delivered === 0 ? {} : { delivered_at: delivered }),
      ...(read === 0 ? {} : { read_at: read }),
    })),
  );
  const versions = message.versions.slice(0, -1).map(({ text, at }) => ({ text, at }));
  return { message: await messageView(look, n, message), versions, receipts };
}
