/**
 * All media of one call: a link with each device in it, over connections that the page opens and closes on our order.
 *
 * A call's session says with whom (`openLink`, `closeLink`) and hands on what the peers signal (`hear`); it is told
 * what to signal, which links are up, of a device whose frames open to nobody, after which its link is closed, and of
 * an alarm, after which nothing is open any more. Runs in the call worker.
 */
import type { IceServer, Order, Report, Sample, TransformOptions } from "../../callorders.ts";
import type { LinkKind } from "../../../protocol/calls/ladder.ts";
import type { Step } from "../../../protocol/calls/quality.ts";
import { KeyRing } from "../keys.ts";
import type { Ways } from "../port.ts";
import type { CallMedia, MediaStart, Reports } from "../ports.ts";
import { type LinkFigures, LinkMeter, type Stream } from "./measure.ts";
import { Hearing } from "../room/hearing.ts";
import { MediaRoom, type RoomMeans } from "../room/room.ts";
import { Speaking } from "../room/speaking.ts";
import { PeerLink, type Receiving, type Sending } from "./peerlink.ts";
import { rateOf } from "./rates.ts";
import type { MediaSignal, Shared } from "./shared.ts";
import type { Transformer } from "./transforms.ts";

export const TICK_MS = 100;
export const SAMPLE_MS = 500;

/** Whom the links tell, and the way to the page. */
export interface MediaPorts extends Reports {
  post(order: Order): void;
  /** What the media room takes; undefined while this device cannot use one. */
  roomMeans?(): RoomMeans | undefined;
  /** This kind of attempt has carried for a while. */
  won?(kind: LinkKind): void;
  /** Every half second, what was counted of a link. */
  figures?(figures: LinkFigures): void;
  nowMs(): number;
}

/** What of a call's start the links need. */
export type LinksStart = Pick<MediaStart, "call" | "leaf" | "kind" | "nextPc">;

export class MediaLinks implements CallMedia {
  readonly #ports: MediaPorts;
  readonly #shared: Shared;
  readonly #links = new Map<number, PeerLink>();
  #servers: readonly IceServer[] = [];
  #ways: Ways = { carries: true, rung: null };
  #video: boolean;
  /** Of each link: a bad way to one takes nothing from the others. */
  readonly #steps = new Map<number, Step>();
  #ids = 0;
  #sampledAtMs = Number.NEGATIVE_INFINITY;
  readonly #ring = new KeyRing();
  readonly #meters = new Map<number, LinkMeter>();
  #room: MediaRoom | undefined;

  constructor(start: LinksStart, ports: MediaPorts) {
    this.#ports = ports;
    const { call, leaf: me, kind } = start;
    this.#video = kind === "video";
    this.#shared = {
      ...{ ring: this.#ring, me },
      post: (order) => ports.post(order),
      signal: (leaf, signal) => ports.localSignal({ ...signal, call, to: leaf }),
      nextPc: () => start.nextPc(),
      nextId: () => ++this.#ids,
      servers: () => this.#servers,
      carries: () => this.#ways.carries,
      remembered: () => this.#ways.rung,
      won: (kind) => ports.won?.(kind),
      video: () => this.#video,
      rate: (rung, leaf) => rateOf(rung, this.#links.size + 1, this.#steps.get(leaf) ?? "full"),
      nowMs: () => ports.nowMs(),
      up: (leaf) => ports.linkUp(leaf),
      down: (leaf) => ports.linkDown(leaf),
      alarm: (leaf) => this.#alarm(leaf),
      unopened: (leaf) => this.#shut(leaf),
      noRoute: (leaf) => ports.noRoute(leaf),
      changed: (leaf) => this.#links.get(leaf)?.tick(ports.nowMs()),
    };
  }

  /** Nothing is connected before an attempt uses it. */
  #openRoom(): MediaRoom | undefined {
    const means = this.#ports.roomMeans?.();
    if (!means) return undefined;
    this.#room ??= new MediaRoom(this.#shared, means);
    return this.#room;
  }

  /** Relays of this call. Links that are open take them at their next attempt. */
  useRelays(servers: readonly IceServer[]): void {
    this.#servers = servers;
  }

  /** What is known of the network. Links take it when they begin, and when the network changes. */
  useWays(ways: Ways): void {
    this.#ways = ways;
  }

  /** Whether connections opened from now on have a video section; at first as the call's kind says. */
  useVideo(video: boolean): void {
    this.#video = video;
  }

