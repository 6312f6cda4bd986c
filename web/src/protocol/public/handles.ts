/**
 * Handles and usernames: one spelling each, one script, and no two that look alike. Mirrors zajil.protocol.public.handles:
 * RFC 8265 UsernameCaseMapped, 3 to 32 characters, letters of one script, digits of one kind, `_` and `.` between them.
 * What a letter is comes from a table of one Unicode version, not from the browser.
 */
import { error } from "../errors.ts";
import { LETTERS, SCRIPTS, TWINS } from "./handletables.ts";

export const HANDLE_MIN = 3;
export const HANDLE_MAX = 32;
const EDGES = /^[_.]|[_.]$|[_.]{2}/;
/** What has a wide or narrow form of its own: mapped to what it stands for (RFC 8265 3.3, width mapping). */
const WIDTHS = /[\u3000\uff01-\uffdc\uffe0-\uffee]/g;
const ROUNDS = 8;

interface Letter {
  /** Number of its script; that of digits is behind the last. */
  readonly script: number;
  /** L, R, A (Arabic-Indic digit), E (European digit), N (mark). */
  readonly side: string;
  /** Of digits: the code point of their zero. */
  readonly zero: number;
}

interface Range {
  readonly first: number;
  readonly end: number;
  readonly letter: Letter;
}

let ranges: readonly Range[] | undefined;
let twins: ReadonlyMap<string, string> | undefined;

/** The handle as it is stored and shown. Throws Malformed `bad-handle` for what can be none. */
export function parseHandle(text: string): string {
  const given = [...text].length;
  if (given < HANDLE_MIN || given > HANDLE_MAX) throw error("bad-handle", "length");
  const handle = map(text);
  if (map(handle) !== handle) throw error("bad-handle", "RFC 8265");
  const characters = [...handle];
  if (characters.length < HANDLE_MIN || characters.length > HANDLE_MAX || EDGES.test(handle))
    throw error("bad-handle", "length or separators");
  check(characters);
  return handle;
}

/** What handles that look alike have in common (Unicode TR39, section 4). handle: as `parseHandle` gives it. */
export function skeleton(handle: string): string {
  twins ??= new Map(
    TWINS.trim()
      .split(/\s+/)
      .map((pair) => pair.split("=") as [string, string]),
  );
  const of = twins;
  let text = handle.normalize("NFD");
  for (let round = 0; round < ROUNDS; round++) {
    const next = [...text]
      .map((each) => of.get(each) ?? each)
      .join("")
      .normalize("NFD")
      .toLowerCase();
    if (next === text) break;
    text = next;
  }
  return text;
}

const map = (text: string): string =>
  text
    .replace(WIDTHS, (each) => each.normalize("NFKC"))
    .toLowerCase()
    .normalize("NFC");

/** One script, digits of one kind, and the Bidi Rule (RFC 5893 2). */
function check(characters: readonly string[]): void {
  const scripts = new Set<number>();
  const zeros = new Set<number>();
  const sides: string[] = [];
  for (const each of characters) {
    if (each === "_" || each === ".") continue;
    const letter = find(each.codePointAt(0) ?? 0);
    if (letter === undefined) throw error("bad-handle", "not a letter or digit");
    sides.push(letter.side);
    if (letter.script === SCRIPTS.length) zeros.add(letter.zero);
    else scripts.add(letter.script);
  }
  if (scripts.size !== 1 || zeros.size > 1) throw error("bad-handle", "scripts");
  if (!sides.includes("R") && !sides.includes("A")) return;
  // Separators stand between other characters, so the ends are those of `sides`.
  const last = sides.filter((side) => side !== "N").at(-1);
  const mixed = sides.includes("L") || (sides.includes("A") && sides.includes("E"));
  if (sides[0] !== "R" || last === undefined || last === "L" || mixed) throw error("bad-handle", "directions");
}

function find(code: number): Letter | undefined {
  ranges ??= readRanges();
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle];
    if (range === undefined) return undefined;
    if (code < range.first) high = middle;
    else if (code >= range.end) low = middle + 1;
    else return range.letter;
  }
  return undefined;
}

function readRanges(): Range[] {
  let at = 0;
  return LETTERS.trim()
    .split(/\s+/)
    .map((word) => {
      const [gap = "", length = "", kind = ""] = word.split(",");
      const first = at + parseInt(gap, 36);
      at = first + parseInt(length, 36);
      return { first, end: at, letter: { script: parseInt(kind.slice(0, -1), 36), side: kind.slice(-1), zero: first } };
    });
}
