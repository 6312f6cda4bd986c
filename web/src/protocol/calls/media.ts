/**
 * Frames of the media WebSocket; twin of zajil.protocol.calls.media, its client's half.
 *
 * All numbers are big-endian. A client sends `kind u8 | flags u8 | seq u16 | ts u32 | SFrame ciphertext`, whose
 * metadata (AAD) are the 8 bytes before it. The room puts the sender's slot (1 to 255) before it and changes nothing;
 * slot 0 is the room itself. The first record of a connection is the preamble, with a ticket.
 */
import { concat, encodeUint, parseUint } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import { error } from "../errors.ts";
import { Fields } from "../fields.ts";
import { PEOPLE } from "./limits.ts";

/** Header and ciphertext together. */
export const FRAME_BYTES = 16_000;
export const AUDIO_BYTES = 600;
export const HEADER_BYTES = 8;
/** room 16 || random 4 || expiry u32, Unix seconds || HMAC 16. */
export const TICKET_BYTES = 40;
const PREAMBLE = Uint8Array.of(1, 4);

/** Close codes of a room. */
export const BAD_TICKET = 4401;
export const ROOM_FULL = 4403;
export const IDLE = 4408;
export const TOO_MUCH = 4429;
export const RESTART = 1012;
export const TRY_LATER = 1013;

export type MediaKind = "audio" | "video" | "control";
const KINDS: readonly (MediaKind | undefined)[] = [undefined, "audio", "video", undefined, "control"];

/** One frame. key: a video key frame. seq: u16, counted per kind. ts: u32, ms. payload: SFrame ciphertext. */
export interface Frame {
  readonly kind: MediaKind;
  readonly key: boolean;
  readonly seq: number;
  readonly ts: number;
  readonly payload: Uint8Array;
}
export type RoomMessage =
  /** A frame of another connection. Who it is, the KID of its ciphertext says. */
  | { readonly t: "forwarded"; readonly slot: number; readonly frame: Frame }
  /** The own slot, and those that were there before. */
  | { readonly t: "joined"; readonly slot: number; readonly others: readonly number[] }
  /** A connection joined the room, or left it. */
  | { readonly t: "came" | "left"; readonly slot: number };

const most = (kind: MediaKind): number => (kind === "audio" ? AUDIO_BYTES : FRAME_BYTES);

/** The 8 bytes before the payload: its metadata. Throws LocalProtocolError for a number beyond its field. */
export function encodeHeader({ kind, key, seq, ts }: Omit<Frame, "payload">): Uint8Array {
  if (key && kind !== "video") throw error("wrong-call", "media frame out of range");
  return concat(Uint8Array.of(KINDS.indexOf(kind), Number(key)), encodeUint(seq, 2), encodeUint(ts, 4));
}

/** A frame as its sender writes it. Throws LocalProtocolError for a number or size beyond the limits. */
export function encodeFrame(frame: Frame): Uint8Array {
  const data = concat(encodeHeader(frame), frame.payload);
  if (frame.payload.length === 0 || data.length > most(frame.kind)) {
    throw error("wrong-call", "media frame of this size");
  }
  return data;
}

/** The frame of its bytes. Throws Malformed. */
export function parseFrame(data: Uint8Array): Frame {
  const [code = 0, flags = 0] = data;
  const kind = KINDS[code];
  if (data.length <= HEADER_BYTES || !kind) throw error("malformed", "kind or size of media frame");
  if (flags > 1 || (flags === 1 && kind !== "video")) throw error("malformed", "flags of media frame");
  if (data.length > most(kind)) throw error("malformed", "media frame too long");
  const [seq, ts] = [parseUint(data.subarray(2, 4)), parseUint(data.subarray(4, 8))];
  return { kind, key: flags === 1, seq, ts, payload: data.subarray(HEADER_BYTES) };
}

/** What a client hears in a room. Throws Malformed. */
export function parseRoom(data: Uint8Array): RoomMessage {
  const [first, code, ...slots] = data.subarray(0, 300);
  if (first) return { t: "forwarded", slot: first, frame: parseFrame(data.subarray(1)) };
  const [slot, ...others] = slots;
  if (!slot || slots.includes(0) || new Set(slots).size !== slots.length) throw error("malformed", "slots of a room");
  if (code === 1) return { t: "joined", slot, others };
  if (others.length > 0 || (code !== 2 && code !== 3)) throw error("malformed", "code of a room");
  return { t: code === 2 ? "came" : "left", slot };
}

/** The first record of a media connection. Throws LocalProtocolError unless the ticket has 40 bytes. */
export function encodePreamble(ticket: Uint8Array): Uint8Array {
  if (ticket.length !== TICKET_BYTES) throw error("wrong-call", "ticket of 40 bytes");
  return concat(PREAMBLE, ticket);
}

/** The newest report of this leaf had this ts, u32, and came so many ms ago, u16: the rest is the way and back. */
export interface Echo {
  readonly leaf: number;
  readonly ts: number;
  readonly heldMs: number;
}

/**
 * The plaintext within a frame of kind 4. late: per mille of the last second's audio that came too late. target: ms of
 * the jitter buffer; null where neither is told. pli: a key frame is asked for. echoes: at most one of each other leaf
 * in the room.
 */
export interface Control {
  readonly late: number | null;
  readonly target: number | null;
  readonly pli: boolean;
  readonly echoes: readonly Echo[];
}

/** `{rr: {late, target}}`, `{pli: 1}`, `{echo: [[leaf, ts, held_ms]]}` or several, as deterministic CBOR. */
export function encodeControl({ late, target, pli, echoes }: Control): Uint8Array {
  const values = new Map<string, cbor.Value>();
  if (late !== null && target !== null) values.set("rr", new Map(Object.entries({ late, target })));
  if (pli) values.set("pli", 1);
  if (echoes.length > 0)
    values.set(
      "echo",
      echoes.map(({ leaf, ts, heldMs }) => [leaf, ts, heldMs]),
    );
  return cbor.encode(values);
}

/** The control message of its CBOR; unknown keys are ignored. Throws Malformed. */
export function parseControl(data: Uint8Array): Control {
  const fields = Fields.ofOpenMap(cbor.parse(data));
  const pli = fields.numberOrNone("pli") === 1;
  const echoes = fields.has("echo") ? fields.items("echo", PEOPLE - 1).map(parseEcho) : [];
  if (!fields.has("rr")) return { late: null, target: null, pli, echoes };
  const report = Fields.ofOpenMap(fields.raw("rr"), ["late", "target"]);
  return { late: report.number("late", 16), target: report.number("target", 16), pli, echoes };
}

function parseEcho(item: cbor.Parsed): Echo {
  const row = Fields.ofArray(item, 3);
  return { leaf: row.number(0, 16), ts: row.number(1, 32), heldMs: row.number(2, 16) };
}
