/** What a sample of a connection says about its transforms: whether anything went past them in clear. */
import type { ReceivingSample, SendingSample } from "../../callorders.ts";
import type { OpenCounts, SealCounts } from "./transforms.ts";

/** Packets that may be counted by the browser before our own count is read, and the reverse. */
const AUDIO_SLACK = 5;
const AUDIO_SLACK_BYTES = 600;
const VIDEO_SLACK = 2;
/** Sound that arrives but never opens, so long, makes an attempt fail. */
export const NOTHING_OPENS_MS = 2_000;

/** How long a video frame may take from the encoder through its transform on a busy machine. */
const ON_ITS_WAY_MS = 1_000;

/**
 * Tells whether more went out than the transforms sealed.
 *
 * An audio packet is counted behind the transform, so it must have been sealed; but packets that only measure the way
 * are counted, too, so that the bytes of what they carry must be more as well. A video frame is counted before it: one
 * that was dropped for want of a key counts too, and has not left; and one may still be on its way, so what is compared
 * is a count that is a second old.
 */
export class SendingWatch {
  #videoFrames: { readonly atMs: number; readonly count: number }[] = [];

  /** counts: read after the sample was taken. */
  isPlaintext(sample: SendingSample, counts: { audio: SealCounts; video: SealCounts }, nowMs: number): boolean {
    this.#videoFrames.push({ atMs: nowMs, count: sample.videoFrames });
    const old = this.#videoFrames.findLast(({ atMs }) => nowMs - atMs >= ON_ITS_WAY_MS);
    if (old) this.#videoFrames = this.#videoFrames.slice(this.#videoFrames.indexOf(old));
    const passed = counts.video.sealed + counts.video.dropped;
    const { sealed, bytes } = counts.audio;
    const audio = sample.audioPackets > sealed + AUDIO_SLACK && sample.audioBytes > bytes + AUDIO_SLACK_BYTES;
    return audio || (old?.count ?? 0) > passed + VIDEO_SLACK;
  }
}

/** Whether the browser shows or plays what the transforms never opened. */
export const isBypassed = (sample: ReceivingSample, counts: { video: OpenCounts }): boolean =>
  sample.framesDecoded > counts.video.opened + VIDEO_SLACK;

/** Since when sound arrives of which nothing opens; undefined while all is well. */
export class NothingOpens {
  #packets = 0;
  #opened = 0;
  #sinceMs: number | undefined;

  /** Whether it has been too long. */
  isStuck(sample: ReceivingSample, audio: OpenCounts, nowMs: number): boolean {
    const grows = sample.audioPackets > this.#packets;
    if (audio.opened > this.#opened || (!grows && this.#sinceMs === undefined)) this.#sinceMs = undefined;
    else this.#sinceMs ??= nowMs;
    this.#packets = sample.audioPackets;
    this.#opened = audio.opened;
    return this.#sinceMs !== undefined && nowMs - this.#sinceMs >= NOTHING_OPENS_MS;
  }
}
