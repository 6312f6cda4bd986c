/**
 * MessagePack arrays `[tag, field, ...]`: how frames are written, and read with every field's type and size checked.
 *
 * New fields go to the end with a default, so a shorter array is fine where the missing fields have one, and extra
 * trailing fields are ignored.
 */
import { Decoder, Encoder } from "@msgpack/msgpack";
import { textSize } from "./bytes.ts";
import { error, type ZajilError } from "./errors.ts";
import { MESSAGE_BYTES } from "./limits.ts";

/** One kind of field. Both ways throw when the value does not fit. */
export interface Field<T> {
  parse(value: unknown): T;
  /** What MessagePack is given for the value. */
  pack(value: T): unknown;
}

const wrong = (): ZajilError => error("protocol", "field of a frame");

function plain<T>(fits: (value: unknown) => value is T): Field<T> {
  return {
    parse(value) {
      if (!fits(value)) throw wrong();
      return value;
    },
    pack: (value) => value,
  };
}

/** An integer from `least` to `most`. */
export const uint = (most: number, least = 0): Field<number> =>
  plain((value): value is number => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most);
export const U16 = uint(2 ** 16 - 1);
export const U32 = uint(2 ** 32 - 1);
/** The wire allows up to 2^63 - 1; counters, epochs and milliseconds of ours end at 2^53 - 1. */
export const U64 = uint(Number.MAX_SAFE_INTEGER);
export const FLAG = plain((value) => typeof value === "boolean");

/** Text of at most `most` bytes of UTF-8. */
export const text = (most: number): Field<string> =>
  plain((value): value is string => typeof value === "string" && textSize(value) <= most);

/** Bytes, `least` to `most` of them; a copy that shares no memory with the frame. */
export const bin = (most: number, least = 0): Field<Uint8Array> => ({
  parse(value) {
    if (!(value instanceof Uint8Array) || value.length < least || value.length > most) throw wrong();
    return value.slice();
  },
  pack: (value) => value,
});
export const B8 = bin(8, 8);
export const B16 = bin(16, 16);
export const B32 = bin(32, 32);

/** The field, or null. */
export const orNil = <T>(field: Field<T>): Field<T | null> => ({
  parse: (value) => (value === null ? null : field.parse(value)),
  pack: (value) => (value === null ? null : field.pack(value)),
});

/** An array of `least` to `most` items. */
export const list = <T>(item: Field<T>, most: number, least = 0): Field<readonly T[]> => ({
  parse(value) {
    if (!Array.isArray(value) || value.length < least || value.length > most) throw wrong();
    return value.map((one) => item.parse(one));
  },
  pack: (value) => value.map((one) => item.pack(one)),
});

/** A map of texts, keys at most 64 bytes, as a plain object. */
export const map = <T>(item: Field<T>): Field<Readonly<Record<string, T>>> => ({
  parse(value) {
    if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) throw wrong();
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [text(64).parse(key), item.parse(one)]));
  },
  pack: (value) => value,
});

/** One of two kinds. */
export const either = <A, B>(a: Field<A>, b: Field<B>, isA: (value: unknown) => boolean): Field<A | B> => ({
  parse: (value) => (isA(value) ? a.parse(value) : b.parse(value)),
  pack: (value) => value,
});

/** Name, kind, and the default that a shorter array leaves. */
export type Column<T> = { [K in keyof T]: readonly [name: K, field: Field<T[K]>, fallback?: T[K]] }[keyof T];
type Anything = Readonly<Record<string, unknown>>;

/** The layout of one frame. `type` tells frames apart in this program; `tag` does on the wire, null inside another. */
export interface Layout<T> {
  readonly type: string;
  readonly tag: number | null;
  readonly columns: readonly Column<Omit<T, "type">>[];
}

/** The array of a frame, as MessagePack is given it. */
export function packFrame<T>(layout: Layout<T>, frame: T): unknown[] {
  const values = frame as Anything;
  const head = layout.tag === null ? [] : [layout.tag];
  return [...head, ...layout.columns.map(([name, field]) => (field as Field<unknown>).pack(values[name as string]))];
}

/** The frame of an array without its tag. Throws RemoteProtocolError. */
export function unpackFrame<T>(layout: Layout<T>, values: readonly unknown[]): T {
  const frame: Record<string, unknown> = layout.tag === null ? {} : { type: layout.type };
  layout.columns.forEach(([name, field, fallback], at) => {
    if (at < values.length) frame[name as string] = (field as Field<unknown>).parse(values[at]);
    else if (fallback !== undefined) frame[name as string] = fallback;
    else throw error("protocol", "frame with too few fields");
  });
  return frame as T; // every column of T was set, with its type
}

/** A frame inside another: an array without a tag. */
export const nested = <T>(layout: Layout<T>): Field<T> => ({
  parse(value) {
    if (!Array.isArray(value)) throw wrong();
    return unpackFrame(layout, value);
  },
  pack: (value) => packFrame(layout, value),
});

/** The frames that may come from one direction. */
export class Reader<F> {
  readonly #layouts: ReadonlyMap<number | null, Layout<unknown>>;

  constructor(layouts: readonly Layout<unknown>[]) {
    this.#layouts = new Map(layouts.map((layout) => [layout.tag, layout]));
  }

  /** The frame of its bytes. Throws RemoteProtocolError for another tag, field or length, or bytes after it. */
  parse(data: Uint8Array): F {
    const value = unpack(data);
    const layout = Array.isArray(value) && typeof value[0] === "number" ? this.#layouts.get(value[0]) : undefined;
    if (!layout) throw error("protocol", "tag of a frame");
    return unpackFrame(layout as Layout<F>, (value as unknown[]).slice(1));
  }
}

const LIMITS = {
  maxStrLength: 8192,
  maxBinLength: MESSAGE_BYTES,
  maxArrayLength: 4096,
  maxMapLength: 256,
  maxExtLength: 0,
};

function unpack(data: Uint8Array): unknown {
  if (data.length > MESSAGE_BYTES) throw error("protocol", "frame over 1 MiB");
  try {
    return new Decoder({ ...LIMITS, useBigInt64: false, keyDecoder: null }).decode(data);
  } catch {
    throw error("protocol", "frame that cannot be read");
  }
}

/** The MessagePack bytes of an array, integers in their shortest form. */
export function pack(values: readonly unknown[]): Uint8Array {
  return new Encoder({ initialBufferSize: 512 }).encode(values);
}
