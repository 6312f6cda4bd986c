/**
 * Data frames: one object per tag, MessagePack arrays `[tag, field, ...]` on the wire; mirrors zajil.protocol.frames.
 *
 * R receives and belongs to one device; S sends and carries no account. The client decodes `parseRServer` and
 * `parseSServer` only; the other two readers are the server's. Names and order of the fields are those of Python.
 * `frank`: the server's mark on an application message, for a report (`report.ts`).
 */
import { sha256 } from "@noble/hashes/sha2.js";
import * as wire from "./arrays.ts";
import {
  B16,
  B32,
  B8,
  bin,
  FLAG,
  type Layout,
  list,
  map,
  nested,
  orNil,
  pack,
  packFrame,
  Reader,
  text,
  U16,
  U32,
  U64,
  uint,
} from "./arrays.ts";
import { error } from "./errors.ts";
import type { GroupId, Mid } from "./ids.ts";
import * as limits from "./limits.ts";

/** What a session is for; its path fixes it for life. R is a device's, S is nobody's. */
export type Role = "R" | "S";
/** The path of a role's WebSocket below the server's address. */
export const ROLE_PATHS: Readonly<Record<Role, string>> = { R: "/v1/ws", S: "/v1/send" };

/** What a Msg holds: commit 1, application message 2, Welcome 3, notice 4. */
export const Kind = { COMMIT: 1, APP: 2, WELCOME: 3, NOTICE: 4 } as const;

/** Bits of Send.flags: never stored; wake the device by push. */
export const EPHEMERAL = 1;
export const WAKE = 2;

/** R, first: session token (text) and highest seq stored. It also acknowledges up to `after`. */
export interface Hello {
  readonly type: "Hello";
  readonly token: string;
  readonly after: number;
}
/** R: everything up to `upto` is stored here; the server may delete it. */
export interface Mack {
  readonly type: "Mack";
  readonly upto: number;
}
/** R, answers Hello. now: ms, to warn of a wrong clock only. acked: highest ack before this Hello. */
export interface Ready {
  readonly type: "Ready";
  readonly now: number;
  readonly head: number;
  readonly queued: number;
  readonly list_seq: number;
  readonly min_client: number;
  readonly acked: number;
}
/** R: one entry of the mailbox. id: 16 bytes. gid: null for notices. ts: ms. via: 8 bytes, serial of the ref. */
export interface Msg {
  readonly type: "Msg";
  readonly seq: number;
  readonly id: Uint8Array;
  /** One of `Kind`. */
  readonly kind: number;
  readonly gid: GroupId | null;
  readonly epoch: number;
  readonly ts: number;
  readonly body: Uint8Array;
  readonly frank: Uint8Array | null;
  readonly via: Uint8Array | null;
}
/** R: everything queued when the Hello came has been sent, up to seq. */
export interface Drained {
  readonly type: "Drained";
  readonly seq: number;
}
/** R: an ephemeral message, never stored. ts: ms. */
export interface Eph {
  readonly type: "Eph";
  readonly gid: GroupId;
  readonly epoch: number;
  readonly ts: number;
  readonly body: Uint8Array;
}
/** R: `left` key packages of this suite remain. */
export interface KeysLow {
  readonly type: "KeysLow";
  readonly suite: number;
  readonly left: number;
}
/** R: entries before `before_seq` were evicted or expired. */
export interface Gap {
  readonly type: "Gap";
  readonly dropped: number;
  readonly before_seq: number;
}
/** R and S: the session closes after this. */
export interface Bye {
  readonly type: "Bye";
  readonly code: string;
  readonly retry_ms: number;
}
/** S: one application message. mid 16, token and roster_key 32 bytes. ttl: seconds, 0 = default. */
export interface Send {
  readonly type: "Send";
  readonly rid: number;
  readonly mid: Mid;
  readonly gid: GroupId;
  readonly token: Uint8Array;
  readonly roster_key: Uint8Array;
  readonly flags: number;
  readonly ttl: number;
  readonly body: Uint8Array;
}
/** A leaf the commit adds and where its messages go (1 to 54 bytes). */
export interface AddedLeaf {
  readonly leaf: number;
  readonly deliver_to: Uint8Array;
}
/** S: one commit with its Welcome. epoch: the one it was made in. new_roster_key: null = unchanged. */
export interface Commit {
  readonly type: "Commit";
  readonly rid: number;
  readonly mid: Mid;
  readonly gid: GroupId;
  readonly token: Uint8Array;
  readonly epoch: number;
  readonly roster_key: Uint8Array;
  readonly new_roster_key: Uint8Array | null;
  readonly next_token_hash: Uint8Array;
  readonly add: readonly AddedLeaf[];
  readonly rm: readonly number[];
  readonly commit: Uint8Array;
  readonly welcome: Uint8Array | null;
}
/** S: a new group in epoch 0 with leaf 0 alone. token_hash: of epoch 0. */
export interface Create {
  readonly type: "Create";
  readonly rid: number;
  readonly mid: Mid;
  readonly gid: GroupId;
  readonly pass_: Uint8Array;
  readonly roster_key: Uint8Array;
  readonly token_hash: Uint8Array;
  readonly add: readonly AddedLeaf[];
}
/** S: the request `rid` is durable. ts: ms. dup: it was accepted before. */
export interface Ok {
  readonly type: "Ok";
  readonly rid: number;
  readonly epoch: number;
  readonly ts: number;
  readonly frank: Uint8Array | null;
  readonly dup: boolean;
}
/** S: the request `rid` was refused; nothing of it is stored. */
export interface Err {
  readonly type: "Err";
  readonly rid: number;
  readonly code: string;
  readonly retry_ms: number;
  readonly detail: Readonly<Record<string, number | string>>;
}
/** R and S: a control call, or a part of its body. more: another part of the same rid follows. */
export interface HttpReq {
  readonly type: "HttpReq";
  readonly rid: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly more: boolean;
}
/** R and S: the answer to a control call, or a part of it. */
export interface HttpRes {
  readonly type: "HttpRes";
  readonly rid: number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly more: boolean;
}

