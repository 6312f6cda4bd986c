/**
 * The page of an export: one HTML file with everything in it, no script, nothing fetched from anywhere.
 *
 * What people wrote is escaped, cleaned of characters that steer direction, and every piece of it stands in an element of
 * its own direction. The Content-Security-Policy allows the page's own style and nothing else, should an escape ever be
 * missed. Twin of zajil.cli.archive.page.
 */
import type { MessageView } from "../api.ts";
import type { FileView } from "../files/view.ts";
import type { ArchiveWords } from "./view.ts";

/** A message as it is written. versions: earlier texts, oldest first, Unix ms. */
export interface Written {
  readonly view: MessageView;
  readonly versions: readonly { readonly text: string; readonly at: number }[];
}

/** A chat as it is written. */
export interface WrittenChat {
  readonly id: string;
  readonly kind: "self" | "dm" | "group";
  readonly title: string;
  readonly members: readonly { readonly id: string; readonly name: string }[];
}

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const STYLE =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1b1b1f;background:#fff}" +
  "h1,h2{line-height:1.2}h2{margin-top:3rem;border-top:1px solid #ccc;padding-top:1rem}h3{font-size:1rem;color:#555}" +
  "article{margin:.75rem 0}header{font-size:.875rem;color:#555}header b{color:#1b1b1f}" +
  ".text{white-space:pre-wrap;overflow-wrap:anywhere;margin:0}.quote,.note,details{color:#555;font-size:.875rem;margin:0}" +
  ".quote{border-inline-start:3px solid #ccc;padding-inline-start:.5rem}" +
  "@media(prefers-color-scheme:dark){body,header b{color:#eee;background:#15161a}" +
  "header,.note,.quote,details,h3{color:#aaa}}";

const STEERING = /[\u202a-\u202e\u2066-\u2069]/g;
/** C0 without tab and newline, DEL, C1, and what is drawn as nothing but is no joiner. */
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f-\x9f\u00ad\u180e\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb]/g;
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escape = (text: string): string => text.replace(/[&<>"']/g, (found) => ENTITIES[found] ?? "");
const clean = (text: string): string => text.replace(STEERING, "").replace(CONTROLS, "");
/** A name or title in an element that keeps its direction to itself. */
const bdi = (text: string): string => `<bdi>${escape(clean(text).replace(/\s+/g, " ").trim() || "?")}</bdi>`;
const paragraph = (text: string): string => `<p class="text" dir="auto">${escape(clean(text))}</p>`;
const note = (html: string): string => `<p class="note">${html}</p>`;
const titleOf = ({ kind, title }: WrittenChat, words: ArchiveWords): string =>
  bdi(kind === "self" ? words.self : title);

/** Everything before the first chat. */
export function beginPage(chats: readonly WrittenChat[], words: ArchiveWords): string {
  const links = chats.map((chat, at) => `<li><a href="#chat-${String(at)}">${titleOf(chat, words)}</a></li>`);
  const language = escape(words.locale.split("-")[0] ?? "en");
  return [
    "<!doctype html>",
    `<html lang="${language}" dir="${words.direction === "rtl" ? "rtl" : "ltr"}">`,
    `<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${escape(POLICY)}">`,
    '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">',
    `<title>${escape(words.title)}</title><style>${STYLE}</style></head>`,
    `<body><h1>${escape(words.title)}</h1><p>${escape(words.made)}</p>`,
    `<nav><h3>${escape(words.contents)}</h3><ul>${links.join("")}</ul></nav>`,
    "",
  ].join("\n");
}

export const endPage = (): string => "</body></html>\n";

/** The head of a chat; its messages and `</section>` follow. */
export function chatHead(at: number, chat: WrittenChat, words: ArchiveWords): string {
  const members = chat.members.map(({ name }) => bdi(name)).join(", ");
  const head = `<section id="chat-${String(at)}"><h2>${titleOf(chat, words)}</h2>`;
  return `${head}<p class="note" dir="auto">${escape(words.members)}: ${members}</p>\n`;
}

/** A message, under the day where that is another than `day`; and its day. */
export function messageHtml({ view, versions }: Written, day: string, words: ArchiveWords): [string, string] {
  const moment = new Date(view.at);
  const today = say(moment, words, { dateStyle: "long" });
  const when = `<time datetime="${moment.toISOString()}">${escape(say(moment, words, { timeStyle: "short" }))}</time>`;
  const lines = [`<article><header><b>${bdi(view.sender.name)}</b> ${when}</header>`];
  if (view.quote) {
    const { sender, text } = view.quote;
    const said = sender ? `${bdi(sender.name)}: ${bdi(text ?? "")}` : escape(words.gone);
    lines.push(`<p class="quote" dir="auto">${said}</p>`);
  }
  if (view.deleted) lines.push(note(escape(words.deleted)));
  else if (view.notice?.code === "call") lines.push(note(escape(words.call)));
  else if (view.notice) lines.push(note(escape(words.unsupported)));
  else if (view.text) lines.push(paragraph(view.text));
  for (const file of view.files) lines.push(note(fileHtml(file, words)));
  if (view.edited) lines.push(note(escape(words.edited)));
  for (const { text, at } of versions) {
    const summary = `${words.earlier} ${say(new Date(at), words, { dateStyle: "long", timeStyle: "short" })}`;
    lines.push(`<details><summary>${escape(summary)}</summary>${paragraph(text)}</details>`);
  }
  const reactions = view.reactions.flatMap(({ emoji, by }) => by.map(({ name }) => `${bdi(emoji)} ${bdi(name)}`));
  if (reactions.length > 0) lines.push(note(reactions.join("  ")));
  const head = today === day ? "" : `<h3>${escape(today)}</h3>\n`;
  return [`${head}${lines.join("")}</article>\n`, today];
}

const fileHtml = ({ name, size }: FileView, words: ArchiveWords): string =>
  `${escape(words.file)}: ${bdi(name)} (${escape(new Intl.NumberFormat(words.locale).format(Math.ceil(size / 1000)))} kB)`;

const say = (moment: Date, { locale }: ArchiveWords, how: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat(locale, how).format(moment);
