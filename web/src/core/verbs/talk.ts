/** Calls about chats and their lines. */
import type { MessageDetails, MessageView } from "../api.ts";
import { error } from "../../protocol/errors.ts";
import * as chats from "../rules/chats.ts";
import * as messages from "../rules/messages.ts";
import * as outbox from "../rules/outbox.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id } from "../state/rows.ts";
import type { Look } from "../state/step.ts";
import { saveDraft } from "./drafts.ts";
import type { Handlers, Host } from "./handlers.ts";
import { chatLine, chatView, messageView, personOf } from "./views.ts";

const PAGE_MAX = 200;

type Names =
  | "chats" | "chat" | "messages" | "message" | "send" | "retry" | "mark_read" | "set_draft" | "set_muted"
  | "delete_message";

/** The chat of an id, the one it was merged into. Throws `unknown-chat`. */
export async function findPlace(look: Look, id: Id): Promise<Chat> {
  const chat = await rows.findChat(look.tx, id);
  const place = chat?.merged ? await rows.findChat(look.tx, chat.merged) : chat;
  if (place === undefined) throw error("unknown-chat");
  return place;
}

/** A message of a chat. Throws `unknown-chat`. */
export async function findLine(look: Look, id: Id): Promise<[number, rows.StoredMessage]> {
  const found = await rows.findMessage(look.tx, id);
  if (found !== undefined) return found;
  // A text that moved into another chat: `known` holds its new id.
  const moved = await look.tx.find("known", rows.bytesOf(id));
  const again = moved === undefined || moved.length === 0 ? undefined : await rows.findMessage(look.tx, rows.idOf(moved));
  if (again === undefined) throw error("unknown-chat");
  return again;
}

/** Calls about chats and their lines. */
export function talkVerbs(host: Host): Handlers<Names> {
  const core = () => host.core();
  return {
    chats: () =>
      core().look(async (look) => {
        const all = (await rows.allChats(look.tx)).filter((chat) => chat.merged === "");
        return Promise.all(all.map((chat) => chatLine(look, chat)));
      }),
    chat: ({ id }) => core().look(async (look) => chatView(look, await findPlace(look, id))),
    messages: (page) => core().look((look) => readPage(look, page)),
    message: ({ id }) => core().look((look) => readDetails(look, id)),
    async send({ chat, text }) {
      const id = await core().step("submit", async (step) => {
        await outbox.checkMaySend(step);
        const place = await chats.checkMember(step, chat);
        await saveDraft(step.tx, place.gid, { text: "", reply_to: "" });
        return messages.submitText(step, place.gid, text);
      });
      host.wake();
      return id;
    },
    async retry({ id }) {
      await core().step("retry", async (step) => {
        const [n, old] = await findLine(step, id);
        if (old.state !== "failed") return;
        const place = await chats.checkMember(step, old.gid);
        await step.tx.remove("message", n);
        await messages.submitText(step, place.gid, old.text);
      });
      host.wake();
    },
    async mark_read({ chat, id }) {
      await core().step("read", async (step) => {
        const place = await findPlace(step, chat);
        const [n] = await findLine(step, id);
        if (n > place.read_n) await step.changeChat(place.gid, await countUnread(step, place, n));
        step.event("read", place.gid);
      });
    },
    async delete_message({ id, for: whom }) {
      if (whom === "all") throw error("not-permitted");
      await core().step("delete", async (step) => {
        const [n, old] = await findLine(step, id);
        await step.tx.remove("message", n);
        step.event("state", old.gid, id);
      });
    },
    async set_draft({ chat, text, reply_to }) {
      await core().step("draft", async (step) => {
        const place = await findPlace(step, chat);
        await saveDraft(step.tx, place.gid, { text, reply_to: reply_to ?? "" });
        step.event("read", place.gid);
      });
    },
    async set_muted({ chat, muted }) {
      await core().step("mute", async (step) => {
        const place = await findPlace(step, chat);
        await step.changeChat(place.gid, { muted });
        step.event("read", place.gid);
      });
    },
  };
}

/** What is unread once row `n` was read. */
async function countUnread(look: Look, chat: Chat, n: number): Promise<Pick<Chat, "read_n" | "unread" | "mentioned">> {
  const later = await look.tx.rows("message", rows.bytesOf(chat.gid), { after: n });
  const own = look.profile.account_id;
  const unread = later.map(([, data]) => rows.parseMessage(data)).filter((m) => m.account !== own && m.notice === null);
  return { read_n: n, unread: unread.length, mentioned: unread.length > 0 && chat.mentioned };
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
