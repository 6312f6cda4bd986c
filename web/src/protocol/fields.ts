/** Typed reading of parsed CBOR: each field is asked for by kind and size, and anything else is Malformed. */
import { textSize } from "./bytes.ts";
import type { Key, Parsed } from "./cbor.ts";
import { error } from "./errors.ts";

/** The fields of one map or array, by key or position. Every method throws Malformed for another kind or size. */
export class Fields {
  readonly #values: ReadonlyMap<Key, Parsed>;

  constructor(values: ReadonlyMap<Key, Parsed>) {
    this.#values = values;
  }

  /** The fields of a map that has all required keys and no others than the optional ones. */
  static ofMap(value: Parsed, required: readonly Key[], optional: readonly Key[] = []): Fields {
    const fields = Fields.ofOpenMap(value, required);
    for (const key of fields.#values.keys()) {
      if (!required.includes(key) && !optional.includes(key)) throw error("malformed", "map with other keys");
    }
    return fields;
  }

  /** The fields of a map that has all required keys; others are left unread, for later versions. */
  static ofOpenMap(value: Parsed, required: readonly Key[] = []): Fields {
    if (!(value instanceof Map) || !required.every((key) => value.has(key)))
      throw error("malformed", "map without a required key");
    return new Fields(value);
  }

  /** The fields of an array of one of these lengths, keyed from 0. */
  static ofArray(value: Parsed, ...lengths: readonly number[]): Fields {
    if (!Array.isArray(value) || !lengths.includes(value.length)) throw error("malformed", "array of another length");
    return Fields.ofItems(value);
  }

  /** The fields of any array, keyed from 0. */
  static ofItems(items: readonly Parsed[]): Fields {
    return new Fields(new Map(items.map((item, at) => [at, item])));
  }

  /** Whether the field is there and not nil. */
  has(key: Key): boolean {
    return this.raw(key) !== null;
  }

  /** The value as parsed, null when absent. */
  raw(key: Key): Parsed {
    return this.#values.get(key) ?? null;
  }

  /** Bytes of exactly `size`. */
  blob(key: Key, size: number): Uint8Array {
    const value = this.#values.get(key);
    if (!(value instanceof Uint8Array) || value.length !== size) throw error("malformed", "bytes of another size");
    return value;
  }

  /** As `blob`, null when absent or nil. */
  blobOrNone(key: Key, size: number): Uint8Array | null {
    return this.has(key) ? this.blob(key, size) : null;
  }

  /** Bytes, at most `most`. */
  bytes(key: Key, most = Infinity): Uint8Array {
    const value = this.#values.get(key);
    if (!(value instanceof Uint8Array) || value.length > most) throw error("malformed", "bytes of another size");
    return value;
  }

  /** Text of at most `most` bytes of UTF-8. */
  text(key: Key, most: number): string {
    const value = this.#values.get(key);
    if (typeof value !== "string" || textSize(value) > most) throw error("malformed", "text of another size");
    return value;
  }

  /** As `text`, null when absent or nil. */
  textOrNone(key: Key, most: number): string | null {
    return this.has(key) ? this.text(key, most) : null;
  }

  /** An integer from 0 below 2^bits; never above 2^53 - 1, the last one JavaScript counts exactly. */
  number(key: Key, bits = 53): number {
    const value = this.#values.get(key);
    if (typeof value !== "number" || value < 0 || value >= 2 ** bits) throw error("malformed", "number out of range");
    return value;
  }

  /** As `number`, null when absent or nil. */
  numberOrNone(key: Key, bits = 53): number | null {
    return this.has(key) ? this.number(key, bits) : null;
  }

  /** True or false. */
  flag(key: Key): boolean {
    const value = this.#values.get(key);
    if (typeof value !== "boolean") throw error("malformed", "not true or false");
    return value;
  }

  /** An array of at most `most` items. */
  items(key: Key, most: number): Parsed[] {
    const value = this.#values.get(key);
    if (!Array.isArray(value) || value.length > most) throw error("malformed", "array of another length");
    return value;
  }

  /** An array of at most `most` byte strings, each at most `size` bytes. */
  blobs(key: Key, most: number, size: number): Uint8Array[] {
    const items = this.items(key, most);
    const fields = Fields.ofItems(items);
    return items.map((_, at) => fields.bytes(at, size));
  }

  /** A map of at most `most` pairs. */
  pairs(key: Key, most: number): Map<Key, Parsed> {
    const value = this.#values.get(key);
    if (!(value instanceof Map) || value.size > most) throw error("malformed", "map of another size");
    return value;
  }
}
