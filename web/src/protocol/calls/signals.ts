/**
 * Signals: what devices tell each other about a call, inside the chat; twin of zajil.protocol.calls.signals.
 *
 * A signal is the map of a control part `["call", {...}]`: `v` 1, `t` its type, `c` the call, `to` the leaf it is
 * meant for (absent: all), and the keys of its type. The sender comes from MLS. Unknown keys are ignored.
 */
import type { Key, Parsed, Value } from "../cbor.ts";
import { error, Malformed } from "../errors.ts";
import { Fields } from "../fields.ts";
import * as limits from "./limits.ts";
import { checkSdp, findType, type Role } from "./sdp.ts";

export type Kind = "audio" | "video";
const KINDS: readonly string[] = ["audio", "video"];
const DECLINES: readonly string[] = ["declined", "busy", "unsupported"];

interface Of<T extends string> {
  readonly t: T;
  /** 16 bytes. */
  readonly call: Uint8Array;
  /** The leaf it is meant for, null for all. */
  readonly to: number | null;
}
interface OfAttempt<T extends string> extends Of<T> {
  readonly to: number;
  /** The attempt, u32. */
  readonly pc: number;
}
/** A call begins. secret: 32 bytes; call and secret are the context of its media keys. */
export interface Ring extends Of<"ring"> {
  readonly secret: Uint8Array;
  readonly kind: Kind;
}
/** The sender answers, or joins. kind: what it means to send. */
export interface Accept extends Of<"accept"> {
  readonly kind: Kind;
}
/**
 * decline: the sender does not answer; a reason it does not know is read as `declined`. cancel: the caller gave up
 * before anybody answered. end: the sender leaves the call; with `to`, it sends that leaf away.
 */
export interface WithReason extends Of<"decline" | "cancel" | "end"> {
  readonly reason: string;
}
/** In a chat of two, from the caller: this leaf answered first. */
export interface Taken extends Of<"taken"> {
  readonly leaf: number;
}
/** The SDP of an attempt: the offer of the link's sender, or its answer. */
export interface Desc extends OfAttempt<"desc"> {
  readonly role: Role;
  readonly sdp: string;
}
/** Up to 10 ICE candidates of an attempt, of the link's sender or its receiver. done: there are no more. */
export interface Cand extends OfAttempt<"cand"> {
  readonly cands: readonly string[];
  readonly done: boolean;
}
/**
 * room: the attempt is to be received in the media room. got: its first frame opened. lost: it brought no valid audio
 * for 600 ms; attempt 0 stands for all, as after a reload.
 */
export type Attempt = OfAttempt<"room" | "got" | "lost">;
/** What the sender sends now. relayOnly: it hides its address. */
export interface StateSignal extends Of<"state"> {
  readonly mic: boolean;
  readonly cam: boolean;
  readonly relayOnly: boolean;
}
/** A group's call goes on. since: Unix ms. leaves: of those in it, at most 4. */
export interface Beacon extends Of<"beacon"> {
  readonly secret: Uint8Array;
  readonly kind: Kind;
  readonly since: number;
  readonly leaves: readonly number[];
}
/** A ring of a later version, or with a suite this one lacks: it is declined, and the person told to update. */
export interface Unsupported {
  readonly t: "unsupported";
  readonly call: Uint8Array;
}
export type Signal = Ring | Accept | WithReason | Taken | Desc | Cand | Attempt | StateSignal | Beacon;

/** What begins or ends a call; the server keeps it for devices that are away. */
export const DURABLE: readonly string[] = ["ring", "cancel", "accept", "decline", "taken", "end", "beacon"];

/** Seconds the server keeps it for devices that are away; 0: for those connected alone. */
export const ttlOf = ({ t }: Signal): number => (DURABLE.includes(t) ? limits.DURABLE_S : 0);
/** Whether it may wake a sleeping device. */
export const wakes = ({ t }: Signal): boolean => t === "ring";

/** Names of fields that differ on the wire. */
const WIRE: Readonly<Record<string, string>> = { call: "c", relayOnly: "relay_only" };

