/** What a connection of a call is, whichever way it goes: candidates, states, samples, end. */
import type { IcePlan, MediaKind, Report, Sample, TransformOptions } from "../../core/callorders.ts";
import type { Entry } from "./stats.ts";

/** Browsers' names that TypeScript's library does not know yet. */
interface Transforms {
  readonly RTCRtpScriptTransform?: new (worker: Worker, options: TransformOptions) => unknown;
}

const scriptTransform = (): Transforms["RTCRtpScriptTransform"] => (globalThis as Transforms).RTCRtpScriptTransform;

/** Whether this browser can call at all: there is no mode without end-to-end encryption. */
export const canCall = (): boolean => scriptTransform() !== undefined && typeof RTCPeerConnection === "function";

/**
 * By preference, and no codec that cannot be encrypted with parts of it in clear. RED carries each frame of Opus twice:
 * it is a codec to the browser, and no codec in what travels.
 */
const CODECS: Readonly<Record<MediaKind, readonly string[]>> = {
  audio: ["audio/red", "audio/opus"],
  video: ["video/VP8", "video/rtx"],
};

/** Leave a transceiver the codecs of calls alone. Throws where the browser has none of them. */
export function limitCodecs(transceiver: RTCRtpTransceiver, kind: MediaKind): void {
  const all = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  transceiver.setCodecPreferences(CODECS[kind].flatMap((type) => all.filter(({ mimeType }) => mimeType === type)));
}

export abstract class CallConnection {
  readonly id: number;
  protected readonly pc: RTCPeerConnection;
  readonly #worker: Worker;
  readonly #report: (report: Report) => void;
  #waiting: string[] | undefined = [];
  #closed = false;

  protected constructor(id: number, ice: IcePlan, from: { worker: Worker; report(report: Report): void }) {
    this.id = id;
    this.#worker = from.worker;
    this.#report = (report) => from.report(report);
    this.pc = new RTCPeerConnection({
      bundlePolicy: "max-bundle",
      rtcpMuxPolicy: "require",
      iceTransportPolicy: ice.policy,
      iceServers: ice.servers.map((server) => ({ ...server, urls: [...server.urls] })),
    });
    this.pc.onicecandidate = ({ candidate }) => {
      const found = candidate?.candidate ? [candidate.candidate] : [];
      this.#report({ report: "candidates", id, candidates: found, done: found.length === 0 });
    };
    this.pc.onconnectionstatechange = () => this.#report({ report: "connection", id, state: this.pc.connectionState });
  }

  /** Put the worker between encoder and network. Set before a description is made, and never again. */
  protected encrypt(end: RTCRtpSender | RTCRtpReceiver, kind: MediaKind): void {
    const Transform = scriptTransform();
    if (!Transform) throw new Error("no transforms");
    (end as { transform?: unknown }).transform = new Transform(this.#worker, { id: this.id, kind });
  }

  /** Do work that may fail with the connection; a failure is reported unless it was closed meanwhile. */
  protected attempt(work: () => Promise<void>): void {
    work().catch(() => {
      if (!this.#closed) this.#report({ report: "failed", id: this.id });
    });
  }

  protected describe(): void {
    const sdp = this.pc.localDescription?.sdp;
    if (sdp !== undefined && !this.#closed) this.#report({ report: "described", id: this.id, sdp });
  }

  /** The peer's description is in: its candidates can be, too. */
  protected async admit(): Promise<void> {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    await Promise.all(waiting.map((one) => this.#add(one)));
  }

  addCandidates(candidates: readonly string[]): void {
    if (this.#waiting) this.#waiting.push(...candidates);
    else for (const one of candidates) void this.#add(one);
  }

  async #add(candidate: string): Promise<void> {
    // All sections share the first one's transport. One of another attempt has another ufrag and is refused.
    await this.pc.addIceCandidate({ candidate, sdpMLineIndex: 0 }).catch(() => undefined);
  }

  protected async entries(): Promise<Entry[]> {
    const found: Entry[] = [];
    (await this.pc.getStats()).forEach((entry: Entry) => found.push(entry));
    return found;
  }

  abstract sample(): Promise<Sample>;

  close(): void {
    this.#closed = true;
    this.pc.onicecandidate = null;
    this.pc.onconnectionstatechange = null;
    this.pc.close();
  }
}
