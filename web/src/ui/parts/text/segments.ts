/** A body as pieces: words, links, mentions. Pure; no HTML is made. Links are http, https and mailto alone. */
import { tokenize } from "linkifyjs";
import type { Mention } from "../../../core/api.ts";
import { balance, mixesScripts, stripControls } from "../../../i18n/bidi.ts";

export type Segment =
  | { readonly kind: "words"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string }
  | { readonly kind: "mention"; readonly text: string; readonly self: boolean };

const PROTOCOLS = ["http:", "https:", "mailto:"];
/** Beyond this many UTF-16 units no link is looked for. */
const LOOKED_AT = 20_000;

/** mentions: ranges of the text; those that overlap, are empty or lie outside are words. */
export function segments(text: string, mentions: readonly Mention[]): Segment[] {
  const found: Segment[] = [];
  let at = 0;
  for (const mention of [...mentions].sort((a, b) => a.start - b.start)) {
    if (mention.start < at || mention.end <= mention.start || mention.end > text.length) continue;
    found.push(...links(text.slice(at, mention.start)));
    found.push({ kind: "mention", text: stripControls(text.slice(mention.start, mention.end)), self: mention.self });
    at = mention.end;
  }
  found.push(...links(text.slice(at)));
  return found;
}

function links(text: string): Segment[] {
  if (text === "") return [];
  const found: Segment[] = [];
  let words = "";
  const flush = (): void => {
    if (words !== "") found.push({ kind: "words", text: balance(words) });
    words = "";
  };
  for (const token of tokenize(text.slice(0, LOOKED_AT))) {
    const link = token.isLink ? toLink(token.v, token.toHref("https")) : undefined;
    if (!link) {
      words += token.v;
      continue;
    }
    flush();
    found.push(link);
  }
  words += text.slice(LOOKED_AT);
  flush();
  return found;
}

/** Undefined where the address is no link of ours. A host that mixes scripts is shown as it is on the wire. */
function toLink(shown: string, target: string): Segment | undefined {
  let url: URL;
  try {
    url = new URL(stripControls(target));
  } catch {
    return undefined;
  }
  if (!PROTOCOLS.includes(url.protocol) || (url.username !== "" && url.protocol !== "mailto:")) return undefined;
  const text = stripControls(shown);
  const host = /^(?:[a-z]+:\/\/)?([^/?#:]+)/i.exec(text)?.[1] ?? "";
  const spoofed = url.protocol !== "mailto:" && mixesScripts(host);
  return { kind: "link", text: spoofed ? url.href : text, href: url.href };
}
