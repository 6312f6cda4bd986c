/** How a link is, second by second: from the browser's counts to what quality and the view are made of. */
import type { Try } from "../../../protocol/calls/ladder.ts";
import type { Sample as QualitySample } from "../../../protocol/calls/quality.ts";
import type { ReceivingSample, RouteSample, Sample } from "../../callorders.ts";
import type { Measure } from "../showing.ts";
import type { OpenCounts, SealCounts } from "./transforms.ts";

/** Of Opus over WebRTC. */
const FRAME_MS = 20;
const MEASURE_MS = 1_000;
/** Without one for this long, no pictures come; the smallest rate there is has one a second. */
const PICTURE_MS = 3_000;

/** What was counted of a link so far. sealed: of what carries our media. opened: of what we hear of the peer. */
export interface LinkFigures {
  readonly leaf: number;
  readonly sealed?: { readonly audio: SealCounts; readonly video: SealCounts };
  readonly opened?: { readonly audio: OpenCounts; readonly video: OpenCounts };
  readonly tries: readonly Try[];
  /** What relays of attempt B are reached over, as far as their URLs say. */
  readonly stream: Stream;
  readonly samples: readonly Sample[];
}

/** Rungs of attempt B. */
export type Stream = "relay-tcp" | "relay-tls";

const rungOf = (route: RouteSample | undefined): Measure["rung"] => {
  if (!route) return null;
  if (route.type === "server") return "server";
  return route.type === "relay" ? `relay-${route.relay ?? "udp"}` : "direct";
};

/** Differences from one second to the next, of one link. */
export class LinkMeter {
  #before: ReceivingSample | undefined;
  #readAtMs: number | undefined;
  #stream: Stream | undefined;
  /** Pictures opened so far, and when that was last another number. */
  #pictures: number | undefined;
  #pictureAtMs = 0;

  /** Undefined until a second has passed since the last. */
  read(figures: LinkFigures, nowMs: number): Measure | undefined {
    if (this.#readAtMs !== undefined && nowMs - this.#readAtMs < MEASURE_MS) return undefined;
    this.#readAtMs = nowMs;
    const now = figures.samples.find((sample) => sample.side === "receive");
    const sending = figures.samples.find((sample) => sample.side === "send");
    const sample = this.#compare(now, sending?.rttMs);
    this.#before = now;
    const rung = rungOf(sending?.route);
    if (rung === "relay-tcp" || rung === "relay-tls") this.#stream = rung;
    return {
      ...{
        sample,
        rung,
        stream: this.#stream ?? figures.stream,
        host: sending?.route?.host ?? "",
        tries: figures.tries,
      },
      sealed: figures.sealed?.audio.sealed ?? 0,
      seen: (figures.sealed?.video.sealed ?? 0) > 0,
      opened: figures.opened?.audio.opened ?? 0,
      pictures: this.#comes(figures.opened?.video.opened ?? 0, nowMs),
    };
  }

  #comes(pictures: number, nowMs: number): boolean {
    if (pictures !== this.#pictures) [this.#pictures, this.#pictureAtMs] = [pictures, nowMs];
    return nowMs - this.#pictureAtMs < PICTURE_MS;
  }

  #compare(now: ReceivingSample | undefined, rttMs: number | undefined): QualitySample | null {
    const before = this.#before;
    if (!now || before?.id !== now.id) return null;
    const buffered = now.bufferedSamples - before.bufferedSamples;
    return {
      concealed: Math.max(0, now.concealed - before.concealed),
      total: now.samples - before.samples,
      rttMs: now.rttMs ?? rttMs ?? 0,
      bufferMs: buffered > 0 ? (1_000 * (now.bufferS - before.bufferS)) / buffered : 0,
      frameMs: now.frameMs ?? FRAME_MS,
    };
  }
}
