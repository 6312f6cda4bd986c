/**
 * One spelling for what a reader takes for the same words, and where each of its letters stood.
 * Twin of zajil.protocol.search.folding, whose tables the vectors hold.
 */

/** After NFKD and lower case, which have already made أ إ آ the letter ا with a mark, ئ that of ي, ؤ that of و. */
export const LETTERS: Readonly<Record<string, string>> = {
  ...{ ٱ: "ا", ى: "ي", ی: "ي", ۍ: "ي", ې: "ي", ے: "ي", ة: "ه", ہ: "ه", ۃ: "ه", ھ: "ه", ە: "ه" },
  ...{ ۄ: "و", ۆ: "و", ۇ: "و", ۈ: "و", ۋ: "و", ک: "ك", ڪ: "ك", ګ: "ك", ß: "ss", ς: "σ" },
};
/** Where the ten digits of Arabic, of Persian and Urdu begin. */
export const DIGITS = [0x0660, 0x06f0] as const;
/** Letters whose mark is no accent: й is not и, while ё is е. */
export const COMPOSED: Readonly<Record<string, string>> = {
  "и\u0306": "й",
  "у\u0306": "ў",
  "і\u0308": "ї",
  "г\u0301": "ѓ",
  "к\u0301": "ќ",
};
type Ranges = readonly (readonly [first: number, last: number])[];
export const MARKS: Ranges = [
  ...([
    [0x0300, 0x036f],
    [0x0483, 0x0489],
    [0x0610, 0x061a],
    [0x0640, 0x0640],
    [0x064b, 0x065f],
  ] as const),
  ...([
    [0x0670, 0x0670],
    [0x06d6, 0x06ed],
    [0x1ab0, 0x1aff],
    [0x1dc0, 0x1dff],
    [0x20d0, 0x20ff],
  ] as const),
  [0xfe20, 0xfe2f],
];
/** Controls that are no white space, fillers, format characters, variation selectors, tags, lone surrogates. */
export const HIDDEN: Ranges = [
  ...([
    [0x0000, 0x0008],
    [0x000e, 0x001b],
    [0x007f, 0x0084],
    [0x0086, 0x009f],
    [0x00ad, 0x00ad],
  ] as const),
  ...([
    [0x034f, 0x034f],
    [0x0600, 0x0605],
    [0x061c, 0x061c],
    [0x070f, 0x070f],
    [0x0890, 0x0891],
  ] as const),
  ...([
    [0x08e2, 0x08e2],
    [0x115f, 0x1160],
    [0x180b, 0x180f],
    [0x200b, 0x200f],
    [0x202a, 0x202e],
  ] as const),
  ...([
    [0x2060, 0x206f],
    [0x3164, 0x3164],
    [0xd800, 0xdfff],
    [0xfe00, 0xfe0f],
    [0xfeff, 0xfeff],
  ] as const),
  ...([
    [0xffa0, 0xffa0],
    [0xfff9, 0xfffb],
    [0xe0000, 0xe0fff],
  ] as const),
];

const inside = (ranges: Ranges): string =>
  ranges.map(([first, last]) => `\\u{${first.toString(16)}}-\\u{${last.toString(16)}}`).join("");
const GONE = inside([...MARKS, ...HIDDEN]);
/** All but what makes a letter of its own: one of them between two marks keeps these from coming into order. */
const GONE_FIRST = new RegExp(`(?![\\u0301\\u0306\\u0308])[${GONE}]`, "gu");
const GONES = new RegExp(`[${GONE}]+`, "gu");
const COMPOSEDS = new RegExp(Object.keys(COMPOSED).join("|"), "gu");
const LETTERED = new RegExp(`[${Object.keys(LETTERS).join("")}\\u0660-\\u0669\\u06f0-\\u06f9]`, "gu");
/** A letter with what is written on it; what stands before the first letter is a cluster of its own. */
const CLUSTER = new RegExp(`[^\\p{M}${GONE}][\\p{M}${GONE}]*|[\\p{M}${GONE}]+`, "gu");
const PLAIN = /^[\u0020-\u007e]*$/;

/** The text in its one spelling; of a text of Latin letters alone, its lower case. */
export function fold(text: string): string {
  if (PLAIN.test(text)) return text.toLowerCase();
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replace(GONE_FIRST, "")
    .normalize("NFKD")
    .replace(COMPOSEDS, (found) => COMPOSED[found] ?? found)
    .replace(GONES, "")
    .replace(LETTERED, letter);
}

function letter(found: string): string {
  const known = LETTERS[found];
  if (known !== undefined) return known;
  const code = found.charCodeAt(0);
  return String(code - (code < DIGITS[1] ? DIGITS[0] : DIGITS[1]));
}

/**
 * `fold`, and for each of its UTF-16 units where in the text its letter begins; the length of the text last.
 *
 * Letter by letter, so it is slow: for texts that are shown.
 */
export function foldPlaces(text: string): [folded: string, places: number[]] {
  let folded = "";
  const places: number[] = [];
  for (const found of text.matchAll(CLUSTER)) {
    const part = fold(found[0]);
    folded += part;
    for (let at = 0; at < part.length; at++) places.push(found.index);
  }
  places.push(text.length);
  return [folded, places];
}
