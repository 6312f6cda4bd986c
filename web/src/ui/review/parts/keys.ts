/**
 * The keys of the console, one table for the handler, the help and docs/operate/moderation.md. They go by the place on
 * the keyboard (`KeyboardEvent.code`), so they work under an Arabic or Russian layout too; the letter is the Latin one.
 */
import type { MessageKey } from "../../../i18n/catalogue.ts";
import { CATEGORIES } from "../../../state/review/shapes.ts";

export type Command =
  | "next"
  | "show"
  | "allow"
  | "label"
  | "limit"
  | "hold"
  | "remove"
  | "restore"
  | "escalate"
  | "cluster"
  | "skip"
  | "give_back"
  | "undo"
  | "help";

interface Key {
  readonly code: string;
  readonly letter: string;
  readonly command: Command;
  readonly words: MessageKey;
}

export const KEYS: readonly Key[] = [
  { code: "KeyN", letter: "N", command: "next", words: "rv_key_next" },
  { code: "KeyV", letter: "V", command: "show", words: "rv_key_show" },
  { code: "KeyA", letter: "A", command: "allow", words: "rv_do_allow" },
  { code: "KeyB", letter: "B", command: "label", words: "rv_do_label" },
  { code: "KeyL", letter: "L", command: "limit", words: "rv_do_limit" },
  { code: "KeyH", letter: "H", command: "hold", words: "rv_do_hold" },
  { code: "KeyR", letter: "R", command: "remove", words: "rv_do_remove" },
  { code: "KeyT", letter: "T", command: "restore", words: "rv_do_restore" },
  { code: "KeyE", letter: "E", command: "escalate", words: "rv_do_escalate" },
  { code: "KeyC", letter: "C", command: "cluster", words: "rv_key_cluster" },
  { code: "KeyS", letter: "S", command: "skip", words: "rv_key_skip" },
  { code: "KeyG", letter: "G", command: "give_back", words: "rv_key_give_back" },
  { code: "KeyU", letter: "U", command: "undo", words: "rv_key_undo" },
];

/** The letter that a command has. */
export const letterOf = (command: string): string | undefined => KEYS.find((key) => key.command === command)?.letter;

/** Whether somebody writes or chooses where the key was pressed. */
function isWritten(target: EventTarget | null): boolean {
  const { closest } = (target ?? {}) as Partial<Element>;
  const field = closest?.call(target, "input:not([type=radio]), textarea, select, [contenteditable]");
  return field !== undefined && field !== null;
}

/** The command of a key press; undefined while somebody writes, or with a modifier other than Shift for `?`. */
export function commandOf(event: KeyboardEvent): Command | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isWritten(event.target)) return undefined;
  if (event.key === "?" || event.key === "؟") return "help";
  if (event.shiftKey) return undefined;
  return KEYS.find((key) => key.code === event.code)?.command;
}

/** The category of a digit, 1 to 7 in the order of the list; undefined for any other key. */
export function categoryOf(event: KeyboardEvent): string | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || isWritten(event.target)) return undefined;
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
  return digit === undefined ? undefined : CATEGORIES[Number(digit) - 1];
}
