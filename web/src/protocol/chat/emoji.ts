/**
 * Which text is one emoji: the grammar of UTS 51, ED-17a, over fixed ranges, so that two languages agree.
 *
 * The ranges are a little wider than the emoji of any Unicode version, so that new ones pass; letters, digits alone,
 * spaces, marks and direction controls do not.
 */
import { textSize } from "../bytes.ts";
import { error } from "../errors.ts";

/** Longest emoji, UTF-8; the longest one recommended for interchange has 35. */
export const EMOJI_BYTES = 64;
/** Most emoji joined by U+200D. */
export const ELEMENTS = 8;
const BASE =
  "\\u{a9}\\u{ae}\\u{203c}\\u{2049}\\u{2122}\\u{2139}\\u{2194}-\\u{2199}\\u{21a9}\\u{21aa}\\u{231a}-\\u{23ff}\\u{24c2}" +
  "\\u{25aa}-\\u{25fe}\\u{2600}-\\u{27bf}\\u{2934}\\u{2935}\\u{2b05}-\\u{2b55}\\u{3030}\\u{303d}\\u{3297}\\u{3299}" +
  "\\u{1f004}\\u{1f0cf}\\u{1f170}-\\u{1f19a}\\u{1f201}-\\u{1f251}\\u{1f300}-\\u{1faff}";
const FLAG = "[\\u{1f1e6}-\\u{1f1ff}]{2}";
const KEYCAP = "[0-9#*]\\u{fe0f}?\\u{20e3}";
const TAGS = "[\\u{e0020}-\\u{e007e}]{1,8}\\u{e007f}";
const ELEMENT = `(?:${FLAG}|${KEYCAP}|[${BASE}](?:\\u{fe0f}|[\\u{1f3fb}-\\u{1f3ff}])?(?:${TAGS})?)`;
const EMOJI = new RegExp(`^${ELEMENT}(?:\\u{200d}${ELEMENT}){0,${String(ELEMENTS - 1)}}$`, "u");

/** The text, if it is exactly one emoji. Throws Malformed. */
export function checkEmoji(text: string): string {
  if (!EMOJI.test(text) || textSize(text) > EMOJI_BYTES) throw error("malformed", "not one emoji");
  return text;
}