export type RFromClient = Hello | Mack | HttpReq;
export type SFromClient = Send | Commit | Create | HttpReq;
export type RFromServer = Ready | Msg | Drained | Eph | KeysLow | Gap | Bye | HttpRes;
export type SFromServer = Ok | Err | Bye | HttpRes;
export type Frame = RFromClient | SFromClient | RFromServer | SFromServer;
export type Request = Send | Commit | Create;

const CODE = text(64);
const HEADERS = map(text(4096));
const DETAIL = map(wire.either(U64, text(256), (value) => typeof value === "number"));
const HTTP_BODY = bin(limits.HTTP_BODY_BYTES);
const ADDED: Layout<AddedLeaf> = {
  type: "AddedLeaf",
  tag: null,
  columns: [
    ["leaf", U32],
    ["deliver_to", bin(limits.DELIVERY_REF_BYTES, 1)],
  ],
};

const HELLO: Layout<Hello> = {
  type: "Hello",
  tag: 10,
  columns: [
    ["token", CODE],
    ["after", U64],
  ],
};
const MACK: Layout<Mack> = { type: "Mack", tag: 11, columns: [["upto", U64]] };
const READY: Layout<Ready> = {
  type: "Ready",
  tag: 20,
  columns: [
    ["now", U64],
    ["head", U64],
    ["queued", U32],
    ["list_seq", U32],
    ["min_client", U16],
    ["acked", U64],
  ],
};
const MSG: Layout<Msg> = {
  type: "Msg",
  tag: 21,
  columns: [
    ...([
      ["seq", U64],
      ["id", B16],
      ["kind", uint(4, 1)],
      ["gid", orNil(B16)],
      ["epoch", U64],
      ["ts", U64],
    ] as const),
    ...([
      ["body", bin(limits.WELCOME_BYTES)],
      ["frank", orNil(B32), null],
      ["via", orNil(B8), null],
    ] as const),
  ],
};
const DRAINED: Layout<Drained> = { type: "Drained", tag: 22, columns: [["seq", U64]] };
const EPH: Layout<Eph> = {
  type: "Eph",
  tag: 23,
  columns: [
    ["gid", B16],
    ["epoch", U64],
    ["ts", U64],
    ["body", bin(limits.EPHEMERAL_BYTES)],
  ],
};
const KEYS_LOW: Layout<KeysLow> = {
  type: "KeysLow",
  tag: 24,
  columns: [
    ["suite", U16],
    ["left", U16],
  ],
};
const GAP: Layout<Gap> = {
  type: "Gap",
  tag: 25,
  columns: [
    ["dropped", U32],
    ["before_seq", U64],
  ],
};
const BYE: Layout<Bye> = {
  type: "Bye",
  tag: 26,
  columns: [
    ["code", CODE],
    ["retry_ms", U32],
  ],
};
const SEND: Layout<Send> = {
  type: "Send",
  tag: 30,
  columns: [
    ...([
      ["rid", U32],
      ["mid", B16],
      ["gid", B16],
      ["token", B32],
      ["roster_key", B32],
    ] as const),
    ...([
      ["flags", uint(EPHEMERAL | WAKE)],
      ["ttl", U32],
      ["body", bin(limits.BODY_BYTES)],
    ] as const),
  ],
};
const COMMIT: Layout<Commit> = {
  type: "Commit",
  tag: 31,
  columns: [
    ...([
      ["rid", U32],
      ["mid", B16],
      ["gid", B16],
      ["token", B32],
      ["epoch", U64],
      ["roster_key", B32],
    ] as const),
    ...([
      ["new_roster_key", orNil(B32)],
      ["next_token_hash", B32],
      ["add", list(nested(ADDED), limits.ADDED_LEAVES)],
    ] as const),
    ...([
      ["rm", list(U32, limits.ROSTER_ENTRIES)],
      ["commit", bin(limits.COMMIT_BYTES)],
    ] as const),
    ["welcome", orNil(bin(limits.WELCOME_BYTES))],
  ],
};
const CREATE: Layout<Create> = {
  type: "Create",
  tag: 32,
  columns: [
    ...([
      ["rid", U32],
      ["mid", B16],
      ["gid", B16],
      ["pass_", B32],
      ["roster_key", B32],
      ["token_hash", B32],
    ] as const),
    ["add", list(nested(ADDED), 1, 1)],
  ],
};
const OK: Layout<Ok> = {
  type: "Ok",
  tag: 40,
  columns: [
    ["rid", U32],
    ["epoch", U64],
    ["ts", U64],
    ["frank", orNil(B32), null],
    ["dup", FLAG, false],
  ],
};
const ERR: Layout<Err> = {
  type: "Err",
  tag: 41,
  columns: [
    ["rid", U32],
    ["code", CODE],
    ["retry_ms", U32, 0],
    ["detail", DETAIL, {}],
  ],
};
const HTTP_REQ: Layout<HttpReq> = {
  type: "HttpReq",
  tag: 50,
  columns: [
    ...([
      ["rid", U32],
      ["method", text(8)],
      ["path", text(2048)],
      ["headers", HEADERS],
      ["body", HTTP_BODY],
    ] as const),
    ["more", FLAG, false],
  ],
};
const HTTP_RES: Layout<HttpRes> = {
  type: "HttpRes",
  tag: 51,
  columns: [
    ["rid", U32],
    ["status", uint(599, 100)],
    ["headers", HEADERS],
    ["body", HTTP_BODY],
    ["more", FLAG, false],
  ],
};

