/** Bytes: joining, comparing, big-endian numbers, hex, and UTF-8 that refuses what is not text. */
import { error } from "./errors.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** One array of all parts in order. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Whether two arrays hold the same bytes; the time depends on the lengths alone. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= (a[at] ?? 0) ^ (b[at] ?? 0);
  return difference === 0;
}

/** Bytewise order: below zero when a comes first, zero when both are the same. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference) return difference;
  }
  return a.length - b.length;
}

/** `size` bytes, big endian. number: an integer from 0 to 2^53 - 1. */
export function encodeUint(number: number, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let rest = number;
  for (let at = size - 1; at >= 0; at--) {
    out[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  if (rest !== 0 || !Number.isSafeInteger(number) || number < 0) throw error("wrong-call", "number out of range");
  return out;
}

/** The big-endian number of at most 8 bytes. Throws Malformed above 2^53 - 1. */
export function parseUint(data: Uint8Array): number {
  let number = 0;
  for (const byte of data) number = number * 256 + byte;
  if (!Number.isSafeInteger(number)) throw error("malformed", "number out of range");
  return number;
}

/** UTF-8 of a text. Throws Malformed for a lone surrogate. */
export function encodeText(text: string): Uint8Array {
  if (!isWellFormed(text)) throw error("malformed", "text with a lone surrogate");
  return encoder.encode(text);
}

/** Whether a text has no lone surrogate. */
export function isWellFormed(text: string): boolean {
  return !/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(text);
}

/** The number of bytes of a text in UTF-8. */
export function textSize(text: string): number {
  return encoder.encode(text).length;
}

/** The text of UTF-8 bytes. Throws Malformed for anything else. */
export function parseText(data: Uint8Array): string {
  try {
    return decoder.decode(data);
  } catch {
    throw error("malformed", "text is not UTF-8");
  }
}

/** ASCII and other short constants as bytes. */
export const ascii = (text: string): Uint8Array => encoder.encode(text);

/** Lower-case hexadecimal text. */
export function encodeHex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes of a hexadecimal text. Throws Malformed. */
export function parseHex(text: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw error("malformed", "not hexadecimal");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
