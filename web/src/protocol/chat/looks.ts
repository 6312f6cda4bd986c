/**
 * How the files of a message look before they are fetched: extension -5 of its content, an array as long as its files.
 *
 * Each entry is null or `[1, width, height, thumbhash]`, `[2, duration_ms, waveform]`, `[3, width, height, duration_ms,
 * thumbhash]`. It is its sender's word and only draws: what is wrong with an entry makes it null, what is wrong with the
 * array all of them, and never the message. Small bytes are numbers from 0 to 255 here.
 */
import type { Key, Value } from "../cbor.ts";

export const LOOKS = -5;
export const SIDE_MAX = 65_535;
export const DURATION_MAX_MS = 86_400_000;
export const THUMBHASH_BYTES = [5, 32] as const;
export const WAVEFORM_BYTES = 64;

interface Sides {
  /** Pixels, 1 to 65,535. */
  readonly width: number;
  readonly height: number;
  /** 5 to 32 bytes. */
  readonly thumbhash: readonly number[];
}
interface Time {
  /** 0 to a day. */
  readonly duration_ms: number;
}
/** waveform: 64 bytes of loudness. */
export type Look =
  | ({ readonly kind: "image" } & Sides)
  | ({ readonly kind: "voice"; readonly waveform: readonly number[] } & Time)
  | ({ readonly kind: "video" } & Sides & Time);

const KINDS = { 1: "image", 2: "voice", 3: "video" } as const;

/** The extension of these looks; undefined where none says anything. One that is wrong is left out, as null. */
export function encodeLooks(looks: readonly (Look | null)[]): Value | undefined {
  const values = looks.map((look) => look && valueOf(look));
  const checked = values.map((value) => (parseLook(value) === null ? null : value));
  return checked.every((value) => value === null) ? undefined : checked;
}

function valueOf(look: Look): Value {
  if (look.kind === "voice") return [2, look.duration_ms, Uint8Array.from(look.waveform)];
  const { width, height } = look;
  const thumbhash = Uint8Array.from(look.thumbhash);
  return look.kind === "image" ? [1, width, height, thumbhash] : [3, width, height, look.duration_ms, thumbhash];
}

/** The looks of so many files. */
export function parseLooks(extensions: ReadonlyMap<Key, Value>, files: number): readonly (Look | null)[] {
  const value = extensions.get(LOOKS);
  return Array.isArray(value) && value.length === files
    ? value.map(parseLook)
    : Array.from({ length: files }, () => null);
}

function parseLook(value: Value): Look | null {
  if (!Array.isArray(value)) return null;
  const [number, ...rest] = value as readonly Value[];
  const kind = number === 1 || number === 2 || number === 3 ? KINDS[number] : undefined;
  if (kind === undefined) return null;
  const times = kind === "image" ? [] : rest.splice(kind === "voice" ? 0 : 2, 1);
  const small = rest.pop();
  const [least, most] = kind === "voice" ? [WAVEFORM_BYTES, WAVEFORM_BYTES] : THUMBHASH_BYTES;
  const right =
    rest.length === (kind === "voice" ? 0 : 2) &&
    rest.every((side) => isWithin(side, 1, SIDE_MAX)) &&
    times.every((time) => isWithin(time, 0, DURATION_MAX_MS)) &&
    small instanceof Uint8Array &&
    isWithin(small.length, least, most);
  if (!right) return null;
  const [bytes, duration_ms, [width, height]] = [[...small], Number(times[0]), rest.map(Number) as [number, number]];
  if (kind === "voice") return { kind, duration_ms, waveform: bytes };
  const sides = { width, height, thumbhash: bytes };
  return kind === "image" ? { kind, ...sides } : { kind, ...sides, duration_ms };
}

function isWithin(value: Value | undefined, least: number, most: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}