  /** Send to a device, and receive what it sends. Opening a link twice changes nothing. */
  openLink(leaf: number, { relayOnly }: { readonly relayOnly: boolean }): void {
    if (this.#links.has(leaf)) return;
    const link = new PeerLink(leaf, relayOnly ? "relay" : "all", this.#shared, () => this.#openRoom());
    this.#links.set(leaf, link);
    link.start(this.#ports.nowMs());
    this.#applyRates();
  }

  /** End both directions with a device, at once. */
  closeLink(leaf: number): void {
    this.#links.get(leaf)?.close(this.#ports.nowMs());
    this.#links.delete(leaf);
    this.#meters.delete(leaf);
    this.#steps.delete(leaf);
    this.#applyRates();
  }

  /** A new epoch's key, 16 bytes, which are zeroed. removed: somebody left the group by it. */
  useKey(epoch: number, baseKey: Uint8Array, removed: boolean): void {
    this.#ring.add(epoch, baseKey, { removed, nowMs: this.#ports.nowMs() });
  }

  /** All of it ends, and the keys are forgotten. */
  close(): void {
    this.#closeAll();
    this.#ring.clear();
  }

  #closeAll(): void {
    for (const leaf of [...this.#links.keys()]) this.closeLink(leaf);
    this.#room?.close();
    this.#room = undefined;
  }

  /** A signal of a device with which a link is open. Its SDP and candidates have been checked. */
  hear(leaf: number, signal: MediaSignal): void {
    this.#links.get(leaf)?.hear(signal, this.#ports.nowMs());
  }

  setMedia(mic: boolean, cam: boolean): void {
    if (cam) this.useVideo(true);
    this.#ports.post({ order: "media", microphone: mic, camera: cam });
  }

  setStep(leaf: number, step: Step): void {
    this.#steps.set(leaf, step);
    this.#links.get(leaf)?.applyRates();
  }

  networkChanged(): void {
    this.#room?.renew();
    for (const link of this.#links.values()) link.networkChanged(this.#ports.nowMs());
  }

  /** What the page has to say. */
  hearPage(report: Report): void {
    if (report.report === "sample") this.#judge(report.samples);
    else if (report.report === "network") this.networkChanged();
    else {
      const found = this.#find(report.id);
      if (found) found.link.report(found.attempt, report);
      else if (report.report === "failed") this.#room?.failedAt(report.id);
    }
  }

  /** A transform of the page; one that belongs to no attempt is never run, so nothing flows. */
  attach(transformer: Transformer): void {
    const { id, kind } = (transformer.options ?? {}) as Partial<TransformOptions>;
    const found = id === undefined ? undefined : this.#find(id);
    if (!found || found.attempt instanceof Hearing) return;
    if (kind === "audio" || kind === "video") found.link.attach(found.attempt, transformer, kind);
  }

  /** Every 100 ms while a call is on. */
  tick(): void {
    const nowMs = this.#ports.nowMs();
    for (const link of [...this.#links.values()]) link.tick(nowMs);
    this.#room?.tick(nowMs);
    if (this.#links.size === 0 || nowMs - this.#sampledAtMs < SAMPLE_MS) return;
    this.#sampledAtMs = nowMs;
    this.#ports.post({ order: "sample" });
  }

  #find(id: number): { link: PeerLink; attempt: NonNullable<ReturnType<PeerLink["find"]>> } | undefined {
    for (const link of this.#links.values()) {
      const attempt = link.find(id);
      if (attempt) return { link, attempt };
    }
    return undefined;
  }

  #judge(samples: readonly Sample[]): void {
    const nowMs = this.#ports.nowMs();
    for (const sample of samples) {
      const found = this.#find(sample.id);
      if (!found || found.attempt instanceof Hearing) continue;
      if (!found.link.judge(found.attempt, sample, nowMs)) continue;
      this.#alarm(found.link.leaf);
      return;
    }
    for (const link of this.#links.values()) {
      const figures = { ...figuresOf(link, samples), stream: streamOf(this.#servers) };
      this.#ports.figures?.(figures);
      const meter = this.#meters.get(link.leaf) ?? new LinkMeter();
      this.#meters.set(link.leaf, meter);
      const measure = meter.read(figures, nowMs);
      if (measure) this.#ports.measured(link.leaf, measure);
    }
  }

  #alarm(leaf: number): void {
    if (this.#links.size === 0) return;
    this.close();
    this.#ports.alarm(leaf);
  }

  /** The fault of one device, which must not end what the others say to each other. */
  #shut(leaf: number): void {
    if (!this.#links.has(leaf)) return;
    this.closeLink(leaf);
    this.#ports.unopened(leaf);
  }

  #applyRates(): void {
    for (const link of this.#links.values()) link.applyRates();
  }
}

/** A relay over TLS is what a browser takes first of those it is given. */
const streamOf = (servers: readonly IceServer[]): Stream =>
  servers.some(({ urls }) => urls.some((url) => url.startsWith("turns:"))) ? "relay-tls" : "relay-tcp";

function figuresOf(link: PeerLink, samples: readonly Sample[]): Omit<LinkFigures, "stream"> {
  const { winner, leaf, tries } = link;
  const heard = link.heard ?? link.newest;
  return {
    ...{ leaf, tries },
    ...(winner && { sealed: winner.counts }),
    ...(heard && { opened: heard.takeCounts() }),
    // A connection that is not heard yet, or not any more, is no slow network: it must not cost the pictures.
    samples: [winner, link.heard].flatMap((one) => sampleOf(one, samples)),
  };
}

/** The page's sample of a connection; the media room counts for itself. */
function sampleOf(attempt: Sending | Receiving | undefined, samples: readonly Sample[]): readonly Sample[] {
  if (attempt instanceof Speaking || attempt instanceof Hearing) return [attempt.sample()];
  return samples.filter((sample) => sample.id === attempt?.id);
}
