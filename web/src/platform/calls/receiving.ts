/** A connection that receives what one device sends. It sends nothing. */
import type { MediaKind, Order, Report, Sample } from "../../core/callorders.ts";
import { CallConnection, limitCodecs } from "./connection.ts";
import { readReceiving } from "./stats.ts";

const kindOf = (track: MediaStreamTrack): MediaKind => (track.kind === "video" ? "video" : "audio");

export class ReceivingConnection extends CallConnection {
  readonly leaf: number;
  /** What arrives: sound, and a picture if the peer sends one. */
  readonly stream = new MediaStream();

  constructor(
    order: Extract<Order, { order: "receive" }>,
    from: { readonly worker: Worker; report(report: Report): void },
  ) {
    super(order.id, order.ice, from);
    this.leaf = order.leaf;
    const encrypted = new Set<RTCRtpReceiver>();
    this.pc.ontrack = ({ receiver, track, transceiver }) => {
      // At once: what came before a transform was set would pass without one.
      this.encrypt(receiver, kindOf(track));
      encrypted.add(receiver);
      limitCodecs(transceiver, kindOf(track));
      this.stream.addTrack(track);
    };
    this.attempt(async () => {
      await this.pc.setRemoteDescription({ type: "offer", sdp: order.offer });
      if (this.pc.getReceivers().some((receiver) => !encrypted.has(receiver))) throw new Error("not encrypted");
      await this.pc.setLocalDescription(await this.pc.createAnswer());
      this.describe();
      await this.admit();
    });
  }

  override async sample(): Promise<Sample> {
    return readReceiving(this.id, await this.entries());
  }
}
