/**
 * What a query finds in a text: every word of it must occur, each at the beginning of a word; "quoted" ones as they
 * stand; Arabic words with and without the article and what is written together with it.
 * Twin of zajil.protocol.search.matching; places are UTF-16 units.
 */
import { fold, foldPlaces } from "./folding.ts";

/** Letters and digits that a query must have. */
export const CHARACTERS_MIN = 2;
export const QUERY_CHARACTERS = 200;
export const TERMS_MAX = 16;

/** Words that follow each other. exact: none is the beginning of a longer one; else the last one may be. */
export interface Term {
  readonly words: readonly string[];
  readonly exact: boolean;
}
/** All must occur; none where the query has fewer than `CHARACTERS_MIN` letters and digits. */
export type Query = readonly Term[];
/** A range of a text that was found. */
export type Mark = readonly [start: number, end: number];

const PARTS = /["“”„«»]([^"“”„«»]*)(["“”„«»]|$)|([^\s"“”„«»]+)/gu;
const WORD = /[\p{L}\p{N}]+/gu;
const LETTER = /[\p{L}\p{N}]/u;
const ARABIC = /^[\u0600-\u06ff]/;
/** Thai, Lao, Burmese, Khmer, Japanese, Chinese. */
const UNSPACED = /^[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\u{20000}-\u{3ffff}]/u;
const ARTICLES: readonly string[] = ["ال", "لل"];
/** Letters that must be left of a word without its article, and without a lone letter before it. */
const LEFT_MIN = 2;
const STEM_MIN = 3;

/** What a person looks for; a quotation that is still being written is not exact yet. */
export function parseQuery(text: string): Query {
  const terms = new Map<string, Term>();
  for (const [, quoted, closed, word] of [...text].slice(0, QUERY_CHARACTERS).join("").matchAll(PARTS)) {
    const words = fold(quoted ?? word ?? "").match(WORD) ?? [];
    const exact = quoted !== undefined && closed !== "";
    if (words.length > 0) terms.set(`${String(exact)} ${words.join(" ")}`, { words, exact });
  }
  const found = [...terms.values()].slice(0, TERMS_MAX);
  const letters = found.reduce((sum, { words }) => sum + [...words.join("")].length, 0);
  return letters < CHARACTERS_MIN ? [] : found;
}

/** Whether there are terms, and each occurs in one of the texts: of a message, and the names of its files. */
export function matches(query: Query, texts: readonly string[]): boolean {
  const folded = texts.map(fold);
  return query.length > 0 && query.every((term) => folded.some((text) => !find(term, text).next().done));
}

/** Where the query's words stand in a text, in order; those that touch are one. */
export function findMarks(query: Query, text: string): Mark[] {
  const [folded, places] = foldPlaces(text);
  const found = query.flatMap((term) => [...find(term, folded)]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const marks: [number, number][] = [];
  for (const [start, end] of found) {
    const at = places[start] ?? 0;
    // A letter may be several folded ones: it is marked whole, with the marks on it.
    const last = places[end - 1] ?? 0;
    let next = end;
    while ((places[next] ?? text.length) <= last) next += 1;
    const after = places[next] ?? text.length;
    const before = marks.at(-1);
    if (before && at <= before[1]) before[1] = Math.max(before[1], after);
    else marks.push([at, after]);
  }
  return marks;
}

/** Ranges of a folded text where a term occurs. */
function* find(term: Term, text: string): Generator<Mark> {
  const [first = "", ...others] = term.words;
  for (const form of others.length === 0 && !term.exact ? formsOf(first) : [first]) {
    for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1)) {
      if (!begins(text, at, form, term.exact)) continue;
      const end = follow(text, at + form.length, others, term.exact);
      if (end !== undefined) yield [at, end];
    }
  }
}

/** A word of a query, and without its article, which the text may not have. */
function formsOf(word: string): string[] {
  const bare = startsOf(word).find((at) => at >= 2 && ARTICLES.includes(word.slice(at - 2, at)));
  return bare === undefined ? [word] : [word, word.slice(bare)];
}

/** Whether a word that may be found with this form begins there. */
function begins(text: string, at: number, form: string, exact: boolean): boolean {
  if (at === 0 || !isLetter(before(text, at))) return true;
  if (exact) return false;
  if (UNSPACED.test(form)) return true;
  if (!ARABIC.test(form)) return false;
  let start = at;
  while (start > 0 && at - start <= 4 && isLetter(before(text, start))) start -= 1;
  let end = at;
  while (end < text.length && end - at < STEM_MIN && isLetter(after(text, end))) end += 1;
  return startsOf(text.slice(start, end)).includes(at - start);
}

/** Where the word itself may begin in what is written as one: after و ف, after ب ل, after the article. */
function startsOf(word: string): number[] {
  const starts = [0];
  if (word.startsWith("و") || word.startsWith("ف")) starts.push(1);
  for (const at of [...starts]) if (word[at] === "ب" || word[at] === "ل") starts.push(at + 1);
  const left = (at: number, least: number): boolean => word.length - at >= least;
  const whole = starts.filter((at) => ARTICLES.includes(word.slice(at, at + 2))).map((at) => at + 2);
  const found = [...starts.filter((at) => left(at, STEM_MIN)), ...whole.filter((at) => left(at, LEFT_MIN))];
  return [...new Set([0, ...found])].sort((a, b) => a - b);
}

/** Where the words end that stand one after the other from `at` on; undefined where other ones do. */
function follow(text: string, at: number, words: readonly string[], exact: boolean): number | undefined {
  let end = at;
  for (const word of words) {
    if (isLetter(after(text, end))) return undefined;
    while (end < text.length && !isLetter(after(text, end))) end += after(text, end).length;
    if (!text.startsWith(word, end)) return undefined;
    end += word.length;
  }
  return exact && isLetter(after(text, end)) ? undefined : end;
}

/** Whether words are made of it. */
function isLetter(character: string): boolean {
  return LETTER.test(character);
}

/** The character that begins there, "" at the end. */
function after(text: string, at: number): string {
  const code = text.codePointAt(at);
  return code === undefined ? "" : String.fromCodePoint(code);
}

/** The character that ends there. */
function before(text: string, at: number): string {
  const unit = text.charCodeAt(at - 1);
  return unit >= 0xdc00 && unit < 0xe000 ? text.slice(at - 2, at) : text.charAt(at - 1);
}