const R_CLIENT = [HELLO, MACK, HTTP_REQ] as readonly Layout<unknown>[];
const S_CLIENT = [SEND, COMMIT, CREATE, HTTP_REQ] as readonly Layout<unknown>[];
const R_SERVER = [READY, MSG, DRAINED, EPH, KEYS_LOW, GAP, BYE, HTTP_RES] as readonly Layout<unknown>[];
const S_SERVER = [OK, ERR, BYE, HTTP_RES] as readonly Layout<unknown>[];
const LAYOUTS: ReadonlyMap<string, Layout<unknown>> = new Map(
  [...R_CLIENT, ...S_CLIENT, ...R_SERVER, ...S_SERVER].map((one) => [one.type, one]),
);

const readRClient = new Reader<RFromClient>(R_CLIENT);
const readSClient = new Reader<SFromClient>(S_CLIENT);
const readRServer = new Reader<RFromServer>(R_SERVER);
const readSServer = new Reader<SFromServer>(S_SERVER);

function layoutOf(frame: Frame): Layout<unknown> {
  const layout = LAYOUTS.get(frame.type);
  if (!layout) throw error("wrong-call", "no such frame");
  return layout;
}

/** The MessagePack array of a frame. Field sizes are the caller's promise; the peer checks them. */
export function encodeFrame(frame: Frame): Uint8Array {
  return pack(packFrame(layoutOf(frame), frame));
}

/** Hello, Mack or HttpReq, as an R session's server reads it. Throws RemoteProtocolError. */
export const parseRClient = (data: Uint8Array): RFromClient => readRClient.parse(data);
/** Send, Commit, Create or HttpReq, as an S session's server reads it. Throws RemoteProtocolError. */
export const parseSClient = (data: Uint8Array): SFromClient => readSClient.parse(data);
/** Ready, Msg, Drained, Eph, KeysLow, Gap, Bye or HttpRes, as an R session's client reads it. Throws RemoteProtocolError. */
export const parseRServer = (data: Uint8Array): RFromServer => readRServer.parse(data);
/** Ok, Err, Bye or HttpRes, as an S session's client reads it. Throws RemoteProtocolError. */
export const parseSServer = (data: Uint8Array): SFromServer => readSServer.parse(data);

/**
 * 32 bytes naming what a mid was first used for: SHA-256 over the fields after `mid`.
 *
 * The rid is left out, since a retry on another session has another one.
 */
export function requestHash(request: Request): Uint8Array {
  const layout = layoutOf(request);
  const [tag, ...fields] = packFrame(layout, request);
  return sha256(pack([tag, ...fields.slice(2)]));
}
