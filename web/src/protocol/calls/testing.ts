/** For tests of calls: values as the vectors of vectors/calls hold them. */
import { encodeHex } from "../bytes.ts";

const SNAKE = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Bytes in hex, names in snake case, `t` as the name of Python's class, nothing that is null. */
export function shown(value: unknown): unknown {
  if (value instanceof Uint8Array) return encodeHex(value);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === null) continue;
    if (key === "t") out["is"] = String(item).replace(/(^|_)(.)/g, (_, __, letter: string) => letter.toUpperCase());
    else out[SNAKE(key)] = shown(item);
  }
  return out;
}
