/** Mentions while one writes: what is being searched after an "@", who fits, and where chosen names stand. Pure. */
import type { MemberView } from "../../core/api.ts";
import type { MentionRange } from "../../state/chat.svelte.ts";
import { cleanName } from "../../i18n/bidi.ts";

export interface Query {
  /** Place of the "@". */
  readonly start: number;
  readonly text: string;
}

const LONGEST = 40;

/** The search at the caret: an "@" at the start of a word, and what follows it up to the caret, on one line. */
export function findQuery(text: string, caret: number): Query | undefined {
  const before = text.slice(Math.max(0, caret - LONGEST), caret);
  const found = /(?:^|[\s(,;:،؛"'«])@([^\n@]*)$/u.exec(before);
  if (!found) return undefined;
  const typed = found[1] ?? "";
  return { start: caret - typed.length - 1, text: typed };
}

function fold(text: string): string {
  return cleanName(text)
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[أإآ]/g, "ا")
    .replaceAll("ё", "е")
    .toLocaleLowerCase();
}

/** Members whose name, or a word of it, begins with what was typed; at most `most`. */
export function fitting(members: readonly MemberView[], typed: string, most = 6): MemberView[] {
  const wanted = fold(typed);
  return members
    .filter(
      ({ self, name }) =>
        !self &&
        (fold(name).startsWith(wanted) ||
          fold(name)
            .split(/\s+/)
            .some((word) => word.startsWith(wanted))),
    )
    .slice(0, most);
}

/** Where "@name" of the chosen people stands in the final text; longer names first, none twice over the same place. */
export function mentionRanges(text: string, chosen: readonly { account: string; name: string }[]): MentionRange[] {
  const found: MentionRange[] = [];
  const free = (start: number, end: number): boolean =>
    found.every((range) => end <= range.start || start >= range.end);
  for (const { account, name } of [...chosen].sort((a, b) => b.name.length - a.name.length)) {
    const mark = `@${name}`;
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length))
      if (free(at, at + mark.length)) found.push({ start: at, end: at + mark.length, account });
  }
  return found.sort((a, b) => a.start - b.start);
}
