/**
 * The record of a call: what a reload needs to return to it, and the numbers that must never be used twice; twin of
 * zajil.client.calls.record.
 *
 * `nextCtx` is written before the first number below it is used, so whatever happens to the worker, the next one begins
 * with numbers that no frame was ever sealed with (RFC 9605 section 4.4.1).
 */
import type { CallRecord } from "../../protocol/calls/events.ts";
import { CALL_BYTES, LEAF_BITS, PEOPLE, SECRET_BYTES } from "../../protocol/calls/limits.ts";
import { REMEMBERED } from "../../protocol/calls/state.ts";
import * as cbor from "../../protocol/cbor.ts";
import { error, Malformed } from "../../protocol/errors.ts";
import { Fields } from "../../protocol/fields.ts";
import { encodeB64 } from "../../protocol/ids.ts";

/** Numbers that are reserved at a time. */
const BLOCK = 64;
/** With fewer left another block is written: three peers that say `lost` as often as they may use no more at once. */
const LOW = 96;
const CTX_MOST = 2 ** 32;
/** Blocks at which the numbers of a call may begin. */
const PLACES = 2 ** 25;
const VERSION = 1;

/** The record of the call of one group. nextCtx: the first free number. lastSeen: ms. */
export interface Kept {
  readonly gid: Uint8Array;
  readonly record: CallRecord;
  readonly nextCtx: number;
  readonly lastSeen: number;
}

/** Deterministic CBOR of the record. */
export function encodeKept({ gid, record, nextCtx, lastSeen }: Kept): Uint8Array {
  const values = { v: VERSION, gid, mic: false, ...record, next_ctx: nextCtx, last_seen: lastSeen };
  return cbor.encode(new Map<string, cbor.Value>(Object.entries(values)));
}

/** The record of its bytes, null for one of another version or that is damaged. */
export function parseKept(data: Uint8Array): Kept | null {
  try {
    const fields = Fields.ofOpenMap(cbor.parse(data));
    const kind = fields.raw("kind");
    if (fields.number("v") !== VERSION || (kind !== "audio" && kind !== "video")) return null;
    const items = fields.items("leaves", PEOPLE);
    const leaves = Fields.ofItems(items);
    const record: CallRecord = {
      ...{ call: fields.blob("call", CALL_BYTES), secret: fields.blob("secret", SECRET_BYTES), kind },
      ...{ caller: fields.flag("caller"), since: fields.numberOrNone("since") },
      leaves: items.map((_, at) => leaves.number(at, LEAF_BITS)),
      mic: fields.raw("mic") === true,
    };
    const [nextCtx, lastSeen] = [fields.number("next_ctx", 33), fields.number("last_seen")];
    return { gid: fields.blob("gid", 16), record, nextCtx, lastSeen };
  } catch (problem) {
    if (problem instanceof Malformed) return null;
    throw problem;
  }
}

/**
 * Where the numbers of a call begin, so that who leaves it and joins again in the same epoch repeats none.
 *
 * Of the last 8 calls it is known; another one begins at one of 2^25 places, so that a call that is forgotten, after a
 * reload, is not met again, and neither are the numbers of the other end.
 */
export class UsedNumbers {
  readonly #free = new Map<string, number>();

  /** Numbers below this one may have been used in the call. */
  note(call: Uint8Array, firstFree: number): void {
    const id = encodeB64(call);
    const free = Math.max(firstFree, this.#free.get(id) ?? 0);
    this.#free.delete(id);
    this.#free.set(id, free);
    const [oldest] = this.#free.keys();
    if (oldest !== undefined && this.#free.size > REMEMBERED) this.#free.delete(oldest);
  }

  /** The numbers to go on with. */
  begin(call: Uint8Array, random: (size: number) => Uint8Array): CtxNumbers {
    const place = random(4).reduce((number, byte) => number * 256 + byte, 0) % PLACES;
    return new CtxNumbers(this.#free.get(encodeB64(call)) ?? (1 + place) * BLOCK);
  }
}

/** The numbers of one call's attempts, two each. reserved: the record that is written says so; durable: it is. */
export class CtxNumbers {
  reserved: number;
  durable: number;
  #next: number;

  constructor(first: number) {
    this.#next = this.reserved = this.durable = first;
  }

  /** The number of an attempt; the one after it is its video's. Throws LocalProtocolError when none is durable. */
  take(): number {
    if (!this.usable) throw error("wrong-call", "no number for an attempt");
    this.#next += 2;
    return this.#next - 2;
  }

  /** Another block, to be written. */
  reserve(): void {
    this.reserved = Math.min(this.reserved + BLOCK, CTX_MOST);
  }

  /** Whether one can be taken. */
  get usable(): boolean {
    return this.#next + 2 <= this.durable;
  }

  /** Whether another block should be on its way. */
  get low(): boolean {
    return this.reserved - this.#next < LOW;
  }
}
