/** Strings of other people inside ours: bidi controls taken out or balanced, isolates around. Source: UAX 9. */

const CONTROLS = /[\u202A-\u202E\u2066-\u2069]/g;
const EMBEDDINGS = "\u202A\u202B\u202D\u202E";
const ISOLATES = "\u2066\u2067\u2068";
const POP_EMBEDDING = "\u202C";
const POP_ISOLATE = "\u2069";

/** Without embeddings, overrides and isolates (U+202A-202E, U+2066-2069): for names, titles and links. */
export function stripControls(text: string): string {
  return text.replace(CONTROLS, "");
}

/** A name or title as it is shown: bidi controls gone, other control characters and line breaks as one blank. */
export function cleanName(name: string): string {
  return stripControls(name)
    .replace(/[\u0000-\u001F\u007F-\u009F\u2028\u2029]+/g, " ")
    .trim();
}

/** A body whose bidi controls end where its paragraph ends: openers closed, stray closers dropped. */
export function balance(body: string): string {
  if (body.search(CONTROLS) < 0) return body;
  return body
    .split(/(\r\n|[\n\r\u0085\u2029])/)
    .map((part, at) => (at % 2 === 1 ? part : balanceParagraph(part)))
    .join("");
}

function balanceParagraph(paragraph: string): string {
  const open: string[] = [];
  let out = "";
  for (const char of paragraph) {
    if (EMBEDDINGS.includes(char)) open.push(POP_EMBEDDING);
    else if (ISOLATES.includes(char)) open.push(POP_ISOLATE);
    else if (char === POP_EMBEDDING || char === POP_ISOLATE) {
      // An embedding never closes an isolate; what was opened inside closes with the isolate.
      if (!open.includes(char) || (char === POP_EMBEDDING && open.at(-1) !== char)) continue;
      while (open.at(-1) !== char) out += open.pop() ?? "";
      open.pop();
    }
    out += char;
  }
  return out + open.reverse().join("");
}

/** A name inside a sentence that is no HTML (labels, notifications, catalogue values): between FSI and PDI. */
export function isolate(name: string): string {
  return `\u2068${cleanName(name)}\u2069`;
}

/** A link's address inside a sentence: left to right whatever stands around. */
export function isolateLeftToRight(text: string): string {
  return `\u2066${stripControls(text)}\u2069`;
}

const SCRIPTS: readonly RegExp[] = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Arabic}/u,
  /\p{Script=Hebrew}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}/u,
];

/** Whether letters of more than one script stand in one label of a host name, or in its labels before the last. */
export function mixesScripts(host: string): boolean {
  const labels = host.split(".");
  const whole = labels.slice(0, -1).join("");
  return [...labels, whole].some((part) => SCRIPTS.filter((script) => script.test(part)).length > 1);
}

/** Letters that are written from right to left: Hebrew, Arabic, Syriac, Thaana, N'Ko and their neighbours. */
const RIGHT_TO_LEFT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]|\uD83A[\uDC00-\uDFFF]/;

/** Direction of a paragraph by its first letter, as `dir="auto"` finds it; left to right where there is none. */
export function directionOf(text: string): "ltr" | "rtl" {
  const first = /\p{L}/u.exec(text)?.[0] ?? "";
  return RIGHT_TO_LEFT.test(first) ? "rtl" : "ltr";
}
