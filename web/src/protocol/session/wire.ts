/** The frames of the session layer, tags 1 to 7: `[tag, field, ...]` in MessagePack, one in each record. */
import { B16, bin, FLAG, type Layout, orNil, pack, packFrame, Reader, text, U16, U32, U64 } from "../arrays.ts";
import { error } from "../errors.ts";
import { DATA_BODY_BYTES } from "../limits.ts";
import { pad, unpad } from "../records.ts";

export const VERSION = 1;
/** Largest PING record, and so the largest PONG. */
export const ECHO_BYTES = 4096;
/** `frag` of a segmented carrier; anything under ECHO_BYTES means one. */
export const SEGMENT_FRAG = 3584;
/** Bytes of records that a segmented carrier moves in one direction, at most. */
export const SEGMENT_BYTES = 8192;
/** With this much in either direction the client dials the next carrier. */
export const ROTATE_BYTES = 4096;

/**
 * Client, first on every carrier. resume: null = new session. rx: highest n in order. frag: bytes, largest record; under
 * 4,096 the carrier is segmented. serial: counts the client's carriers from 1: an OPEN that is late takes nothing over.
 */
export interface Open {
  readonly type: "Open";
  readonly version: number;
  readonly resume: Uint8Array | null;
  readonly rx: number;
  readonly frag: number;
  readonly serial: number;
}
/** Server, answers Open. known false: a new session, n starts at 1 in both directions. */
export interface Opened {
  readonly type: "Opened";
  readonly resume: Uint8Array;
  readonly rx: number;
  readonly known: boolean;
}
/** A part of a message. more: another part follows. */
export interface Data {
  readonly type: "Data";
  readonly n: number;
  readonly ack: number;
  readonly more: boolean;
  readonly body: Uint8Array;
}
/** Everything up to `ack` has arrived in order. */
export interface Ack {
  readonly type: "Ack";
  readonly ack: number;
}
/** Asks for a Pong of the same size, at most 4,096 bytes. */
export interface Ping {
  readonly type: "Ping";
  readonly id: number;
}
/** Answers a Ping. */
export interface Pong {
  readonly type: "Pong";
  readonly id: number;
}
/** The session ends here; `code` is of the error table. */
export interface Close {
  readonly type: "Close";
  readonly code: string;
  readonly retry_ms: number;
}
export type SessionFrame = Open | Opened | Data | Ack | Ping | Pong | Close;

const OPEN: Layout<Open> = {
  type: "Open",
  tag: 1,
  columns: [
    ["version", U16],
    ["resume", orNil(B16)],
    ["rx", U64],
    ["frag", U32],
    ["serial", U32],
  ],
};
const OPENED: Layout<Opened> = {
  type: "Opened",
  tag: 2,
  columns: [
    ["resume", B16],
    ["rx", U64],
    ["known", FLAG],
  ],
};
const DATA: Layout<Data> = {
  type: "Data",
  tag: 3,
  columns: [
    ["n", U64],
    ["ack", U64],
    ["more", FLAG],
    ["body", bin(DATA_BODY_BYTES)],
  ],
};
const ACK: Layout<Ack> = { type: "Ack", tag: 4, columns: [["ack", U64]] };
const PING: Layout<Ping> = { type: "Ping", tag: 5, columns: [["id", U32]] };
const PONG: Layout<Pong> = { type: "Pong", tag: 6, columns: [["id", U32]] };
const CLOSE: Layout<Close> = {
  type: "Close",
  tag: 7,
  columns: [
    ["code", text(64)],
    ["retry_ms", U32],
  ],
};
const LAYOUTS = [OPEN, OPENED, DATA, ACK, PING, PONG, CLOSE] as readonly Layout<unknown>[];
const BY_TYPE: ReadonlyMap<string, Layout<unknown>> = new Map(LAYOUTS.map((layout) => [layout.type, layout]));
const reader = new Reader<SessionFrame>(LAYOUTS);

/** The MessagePack array of a session frame. */
export function encodeSessionFrame(frame: SessionFrame): Uint8Array {
  const layout = BY_TYPE.get(frame.type);
  if (!layout) throw error("wrong-call", "no such session frame");
  return pack(packFrame(layout, frame));
}

/** The record of one session frame, of `atLeast` bytes or more. */
export function encodeRecord(frame: SessionFrame, atLeast = 0): Uint8Array {
  return pad(encodeSessionFrame(frame), atLeast);
}

/** The session frame of one record. Throws RemoteProtocolError `protocol`. */
export function parseRecord(record: Uint8Array): SessionFrame {
  let frame: Uint8Array;
  try {
    frame = unpad(record);
  } catch {
    throw error("protocol", "record");
  }
  return reader.parse(frame);
}
