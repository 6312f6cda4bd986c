/**
 * What the call worker and the page say to each other: orders to the one that owns the connections, reports from it.
 *
 * The page decides nothing. It holds no key, and no member of these types carries one; `id` numbers one connection, and
 * a connection sends or receives, never both (docs/protocol/calls.md: Chromium may send plaintext otherwise).
 */
import type { CallAct, CallView } from "./calls/view.ts";

export type MediaKind = "audio" | "video";
export type IcePolicy = "all" | "relay";

/** One relay as `RTCPeerConnection` takes it. */
export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

/** The most that a sender may send of video. */
export interface VideoShape {
  readonly height: number;
  readonly framesPerSecond: number;
  readonly kbps: number;
}

export interface Rate {
  readonly audioKbps: number;
  /** Absent: the camera is left out. */
  readonly video?: VideoShape;
}

export interface IcePlan {
  readonly policy: IcePolicy;
  readonly servers: readonly IceServer[];
}

/**
 * RTP header extensions that a call uses. They travel in clear even under SRTP, and others tell who speaks when.
 */
export const EXTENSIONS: readonly string[] = [
  "urn:ietf:params:rtp-hdrext:sdes:mid",
  "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
];

/** Blocks of sound between page and worker: mono, 48 kHz, f32, 40 ms each. */
export const BLOCK_SAMPLES = 1_920;

/** What a transform is told of itself, as `RTCRtpScriptTransformer.options`. */
export interface TransformOptions {
  readonly id: number;
  readonly kind: MediaKind;
}

export type Order =
  /** Open a connection that sends dummies; report its offer. video: whether it has a video section. */
  | { readonly order: "send"; readonly id: number; readonly ice: IcePlan; readonly video: boolean; readonly rate: Rate }
  /** Open one that receives what `leaf` sends; report its answer. */
  | {
      readonly order: "receive";
      readonly id: number;
      readonly leaf: number;
      readonly ice: IcePlan;
      readonly offer: string;
    }
  /** Send blocks of what the microphone hears to a port; silence until `live`. */
  | { readonly order: "speak"; readonly id: number; readonly port: MessagePort }
  /** Play what comes from a port: blocks, and one without samples for each that is missing. */
  | { readonly order: "hear"; readonly id: number; readonly leaf: number; readonly port: MessagePort }
  | { readonly order: "answer"; readonly id: number; readonly sdp: string }
  | { readonly order: "candidates"; readonly id: number; readonly candidates: readonly string[] }
  /** For which of its senders the real track takes the dummy's place. */
  | { readonly order: "live"; readonly id: number; readonly audio: boolean; readonly video: boolean }
  | { readonly order: "rate"; readonly id: number; readonly rate: Rate }
  | { readonly order: "key-frame"; readonly id: number }
  /** Which of the person's devices count: a muted microphone sends silence, a camera that is off nothing. */
  | { readonly order: "media"; readonly microphone: boolean; readonly camera: boolean }
  /** Of all connections that receive from this device, the one to see and hear. */
  | { readonly order: "show"; readonly leaf: number; readonly id: number }
  /** Report a sample of every connection. Asked for by the worker: the page's own timers stop in the background. */
  | { readonly order: "sample" }
  | { readonly order: "close"; readonly id: number };

export type ConnectionState = "new" | "connecting" | "connected" | "disconnected" | "failed" | "closed";

/** Of a connection that sends. Counts are since its start. */
export interface SendingSample {
  readonly side: "send";
  readonly id: number;
  readonly audioPackets: number;
  /** Payload alone, without headers and padding. */
  readonly audioBytes: number;
  readonly videoFrames: number;
  readonly bytes: number;
  readonly rttMs?: number;
  readonly route?: RouteSample;
}

/** Of one that receives. Seconds as WebRTC counts them. */
export interface ReceivingSample {
  readonly side: "receive";
  readonly id: number;
  readonly audioPackets: number;
  readonly audioLost: number;
  /** Samples that stand for lost sound, without those in silence. */
  readonly concealed: number;
  readonly samples: number;
  readonly bufferS: number;
  readonly bufferedSamples: number;
  /** Of one packet; absent: WebRTC's. */
  readonly frameMs?: number;
  readonly framesDecoded: number;
  readonly freezes: number;
  readonly frozenS: number;
  readonly rttMs?: number;
  readonly route?: RouteSample;
}

/** The nominated pair's local candidate, or the media room. */
export interface RouteSample {
  readonly type: "host" | "srflx" | "prflx" | "relay" | "server";
  /** How the relay is reached; for relays only. */
  readonly relay?: "udp" | "tcp" | "tls";
  /** The relay's host name as we were told it, where the browser says so. */
  readonly host?: string;
}

export type Sample = SendingSample | ReceivingSample;

export type Report =
  | { readonly report: "described"; readonly id: number; readonly sdp: string }
  | {
      readonly report: "candidates";
      readonly id: number;
      readonly candidates: readonly string[];
      readonly done: boolean;
    }
  | { readonly report: "connection"; readonly id: number; readonly state: ConnectionState }
  | { readonly report: "sample"; readonly samples: readonly Sample[] }
  /** The connection could not be opened, or not go on. */
  | { readonly report: "failed"; readonly id: number }
  /** The device is on another network, or back on one. */
  | { readonly report: "network" };

/** What a chat is to this person. known: it is here. heard: accepted and not blocked. trusted: a DM with a contact. */
export interface AboutChat {
  readonly chat: string;
  readonly known: boolean;
  readonly group: boolean;
  readonly heard: boolean;
  readonly trusted: boolean;
}

/** port: to the core worker, once, first of all. sound: this page can make and play blocks. hideAddress: relays alone. */
export type ToCallWorker =
  | { readonly port: MessagePort; readonly sound: boolean }
  | { readonly act: CallAct; readonly hideAddress: boolean }
  | AboutChat
  | Report;

/** about: asks for an AboutChat. */
export type FromCallWorker = Order | { readonly view: CallView } | { readonly about: string };
