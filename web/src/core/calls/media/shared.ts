/** What the parts of a call's media share: signals, the rungs of WebRTC, and the way out. */
import type { LinkKind } from "../../../protocol/calls/ladder.ts";
import type { Attempt, Cand, Desc } from "../../../protocol/calls/signals.ts";
import type { IceServer, Order, Rate } from "../../callorders.ts";
import type { KeyRing } from "../keys.ts";

/** The signals that media makes and hears. */
export type MediaSignal = Desc | Cand | Attempt;
/** Without the call and whom it is for, which the links add. */
type Bare<S> = S extends unknown ? Omit<S, "call" | "to"> : never;
export type BareSignal = Bare<MediaSignal>;

/** Attempts of the ladder that are WebRTC's: straight or over a relay's UDP, and over a relay's TCP or TLS. */
export type Rung = "A" | "B";

/** What all links of a call share. */
export interface Shared {
  readonly ring: KeyRing;
  /** Our own leaf. */
  readonly me: number;
  post(order: Order): void;
  signal(leaf: number, signal: BareSignal): void;
  /** A ctx that was never used, and whose next is free too. */
  nextPc(): number;
  /** Numbers a connection of the page. */
  nextId(): number;
  servers(): readonly IceServer[];
  /** Whether the way to the server can carry the media room. */
  carries(): boolean;
  /** What carried a call last on this network. */
  remembered(): LinkKind | null;
  /** This kind of attempt has carried for a while. */
  won(kind: LinkKind): void;
  /** Whether the call has video at all. */
  video(): boolean;
  rate(rung: Rung, leaf: number): Rate;
  nowMs(): number;
  up(leaf: number): void;
  down(leaf: number): void;
  /** Something went past a transform of ours: all of it ends. */
  alarm(leaf: number): void;
  /** Nothing of what this device sends opens: its link ends. */
  unopened(leaf: number): void;
  noRoute(leaf: number): void;
  /** Something of this link may have changed. */
  changed(leaf: number): void;
}
