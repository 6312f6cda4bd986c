/**
 * Deterministic CBOR: one value has exactly one encoding, and only that one is read (RFC 8949 section 4.2.1).
 *
 * cborg reads heads and writes values; shortest lengths, definite sizes, key order, depth and kinds are checked here.
 * Tags, floats, undefined and indefinite lengths are refused.
 */
import { encode as encodeCborg, rfc8949EncodeOptions, Token, Tokenizer, Type } from "cborg";
import { compare, isWellFormed, parseText } from "./bytes.ts";
import { error, ZajilError } from "./errors.ts";
import { CBOR_DEPTH } from "./limits.ts";

/** Integers are numbers up to 2^53 - 1 and bigints beyond. */
export type Key = number | bigint | string | Uint8Array;
/** What can be encoded: integers of 64 bits, bytes, text, arrays, maps, true, false, null. */
export type Value = number | bigint | string | boolean | null | Uint8Array | readonly Value[] | ReadonlyMap<Key, Value>;
/** What `parse` returns. Map keys of bytes are compared by identity in JavaScript: walk the pairs. */
export type Parsed = number | bigint | string | boolean | null | Uint8Array | Parsed[] | Map<Key, Parsed>;

/** The one deterministic encoding of a value. Throws LocalProtocolError for a kind, number or depth CBOR here lacks. */
export function encode(value: Value): Uint8Array {
  checkValue(value, 0);
  return encodeCborg(value, ENCODE_OPTIONS);
}

const MOST = (1n << 64n) - 1n;
const ENCODE_OPTIONS = {
  ...rfc8949EncodeOptions,
  typeEncoders: {
    // A bigint within 2^53 must come out as the number would.
    bigint: (number: bigint) => (number >= 0n ? new Token(Type.uint, number) : new Token(Type.negint, number)),
  },
};

function checkValue(value: Value, depth: number): void {
  if (depth > CBOR_DEPTH) throw error("wrong-call", "nested too deep");
  if (value === null || typeof value === "boolean" || value instanceof Uint8Array) return;
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw error("wrong-call", "no integer");
  } else if (typeof value === "bigint") {
    if (value > MOST || value < -MOST - 1n) throw error("wrong-call", "integer beyond 64 bits");
  } else if (typeof value === "string") {
    if (!isWellFormed(value)) throw error("wrong-call", "text with a lone surrogate");
  } else if (value instanceof Map) {
    for (const [key, item] of value) {
      checkValue(key as Key, depth + 1);
      checkValue(item as Value, depth + 1);
    }
  } else if (Array.isArray(value)) {
    for (const item of value as readonly Value[]) checkValue(item, depth + 1);
  } else throw error("wrong-call", "no CBOR for this kind of value");
}

const DECODE_OPTIONS = {
  strict: true,
  allowBigInt: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  retainStringBytes: true,
};

/**
 * The value of one deterministic encoding, nothing before or after it. At most 16 levels of nesting.
 *
 * Throws Malformed for anything another encoder could have written otherwise, trailing bytes, tags and floats.
 */
export function parse(data: Uint8Array): Parsed {
  const tokens = new Tokenizer(data, DECODE_OPTIONS);
  let value: Parsed;
  try {
    value = parseItem(tokens, data, 0);
  } catch (problem) {
    if (problem instanceof ZajilError) throw problem;
    throw error("malformed", "CBOR that cannot be read");
  }
  if (!tokens.done()) throw error("malformed", "CBOR with trailing bytes");
  return value;
}

function parseItem(tokens: Tokenizer, data: Uint8Array, depth: number): Parsed {
  if (depth > CBOR_DEPTH) throw error("malformed", "CBOR nested too deep");
  if (tokens.done()) throw error("malformed", "CBOR ends early");
  const token = tokens.next();
  const number = Number(token.value);
  switch (token.type) {
    case Type.uint:
    case Type.negint:
      return token.value as number | bigint;
    case Type.bytes:
      return (token.value as Uint8Array).slice();
    case Type.string:
      return parseText(token.byteValue ?? new Uint8Array());
    case Type.true:
      return true;
    case Type.false:
      return false;
    case Type.null:
      return null;
    case Type.array:
      checkCount(number, tokens, data);
      return Array.from({ length: number }, () => parseItem(tokens, data, depth + 1));
    case Type.map:
      checkCount(number, tokens, data);
      return parseMap(tokens, data, number, depth);
    default:
      throw error("malformed", "CBOR tag, float or unknown simple value");
  }
}

/** Every item takes at least one byte, so a huge count fails here before anything is built. */
function checkCount(count: number, tokens: Tokenizer, data: Uint8Array): void {
  if (count > data.length - tokens.pos()) throw error("malformed", "CBOR ends early");
}

function parseMap(tokens: Tokenizer, data: Uint8Array, count: number, depth: number): Map<Key, Parsed> {
  const found = new Map<Key, Parsed>();
  let last = new Uint8Array();
  for (let at = 0; at < count; at++) {
    const start = tokens.pos();
    const key = parseItem(tokens, data, depth + 1);
    if (typeof key !== "number" && typeof key !== "bigint" && typeof key !== "string" && !(key instanceof Uint8Array)) {
      throw error("malformed", "CBOR map key of this kind");
    }
    const raw = data.slice(start, tokens.pos());
    if (compare(raw, last) <= 0) throw error("malformed", "CBOR map keys doubled or out of order");
    last = raw;
    found.set(key, parseItem(tokens, data, depth + 1));
  }
  return found;
}
