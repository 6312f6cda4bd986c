/**
 * What a tab is told of a call, and what it may ask for (design/calls.md 11). Crosses from the call worker to the page:
 * no key, no secret, no signal. Ids are base64url text without padding; times are Unix milliseconds.
 */

/** `ringing`: outgoing or incoming. `recovering`: the last peer's links are down and are being made again. */
export type CallPhase = "idle" | "ringing" | "connecting" | "active" | "recovering" | "ended";
export type CallKind = "audio" | "video";

/** The ways media can go, best first; `server` is media over the session's WebSocket. */
export type CallRung = "direct" | "relay-udp" | "relay-tcp" | "relay-tls" | "server";

export type CallWord = "good" | "fair" | "poor" | "reconnecting";

export interface CallPeer {
  readonly leaf: number;
  readonly account: string;
  readonly mic: boolean;
  readonly camera: boolean;
  readonly quality: CallWord | "unknown";
  /** Media flows both ways with this device. */
  readonly up: boolean;
  /** Its camera is on, and no picture comes: a slow network took it. */
  readonly paused: boolean;
  /** What came from it did not open: nothing goes to it or is taken from it. */
  readonly shut: boolean;
}

export interface CallRoute {
  readonly rung: CallRung;
  /** Of the relay or bridge in use. */
  readonly host?: string;
}

export interface CallQuality {
  readonly word: CallWord;
  /** 1 to 4.5, the reduced E-model of design/calls.md 11: it compares our own routes. */
  readonly mos: number;
  readonly rtt_ms: number;
  readonly loss_pct: number;
}

export interface CallTried {
  readonly rung: CallRung;
  readonly result: "up" | "failed" | "closed" | "trying";
  /** From the start of the attempt to its result, or to now. */
  readonly ms: number;
}

export type CallEnd =
  | "declined"
  | "busy"
  | "unsupported"
  | "no-answer"
  | "cancelled"
  | "missed"
  | "elsewhere"
  | "declined-elsewhere"
  | "failed"
  | "lost"
  | "hangup"
  | "remote"
  | "removed"
  | "not-encrypted"
  | "full";

export type CallWhy =
  | "udp-blocked"
  | "relay-unreachable"
  | "all-relays-blocked"
  | "slow-network"
  | "lossy-network"
  | "network-changed"
  | "server-unreachable"
  | "peer-silent"
  | "no-route"
  | "video-paused"
  | "sound-alone"
  | "hidden-address"
  | "permission-denied"
  | "unsupported"
  | "not-encrypted";

export interface CallView {
  readonly phase: CallPhase;
  readonly chat: string;
  readonly call: string;
  readonly direction: "outgoing" | "incoming";
  readonly kind: CallKind;
  /** When this phase's clock began: of the ring, then of the first link both ways. */
  readonly since: number;
  /** A banner only: a group too large to ring in. */
  readonly silent: boolean;
  readonly peers: readonly CallPeer[];
  /** Our own microphone and camera. */
  readonly mic: boolean;
  readonly camera: boolean;
  readonly route?: CallRoute;
  readonly quality?: CallQuality;
  readonly tried: readonly CallTried[];
  /** True only while the counters of the worker prove it for every link. */
  readonly encrypted: boolean;
  /** Relays alone are used: the peers do not learn our address. */
  readonly hidden_address: boolean;
  readonly ended?: CallEnd;
  readonly why?: CallWhy;
}

export type CallAct =
  | { readonly act: "start"; readonly chat: string; readonly kind: CallKind }
  /** call: the one that was shown. It is nothing where another one rings by now. */
  | { readonly act: "answer"; readonly call: string; readonly kind: CallKind }
  | { readonly act: "decline"; readonly call: string }
  | { readonly act: "hang_up" }
  | { readonly act: "mute"; readonly on: boolean }
  | { readonly act: "camera"; readonly on: boolean }
  | { readonly act: "return" };
