/**
 * What a call's session stands between: the core that seals and keeps, and the media that sends and hears; twin of
 * zajil.client.calls.ports.
 *
 * Nothing here waits. Whoever is asked (`askChat`, `askKeys`, `keep`) answers by a call into the session, at once or
 * later; between asking and the answer the session holds back what depends on it.
 */
import type { SendLog } from "../../protocol/calls/actions.ts";
import type { Member } from "../../protocol/calls/events.ts";
import type { Step } from "../../protocol/calls/quality.ts";
import type { Attempt, Cand, Desc, Kind } from "../../protocol/calls/signals.ts";
import type { Value } from "../../protocol/cbor.ts";
import type { Measure } from "./showing.ts";
import type { CallView } from "./view.ts";

export type LinkSignal = Desc | Cand | Attempt;

/** A chat as a call sees it now. me: this device. heard: accepted and not blocked. trusted: a DM with a contact. */
export interface ChatFacts {
  readonly epoch: number;
  readonly me: Member;
  readonly members: readonly Member[];
  readonly group: boolean;
  readonly heard: boolean;
  readonly trusted: boolean;
}

/** What an epoch of the group gives a call. baseKey: 16 bytes. leaf: our own. members: all devices. */
export interface EpochKeys {
  readonly epoch: number;
  readonly baseKey: Uint8Array;
  readonly leaf: number;
  readonly members: readonly Member[];
}

/** A call for which media is prepared; nothing is opened before `openLink`. */
export interface MediaStart {
  readonly gid: Uint8Array;
  readonly call: Uint8Array;
  readonly secret: Uint8Array;
  readonly leaf: number;
  readonly kind: Kind;
  readonly relayOnly: boolean;
  /**
   * The number of a new attempt, never given twice in this call, with the one after it free: the record that says so
   * is durable. Throws LocalProtocolError when none is left, which asking for more than 32 at once takes.
   */
  nextPc(): number;
}

/** The media of one call: links with its devices, one each way. */
export interface CallMedia {
  /** Send to a device, and take its offers. */
  openLink(leaf: number, how: { readonly relayOnly: boolean }): void;
  /** End both directions with a device, before this returns. */
  closeLink(leaf: number): void;
  /** A signal of a device with which a link is open; its SDP and candidates were checked. */
  hear(leaf: number, signal: LinkSignal): void;
  /** A new epoch. removed: somebody left the group by it, so senders switch at once. */
  useKey(epoch: number, baseKey: Uint8Array, removed: boolean): void;
  setMedia(mic: boolean, cam: boolean): void;
  /** What the link to a device gives up. */
  setStep(leaf: number, step: Step): void;
  /** All of it ends, before this returns. */
  close(): void;
}

/** Whom media tells. It may be told after the call ended; then nothing happens. */
export interface Reports {
  /** Send this to `signal.to`. */
  localSignal(signal: LinkSignal): void;
  /** Both directions with this device are proved. */
  linkUp(leaf: number): void;
  /** One of them is lost. */
  linkDown(leaf: number): void;
  /** The policy leaves no way to this device. */
  noRoute(leaf: number): void;
  /** Media was not encrypted. Everything is closed already. */
  alarm(leaf: number): void;
  /** What this device sends opens to nobody. Its link is closed already, both ways. */
  unopened(leaf: number): void;
  /** How a link is, every second. */
  measured(leaf: number, measure: Measure): void;
}

/** The core, the clock and the screen. */
export interface Ports {
  /** A clock that never goes back, Unix ms where it can be. */
  nowMs(): number;
  random(size: number): Uint8Array;
  /** Call `tick` then; a later call replaces this one. */
  wakeAt(atMs: number | null): void;
  /** Seal a signal and send it once. */
  seal(
    gid: Uint8Array,
    fields: ReadonlyMap<string, Value>,
    how: { readonly ttlS: number; readonly wake: boolean },
  ): void;
  /** Answered by `useChat`. */
  askChat(gid: Uint8Array): void;
  /** Answered by `useKeys`. context: call and secret, 48 bytes. */
  askKeys(gid: Uint8Array, context: Uint8Array, removed: boolean): void;
  /** Tell `epoch` of this group's commits, and of no other's. */
  watch(gid: Uint8Array | null): void;
  /** Keep the record of the call; `done` once it is durable. null forgets it. */
  keep(record: Uint8Array | null, done: () => void): void;
  /** Write the call into its chat. */
  log(gid: Uint8Array, log: SendLog): void;
  show(view: CallView): void;
  /** Prepare the media of a call. */
  openMedia(start: MediaStart, reports: Reports): CallMedia;
  /** Something malformed or beyond a limit was dropped. */
  countBad(): void;
}
