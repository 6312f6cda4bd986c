/** The letters and the tint of an avatar. */
import { cleanName } from "./bidi.ts";

const TINTS = 8;

/** 1 to 8, the same for the same id everywhere. */
export function tint(id: string): number {
  let hash = 2166136261;
  for (const char of id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16777619) >>> 0;
  return (hash % TINTS) + 1;
}

/** First letters of the first two words; one letter where letters join (Arabic), since two would read as a word. */
export function initials(name: string): string {
  const words = cleanName(name)
    .split(/\s+/)
    .filter((word) => /[\p{L}\p{N}\p{Emoji}]/u.test(word));
  const letters = words.slice(0, 2).map(firstLetter);
  const [first = ""] = letters;
  if (/[\p{Script=Arabic}\p{Extended_Pictographic}]/u.test(first)) return first;
  return letters.join("").toLocaleUpperCase();
}

function firstLetter(word: string): string {
  const [first] = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(word);
  return first?.segment ?? "";
}
