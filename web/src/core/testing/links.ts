/** Links between two devices whose pages are played by the test. */
import type { IceServer, Order, ReceivingSample, Sample } from "../callorders.ts";
import { MediaLinks } from "../calls/media/links.ts";
import type { LinkFigures } from "../calls/media/measure.ts";
import type { MediaSignal } from "../calls/media/shared.ts";
import type { EncodedFrame, Transformer } from "../calls/media/transforms.ts";

export const UDP: IceServer = { urls: ["turn:r:3478?transport=udp"], username: "u", credential: "c" };
export const ALL: IceServer = {
  ...UDP,
  urls: [...UDP.urls, "turn:r:3478?transport=tcp", "turns:r:443?transport=tcp"],
};
export const CALL = new Uint8Array(16).fill(7);
export const HOST = "candidate:1 1 udp 2122194687 192.0.2.2 40000 typ host generation 0";
export const PRIVATE = "candidate:3 1 udp 2122194687 10.0.0.5 40000 typ host";
export const RELAY = "candidate:2 1 udp 41885439 198.51.100.1 50000 typ relay raddr 192.0.2.2 rport 40000 generation 0";

/** A stream that the test feeds frame by frame. */
export class Pipe {
  readonly out: EncodedFrame[] = [];
  readonly transformer: Transformer;
  #into: ReadableStreamDefaultController<EncodedFrame> | undefined;
  #idle: () => void = () => undefined;

  constructor(id: number, kind: "audio" | "video" = "audio") {
    const source: UnderlyingDefaultSource<EncodedFrame> = {
      start: (into) => void (this.#into = into),
      // Asked for only when all that was put in has been worked off.
      pull: () => this.#idle(),
    };
    this.transformer = {
      options: { id, kind },
      readable: new ReadableStream<EncodedFrame>(source, { highWaterMark: 0 }),
      writable: new WritableStream<EncodedFrame>({ write: (frame) => void this.out.push(frame) }),
    };
  }

  /** Every frame that comes out after these went in. */
  async put(...frames: readonly EncodedFrame[]): Promise<EncodedFrame[]> {
    const idle = new Promise<void>((done) => (this.#idle = done));
    for (const frame of frames) this.#into?.enqueue({ ...frame, data: frame.data.slice(0) });
    await idle;
    return this.out.splice(0);
  }
}

export const sound = (n: number): EncodedFrame => ({ data: Uint8Array.of(0x78, n, n).buffer });

export const got = (pc: number): MediaSignal => ({ t: "got", call: CALL, to: 0, pc });
export const lost = (pc: number): MediaSignal => ({ t: "lost", call: CALL, to: 0, pc });
export const offered = (pc: number): MediaSignal => ({
  t: "desc",
  call: CALL,
  to: 0,
  pc,
  role: "offer",
  sdp: "v=0\r\n",
});

/** One device: its links, what they asked of the page, and what they told. */
export class Device {
  readonly orders: Order[] = [];
  readonly signals: MediaSignal[] = [];
  readonly told: string[] = [];
  readonly figures: LinkFigures[] = [];
  readonly links: MediaLinks;
  nowMs = 0;
  #pc = 62;

  constructor(me: number, servers: readonly IceServer[] = [ALL]) {
    this.links = new MediaLinks(
      { call: CALL, leaf: me, kind: "video", nextPc: () => (this.#pc += 2) },
      {
        post: (order) => void this.orders.push(order),
        localSignal: (signal) => void this.signals.push(signal),
        linkUp: (leaf) => void this.told.push(`up ${leaf}`),
        linkDown: (leaf) => void this.told.push(`down ${leaf}`),
        alarm: (leaf) => void this.told.push(`alarm ${leaf}`),
        unopened: (leaf) => void this.told.push(`unopened ${leaf}`),
        noRoute: (leaf) => void this.told.push(`no route ${leaf}`),
        won: (kind) => void this.told.push(`won ${kind}`),
        figures: (figures) => void this.figures.push(figures),
        measured: (leaf, { sample }) => void this.told.push(`measured ${leaf} ${sample?.total ?? "nothing"}`),
        nowMs: () => this.nowMs,
      },
    );
    this.links.useRelays(servers);
    this.links.useKey(5, new Uint8Array(16).fill(9), false);
  }

  at(nowMs: number): void {
    this.nowMs = nowMs;
    this.links.tick();
  }

  /** The orders of one kind since last asked. */
  take<O extends Order["order"]>(kind: O): Extract<Order, { order: O }>[] {
    const found = this.orders.filter((one): one is Extract<Order, { order: O }> => one.order === kind);
    for (const one of found) this.orders.splice(this.orders.indexOf(one), 1);
    return found;
  }

  heard<T extends MediaSignal["t"]>(t: T): Extract<MediaSignal, { t: T }>[] {
    const found = this.signals.filter((one): one is Extract<MediaSignal, { t: T }> => one.t === t);
    for (const one of found) this.signals.splice(this.signals.indexOf(one), 1);
    return found;
  }
}

/** Anna's attempt, as Omar's page sees it: offer, answer, transforms at both ends. */
export async function connect(anna: Device, omar: Device, relayOnly = false) {
  anna.links.openLink(1, { relayOnly });
  omar.links.openLink(0, { relayOnly });
  const sendId = anna.take("send")[0]?.id ?? -1;
  anna.links.hearPage({ report: "described", id: sendId, sdp: "v=0\r\n" });
  const offer = anna.heard("desc")[0];
  if (!offer) throw new Error("no offer");
  omar.links.hear(0, offer);
  const receiveId = omar.take("receive")[0]?.id ?? -1;
  omar.links.hearPage({ report: "described", id: receiveId, sdp: "v=0\r\n" });
  const answer = omar.heard("desc")[0];
  if (!answer) throw new Error("no answer");
  anna.links.hear(1, answer);
  const [from, to] = [new Pipe(sendId), new Pipe(receiveId)];
  anna.links.attach(from.transformer);
  omar.links.attach(to.transformer);
  return { sendId, receiveId, from, to, pc: offer.pc };
}

export const sent = (id: number, audioPackets: number, audioBytes = 0): Sample => ({
  ...{ side: "send", id, audioPackets, audioBytes, videoFrames: 0, bytes: 0 },
});
export const received = (id: number, audioPackets: number, framesDecoded = 0): ReceivingSample => ({
  ...{ side: "receive", id, audioPackets, audioLost: 0, concealed: 0, samples: 0, bufferS: 0, bufferedSamples: 0 },
  ...{ framesDecoded, freezes: 0, frozenS: 0 },
});