/** The map of a signal. Throws Malformed for an SDP, a candidate or a number that a peer would drop. */
export function encodeSignal(signal: Signal): Map<string, Value> {
  const values = new Map<string, Value>([["v", limits.VERSION]]);
  for (const [name, value] of Object.entries(signal) as [string, Value][]) {
    if (value !== null) values.set(WIRE[name] ?? name, value);
  }
  if (signal.t === "ring") values.set("suite", limits.SUITE);
  // What a peer would drop is a bug of ours: it is found here, and not by silence.
  parse(new Fields(values as Map<Key, Parsed>));
  return values;
}

/** The signal of a map. null: malformed, or of a type this version does not know; it is dropped and counted. */
export function parseSignal(values: ReadonlyMap<Key, Parsed>): Signal | Unsupported | null {
  try {
    const fields = new Fields(values);
    const supported = fields.number("v") === limits.VERSION;
    const rings = fields.text("t", limits.WORD_BYTES) === "ring";
    if (rings && !(supported && fields.number("suite") === limits.SUITE)) {
      return { t: "unsupported", call: fields.blob("c", limits.CALL_BYTES) };
    }
    return supported ? parse(fields) : null;
  } catch (problem) {
    if (problem instanceof Malformed) return null;
    throw problem;
  }
}

function kindOf(fields: Fields): Kind {
  const kind = fields.text("kind", limits.WORD_BYTES);
  if (!KINDS.includes(kind)) throw error("malformed", "kind of call");
  return kind as Kind;
}

function roleOf(fields: Fields): Role {
  const role = fields.raw("role");
  if (role !== "offer" && role !== "answer") throw error("malformed", "role of an SDP");
  return role;
}

function parse(fields: Fields): Signal | null {
  const t = fields.text("t", limits.WORD_BYTES);
  const call = fields.blob("c", limits.CALL_BYTES);
  const to = fields.numberOrNone("to", limits.LEAF_BITS);
  const secret = (): Uint8Array => fields.blob("secret", limits.SECRET_BYTES);
  switch (t) {
    case "ring":
      return { t, call, to, secret: secret(), kind: kindOf(fields) };
    case "accept":
      return { t, call, to, kind: kindOf(fields) };
    case "decline":
    case "cancel":
    case "end": {
      const reason = fields.text("reason", limits.WORD_BYTES);
      return { t, call, to, reason: t !== "decline" || DECLINES.includes(reason) ? reason : "declined" };
    }
    case "taken":
      return { t, call, to, leaf: fields.number("leaf", limits.LEAF_BITS) };
    case "state":
      return { t, call, to, mic: fields.flag("mic"), cam: fields.flag("cam"), relayOnly: fields.flag("relay_only") };
    case "beacon": {
      const items = fields.items("leaves", limits.PEOPLE);
      const leaves = Fields.ofItems(items);
      return {
        ...{ t, call, to, secret: secret(), kind: kindOf(fields), since: fields.number("since") },
        leaves: items.map((_, at) => leaves.number(at, limits.LEAF_BITS)),
      };
    }
    case "desc":
    case "cand":
    case "room":
    case "got":
    case "lost":
      return parseAttempt(fields, t, call);
    default:
      return null;
  }
}

function parseAttempt(fields: Fields, t: "desc" | "cand" | Attempt["t"], call: Uint8Array): Signal {
  const base = { call, to: fields.number("to", limits.LEAF_BITS), pc: fields.number("pc", 32) };
  if (t === "cand") {
    const items = fields.items("cands", limits.CANDIDATES_A_SIGNAL);
    const texts = Fields.ofItems(items);
    const cands = items.map((_, at) => texts.text(at, limits.CANDIDATE_BYTES));
    cands.forEach(findType);
    return { t, ...base, cands, done: fields.flag("done") };
  }
  if (t !== "desc") return { t, ...base };
  const sdp = fields.text("sdp", limits.SDP_BYTES);
  const role = roleOf(fields);
  checkSdp(sdp, role);
  return { t, ...base, role, sdp };
}
