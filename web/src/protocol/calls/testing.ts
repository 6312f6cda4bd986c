/** For tests of calls: values as the files of vectors/calls hold them, and back. */
import { encodeHex, parseHex } from "../bytes.ts";

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camel = (name: string): string => name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
const BYTES: readonly string[] = ["call", "secret", "account", "data", "payload"];

/** Bytes in hex, names in snake case, `t` as the name of Python's class. */
export function shown(value: unknown): unknown {
  if (value instanceof Uint8Array) return encodeHex(value);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) =>
      key === "t" ? ["is", camel(`_${String(item)}`)] : [snake(key), shown(item)],
    ),
  );
}

/** The value that `shown` wrote. */
export function revived(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revived);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => {
      if (key === "is") return ["t", snake(String(item)).slice(1)];
      const bytes = BYTES.includes(key) && typeof item === "string";
      return [camel(key), bytes ? parseHex(item) : revived(item)];
    }),
  );
}
