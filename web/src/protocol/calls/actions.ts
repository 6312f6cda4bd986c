/** What the machine of a call asks of its shell, in this order within one step; twin of zajil.protocol.calls.actions. */
import type { CallRecord } from "./events.ts";
import type { Kind, Signal } from "./signals.ts";

export type Phase = "idle" | "outgoing" | "incoming" | "connecting" | "active" | "reconnecting" | "ended";
export type Outcome = "answered" | "missed" | "declined" | "busy" | "failed";

/** A device in the call. up: its media flows. */
export interface ShownPeer {
  readonly leaf: number;
  readonly account: Uint8Array;
  readonly up: boolean;
  readonly mic: boolean;
  readonly cam: boolean;
}
/** What a person may know of the call. since: ms of the first media. joinable: calling would join a live call. */
export interface Shown {
  readonly phase: Phase;
  readonly call: Uint8Array;
  readonly caller: boolean;
  readonly kind: Kind;
  readonly since: number | null;
  readonly peers: readonly ShownPeer[];
  readonly mic: boolean;
  readonly cam: boolean;
  readonly joinable: boolean;
  readonly reason: string;
}

/** Seal and send it; `to` says whom it is for. */
export interface Send {
  readonly t: "send";
  readonly signal: Signal;
}
/** Write the call into the chat, durably. seconds: of talking. */
export interface SendLog {
  readonly t: "send_log";
  readonly call: Uint8Array;
  readonly kind: Kind;
  readonly outcome: Outcome;
  readonly seconds: number;
}
export type Action =
  | Send
  | SendLog
  /** Show the ring. sound: also let it be heard. */
  | { readonly t: "ring_on"; readonly sound: boolean }
  | { readonly t: "ring_off" }
  /** open: this leaf takes part, begin to send to it, take its offers. close: all of it, before the next action. */
  | { readonly t: "open_link" | "close_link"; readonly leaf: number }
  | { readonly t: "show"; readonly view: Shown }
  /** Keep this for a reload, durably and before the next action; null: erase it. */
  | { readonly t: "persist"; readonly record: CallRecord | null }
  /** A tick is due then and not before, whatever was asked for earlier; null: never. */
  | { readonly t: "wake_at"; readonly atMs: number | null };
