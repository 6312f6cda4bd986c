/** What happens to a call; twin of zajil.protocol.calls.events. */
import type { Kind, Signal, Unsupported } from "./signals.ts";

/** One device of the chat: its MLS leaf, and the account it belongs to. */
export interface Member {
  readonly leaf: number;
  readonly account: Uint8Array;
}

/**
 * What outlives a reload. since: ms of the first media, null before. leaves: of the peers. mic: whether this device was
 * heard; where nobody knows, it was not.
 */
export interface CallRecord {
  readonly call: Uint8Array;
  readonly secret: Uint8Array;
  readonly kind: Kind;
  readonly caller: boolean;
  readonly since: number | null;
  readonly leaves: readonly number[];
  readonly mic?: boolean;
}

/** The person calls; where a call goes on, this joins it. call, secret: 16 and 32 random bytes for a new one. */
export interface Dial {
  readonly t: "dial";
  readonly kind: Kind;
  readonly call: Uint8Array;
  readonly secret: Uint8Array;
}
/** The person answers. kind: what they mean to send. */
export interface AcceptCall {
  readonly t: "accept_call";
  readonly kind: Kind;
}
/** What this device sends from now on. */
export interface SetMedia {
  readonly t: "set_media";
  readonly mic: boolean;
  readonly cam: boolean;
}
/**
 * A signal came. ageMs: by the server's clock. heard: the chat is accepted and not blocked. busy: this device is in a
 * call of another chat.
 */
export interface Received {
  readonly t: "received";
  readonly signal: Signal | Unsupported;
  readonly leaf: number;
  readonly account: Uint8Array;
  readonly ageMs: number;
  readonly heard: boolean;
  readonly busy: boolean;
}
/**
 * link_up: media flows both ways with this leaf, a `got` was sent and one received. link_down: `lost` in either
 * direction. alarm: something was about to leave, or came, without encryption.
 */
export interface OfLink {
  readonly t: "link_up" | "link_down" | "alarm";
  readonly leaf: number;
}
/** This device cannot go on. why: a reason of the user interface, such as `no-route` or `permission-denied`. */
export interface Fail {
  readonly t: "fail";
  readonly why: string;
}
/** Who is in the chat now. me: this device, null when it was removed. Told before anything of the new epoch. */
export interface Roster {
  readonly t: "roster";
  readonly epoch: number;
  readonly members: readonly Member[];
  readonly me: Member | null;
}
/** After a reload the person returns to the call. ageMs: since the record was last touched. */
export interface Restored {
  readonly t: "restored";
  readonly record: CallRecord;
  readonly ageMs: number;
}
/** decline_call: the person does not want to answer. hangup: ends their part. tick: time passed. */
export interface Plain {
  readonly t: "decline_call" | "hangup" | "tick";
}

export type Event = Dial | AcceptCall | SetMedia | Received | OfLink | Fail | Roster | Restored | Plain;
