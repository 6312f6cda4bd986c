/**
 * All chats of this browser as one file: a page to read, or JSON in the shape that `zajil export` writes. Pieces are
 * handed to the browser as they come, which keeps large ones on its disk. Files of messages are named, not held.
 * Twin of zajil.cli.archive.
 */
import type { MessageView } from "../api.ts";
import type { Core } from "../rules/core.ts";
import * as rows from "../state/rows.ts";
import { isListed } from "../rules/talk/places.ts";
import { chatLine, messageView, personOf } from "../verbs/views.ts";
import { beginPage, chatHead, endPage, messageHtml, type Written, type WrittenChat } from "./page.ts";
import type { ArchiveWords } from "./view.ts";

export const FORMAT = "zajil export v1";
const PAGE = 500;

/** The whole file. */
export async function writeArchive(core: Core, format: "html" | "json", words: ArchiveWords): Promise<Blob> {
  const chats = await core.look(async (look) => {
    const all = (await rows.allChats(look.tx)).filter(isListed);
    return Promise.all(
      all.map(async (chat): Promise<WrittenChat> => {
        const { id, kind, title } = await chatLine(look, chat, false);
        const people = await Promise.all(rows.accountsOf(chat).map((account) => personOf(look, account)));
        return { id, kind, title, members: people.map(({ account, name }) => ({ id: account, name })) };
      }),
    );
  });
  return format === "json" ? writeJson(core, chats) : writePage(core, chats, words);
}

/** The messages of a chat, oldest first, some hundreds at a time. Notices are no messages, but for calls. */
async function* pages(core: Core, chat: string): AsyncGenerator<readonly Written[]> {
  let after = 0;
  for (;;) {
    const from = after;
    const found = await core.look(async (look) => {
      const page = await look.tx.rows("message", rows.bytesOf(chat), { after: from, limit: PAGE });
      return Promise.all(
        page.map(async ([n, data]) => {
          const { versions } = rows.parseMessage(data);
          return { n, view: await messageView(look, n, rows.parseMessage(data)), versions: versions.slice(0, -1) };
        }),
      );
    });
    if (found.length === 0) return;
    after = found.at(-1)?.n ?? after;
    // What is over is gone for people, though the sweep comes a moment later.
    const over = ({ expires_at = Infinity }: MessageView): boolean => expires_at <= core.now();
    const said = ({ notice }: MessageView): boolean => !notice || ["call", "unsupported"].includes(notice.code);
    yield found.filter(({ view }) => said(view) && !over(view));
  }
}

async function writeJson(core: Core, chats: readonly WrittenChat[]): Promise<Blob> {
  const { profile, now } = await core.look((look) => Promise.resolve(look));
  const head = {
    format: FORMAT,
    account: profile.account_id,
    name: profile.name,
    server: profile.server_name,
    exported_at: seconds(now),
  };
  const parts = [new Blob([JSON.stringify(head).slice(0, -1), ',"chats":['])];
  for (const [at, { id, kind, title, members }] of chats.entries()) {
    const about = JSON.stringify({ id, kind, title, members }).slice(0, -1);
    parts.push(new Blob([at > 0 ? ",\n" : "\n", about, ',"messages":[']));
    let first = true;
    for await (const page of pages(core, id)) {
      const text = page.map((one) => JSON.stringify(messageRow(one))).join(",\n");
      if (text !== "") parts.push(new Blob([first ? "\n" : ",\n", text]));
      first &&= text === "";
    }
    parts.push(new Blob(["]}"]));
  }
  parts.push(new Blob(["]}\n"]));
  return new Blob(parts, { type: "application/json" });
}

async function writePage(core: Core, chats: readonly WrittenChat[], words: ArchiveWords): Promise<Blob> {
  const parts = [new Blob([beginPage(chats, words)])];
  for (const [at, chat] of chats.entries()) {
    parts.push(new Blob([chatHead(at, chat, words)]));
    let day = "";
    let count = 0;
    for await (const page of pages(core, chat.id)) {
      let text = "";
      for (const one of page) {
        const [html, today] = messageHtml(one, day, words);
        text += html;
        day = today;
      }
      count += page.length;
      parts.push(new Blob([text]));
    }
    parts.push(new Blob([count === 0 ? `<p class="note">${words.empty}</p></section>\n` : "</section>\n"]));
  }
  parts.push(new Blob([endPage()]));
  return new Blob(parts, { type: "text/html;charset=utf-8" });
}

/** Times in Unix seconds, ids as `zajil read --json` has them; ranges of mentions count code points. */
function messageRow({ view, versions }: Written): Record<string, unknown> {
  const text = view.text ?? "";
  const points = (units: number): number => Array.from(text.slice(0, units)).length;
  const call = view.notice?.call;
  return {
    id: view.id,
    chat: view.chat,
    sender: view.sender.name,
    sent_at: seconds(view.at),
    state: view.state,
    text,
    reply_to: view.quote?.id ?? null,
    edited: view.edited,
    deleted: view.deleted,
    mentions: view.mentions.map(({ start, end, person }) => ({
      start: points(start),
      end: points(end),
      account: person.account,
    })),
    reactions: view.reactions.flatMap(({ emoji, by }) => by.map(({ name }) => ({ sender: name, emoji }))),
    attachments: view.files.map(({ name, type, size }) => ({ name, type, size })),
    ...(call && { call: { kind: call.kind, outcome: call.outcome, seconds: call.seconds } }),
    sender_id: view.sender.account,
    versions: versions.map(({ text: earlier, at }) => ({ text: earlier, at: seconds(at) })),
  };
}

const seconds = (ms: number): number => Math.floor(ms / 1000);
