/**
 * Mentions inside a text: the Markdown link `[@Name](mimi://<server>/u/<account id>)`, and nothing else of Markdown.
 *
 * In the name `[`, `]` and `\` are written with a backslash. What is not exactly of this form, names another server or
 * no account id stays text as it is, so nothing that a sender wrote is ever hidden.
 * Source: draft-ietf-mimi-content-08, 5.3 (mention example); RFC 7763 variant GFM-MIMI.
 */
import { isWellFormed, textSize } from "../bytes.ts";
import { error, ZajilError } from "../errors.ts";
import { type AccountId, parseB64 } from "../ids.ts";
import { NAME_BYTES } from "../limits.ts";
import { senderUri } from "./content.ts";

/** Most mentions of one text; further ones stay as they are written. */
export const MENTIONS = 64;
// The name: at most 256 code points, as Python counts them; hence the `u` flag.
const LINK = /\[@((?:\\[[\]\\]|[^[\]\\\r\n]){1,256})\]\((mimi:\/\/[a-z0-9.:-]{1,253}\/u\/([A-Za-z0-9_-]{22}))\)/gu;
const WHOLE = new RegExp(`^${LINK.source}$`, "u");

/** A range of a shown text, in UTF-16 code units (Python: code points): "@" and a name, as the sender wrote it. */
export interface Mention {
  readonly start: number;
  readonly end: number;
  readonly account: AccountId;
}

/** The link for one mention. Throws Malformed for a name that cannot stand in one line, or is too long or empty. */
export function encodeMention(serverName: string, account: AccountId, name: string): string {
  const link = `[@${name.replace(/[[\]\\]/g, "\\$&")}](${senderUri(serverName, account)})`;
  const fits = name.trim() !== "" && isWellFormed(name) && textSize(name) <= NAME_BYTES && !/[\r\n]/.test(name);
  if (!fits || !WHOLE.test(link)) throw error("malformed", "name in a mention");
  return link;
}

/**
 * The text to send: each range, "@" and a name, becomes a link.
 *
 * Throws Malformed for ranges that overlap, lie outside, do not begin with "@", or too many.
 */
export function encodeMentions(text: string, mentions: readonly Mention[], serverName: string): string {
  if (mentions.length > MENTIONS) throw error("malformed", "mentions");
  let out = "";
  let at = 0;
  for (const { start, end, account } of [...mentions].sort((a, b) => a.start - b.start)) {
    if (start < at || start >= end || end > text.length || text[start] !== "@")
      throw error("malformed", "range of a mention");
    out += text.slice(at, start) + encodeMention(serverName, account, text.slice(start + 1, end));
    at = end;
  }
  return out + text.slice(at);
}

/**
 * The text to show and its mentions.
 *
 * isMember: whether an account may be mentioned here; a link to another one stays as it is written. Throws nothing.
 */
export function parseMentions(
  text: string,
  serverName: string,
  isMember: (account: AccountId) => boolean = () => true,
): { readonly text: string; readonly mentions: readonly Mention[] } {
  const mentions: Mention[] = [];
  let shown = "";
  let at = 0;
  for (const found of text.matchAll(LINK)) {
    const [whole, escaped = "", uri, id = ""] = found;
    const account = parseAccount(id);
    if (!account || mentions.length === MENTIONS) continue;
    if (uri !== senderUri(serverName, account) || !isMember(account)) continue;
    shown += text.slice(at, found.index);
    const start = shown.length;
    shown += `@${escaped.replace(/\\([[\]\\])/g, "$1")}`;
    at = found.index + whole.length;
    mentions.push({ start, end: shown.length, account });
  }
  return { text: shown + text.slice(at), mentions };
}

function parseAccount(text: string): AccountId | undefined {
  try {
    return parseB64(text, 16);
  } catch (problem) {
    if (!(problem instanceof ZajilError)) throw problem;
    return undefined;
  }
}
