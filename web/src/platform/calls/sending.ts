/** A connection that sends: dummies first, microphone and camera once the worker says so. It receives nothing. */
import { EXTENSIONS, type MediaKind, type Order, type Rate, type Report, type Sample } from "../../core/callorders.ts";
import { CallConnection, limitCodecs } from "./connection.ts";
import type { CallDevices } from "./devices.ts";
import type { Dummies } from "./dummies.ts";
import { readSending } from "./stats.ts";

/** Newer members of the browsers' senders, which TypeScript's library does not know. */
interface HeaderExtensions {
  getHeaderExtensionsToNegotiate?(): { uri: string; direction: string }[];
  setHeaderExtensionsToNegotiate?(wanted: { uri: string; direction: string }[]): void;
}
interface KeyFrameOptions extends RTCSetParameterOptions {
  readonly encodingOptions: readonly { readonly keyFrame: boolean }[];
}

type Live = Readonly<Record<MediaKind, boolean>>;

/** Other header extensions would tell in clear who speaks. What a browser cannot stop is taken out of the offer, too. */
function stopExtensions(transceiver: RTCRtpTransceiver & HeaderExtensions): void {
  const offered = transceiver.getHeaderExtensionsToNegotiate?.();
  if (!offered) return;
  const wanted = offered.map((one) => (EXTENSIONS.includes(one.uri) ? one : { ...one, direction: "stopped" }));
  transceiver.setHeaderExtensionsToNegotiate?.(wanted);
}

export class SendingConnection extends CallConnection {
  readonly #from: { readonly dummies: Dummies; readonly devices: CallDevices };
  readonly #audio: RTCRtpSender;
  readonly #video: RTCRtpSender | undefined;
  #live: Live = { audio: false, video: false };
  #rate: Rate;
  /** Changes of a sender's parameters, one after the other: each must begin with the last one's. */
  #turn: Promise<void> = Promise.resolve();

  constructor(
    order: Extract<Order, { order: "send" }>,
    from: { dummies: Dummies; devices: CallDevices; worker: Worker; report(report: Report): void },
  ) {
    super(order.id, order.ice, from);
    this.#from = from;
    this.#rate = order.rate;
    this.#audio = this.#add(from.dummies.audio, "audio");
    if (order.video) this.#video = this.#add(from.dummies.video, "video");
    this.attempt(async () => {
      await this.pc.setLocalDescription(await this.pc.createOffer());
      this.describe();
      await this.#applyRate();
    });
  }

  #add(track: MediaStreamTrack, kind: MediaKind): RTCRtpSender {
    const transceiver = this.pc.addTransceiver(track, { direction: "sendonly" });
    this.encrypt(transceiver.sender, kind);
    limitCodecs(transceiver, kind);
    stopExtensions(transceiver);
    return transceiver.sender;
  }

  answer(sdp: string): void {
    this.attempt(async () => {
      await this.pc.setRemoteDescription({ type: "answer", sdp });
      await this.admit();
    });
  }

  /** Whether microphone and camera are sent; the dummies otherwise. */
  setLive(live: Live): void {
    this.#live = live;
    this.applyTracks();
  }

  /** The person's tracks have changed. A camera that is off sends nothing at all. */
  applyTracks(): void {
    const { devices, dummies } = this.#from;
    const audio = this.#live.audio ? devices.microphone : dummies.audio;
    const video = this.#live.video ? devices.camera : dummies.video;
    this.attempt(async () => {
      await this.#audio.replaceTrack(audio ?? dummies.audio);
      await this.#video?.replaceTrack(video ?? null);
      await this.#applyRate();
    });
  }

  setRate(rate: Rate): void {
    this.#rate = rate;
    this.attempt(() => this.#applyRate());
  }

  async #applyRate(): Promise<void> {
    const { audioKbps, video } = this.#rate;
    await this.#change(this.#audio, (encoding) => ({ ...encoding, maxBitrate: audioKbps * 1_000 }));
    if (!this.#video) return;
    const height = this.#video.track?.getSettings().height ?? 0;
    await this.#change(this.#video, (encoding) =>
      video
        ? {
            ...encoding,
            active: true,
            maxBitrate: video.kbps * 1_000,
            maxFramerate: video.framesPerSecond,
            scaleResolutionDownBy: Math.max(1, height / video.height),
          }
        : { ...encoding, active: false },
    );
  }

  /** Make the next video frame one that needs no other. */
  sendKeyFrame(): void {
    const video = this.#video;
    if (!video) return;
    // Chromium 156 has no generateKeyFrame; where this option is unknown, the peer asks over RTCP.
    const options: KeyFrameOptions = { encodingOptions: [{ keyFrame: true }] };
    this.attempt(() => this.#change(video, (encoding) => encoding, options));
  }

  async #change(
    sender: RTCRtpSender,
    change: (encoding: RTCRtpEncodingParameters) => RTCRtpEncodingParameters,
    options?: RTCSetParameterOptions,
  ): Promise<void> {
    const work = async (): Promise<void> => {
      const parameters = sender.getParameters();
      // Before the first description there is nothing to change.
      if (parameters.encodings.length === 0 || this.pc.signalingState === "closed") return;
      parameters.encodings = parameters.encodings.map(change);
      await sender.setParameters(parameters, options);
    };
    this.#turn = this.#turn.then(work, work);
    await this.#turn;
  }

  override async sample(): Promise<Sample> {
    return readSending(this.id, await this.entries());
  }
}
