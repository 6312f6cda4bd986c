/**
 * The transforms between encoder and network: nothing passes one in clear, and each counts what it saw.
 *
 * One loop per transform reads, awaits the cipher and writes, so order is kept. What cannot be sealed or opened is
 * dropped. A transform that the worker does not know is never run, so nothing flows through it.
 */
import type { MediaKind } from "../../callorders.ts";
import { openFrame, sealFrame } from "../frames.ts";
import type { Opener, Sealer } from "../keys.ts";
import { FrameRefused, type Refusal } from "../sframe.ts";

/** Of `RTCEncodedVideoFrame` and `RTCEncodedAudioFrame`; audio has no type. */
export interface EncodedFrame {
  data: ArrayBuffer;
  readonly type?: "key" | "delta" | "empty";
}

/** What is used of `RTCRtpScriptTransformer`. Chromium 156 has no `generateKeyFrame`. */
export interface Transformer {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  readonly options: unknown;
  generateKeyFrame?(): Promise<unknown>;
  sendKeyFrameRequest?(): Promise<unknown>;
}

/** Invalid frames in a row that end the link, while the key of their epoch is known. */
export const INVALID_ROW = 25;
/** A receiver that waits for a key frame asks again after this time. */
const ASK_AGAIN_MS = 500;
/** What says that a frame is no frame of the peer's. The others are late, early or double. */
const INVALID: ReadonlySet<Refusal> = new Set<Refusal>(["short", "header", "foreign-leaf", "bad-tag"]);

export interface SealCounts {
  /** Frames that came in: each is sealed or dropped. */
  taken: number;
  sealed: number;
  /** Of all sealed frames. */
  bytes: number;
  dropped: number;
}

export interface OpenCounts {
  taken: number;
  opened: number;
  invalid: number;
  /** Invalid ones since the last that opened. */
  row: number;
  unknownKey: number;
  replayed: number;
  empty: number;
  /** When the last frame opened. */
  openedAtMs: number | undefined;
  /** The longest time between two that opened, since it was last looked at. */
  gapMs: number;
}

export const noSealCounts = (): SealCounts => ({ taken: 0, sealed: 0, bytes: 0, dropped: 0 });
export const noOpenCounts = (): OpenCounts => ({
  ...{ taken: 0, opened: 0, invalid: 0, row: 0 },
  ...{ unknownKey: 0, replayed: 0, empty: 0 },
  openedAtMs: undefined,
  gapMs: 0,
});

/** A frame's bytes that belong to nobody else. */
const bufferOf = (bytes: Uint8Array): ArrayBuffer =>
  (bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer) as ArrayBuffer;

/** Read every frame, write those that `change` answers with other bytes. Ends when either side is gone. */
async function run(
  transformer: Transformer,
  change: (frame: EncodedFrame) => Promise<Uint8Array | undefined>,
): Promise<void> {
  const reader = transformer.readable.getReader();
  const writer = transformer.writable.getWriter();
  try {
    for (;;) {
      const { value: frame, done } = await reader.read();
      if (done) return;
      const bytes = await change(frame);
      if (bytes === undefined) continue;
      frame.data = bufferOf(bytes);
      await writer.write(frame);
    }
  } catch {
    // The connection was closed. Nothing goes on, so nothing passes in clear.
  }
}

/** Frames of one type: audio has none, and what is neither is not media. */
const typeOf = (frame: EncodedFrame): "key" | "delta" => (frame.type === "key" ? "key" : "delta");
const codecOf = (kind: MediaKind): "opus" | "vp8" => (kind === "audio" ? "opus" : "vp8");

export interface Sealing {
  readonly kind: MediaKind;
  readonly sealer: Sealer;
  readonly counts: SealCounts;
  nowMs(): number;
  /** Others wait for a key frame: the epoch has changed. Only where the transformer cannot make one itself. */
  needsKeyFrame(): void;
}

/** Seal all frames of one sender until its connection ends. */
export async function runSealing(transformer: Transformer, { kind, sealer, counts, ...from }: Sealing): Promise<void> {
  await run(transformer, async (frame) => {
    counts.taken++;
    const before = sealer.epoch;
    try {
      const shape = { codec: codecOf(kind), type: typeOf(frame), nowMs: from.nowMs() };
      const sealed = await sealFrame(sealer, new Uint8Array(frame.data), shape);
      counts.sealed++;
      counts.bytes += sealed.length;
      const changed = before !== undefined && sealer.epoch !== before;
      if (changed && kind === "video" && frame.type !== "key") askForKeyFrame(transformer, from.needsKeyFrame);
      return sealed;
    } catch {
      // Whatever went wrong, the frame does not leave.
      counts.dropped++;
      return undefined;
    }
  });
}

function askForKeyFrame(transformer: Transformer, otherwise: () => void): void {
  if (transformer.generateKeyFrame) void transformer.generateKeyFrame().catch(otherwise);
  else otherwise();
}

export interface Opening {
  readonly kind: MediaKind;
  readonly opener: Opener;
  readonly counts: OpenCounts;
  nowMs(): number;
  /** A frame opened. */
  opened(): void;
  /** 25 invalid ones in a row. */
  unopened(): void;
}

/** Open all frames of one receiver until its connection ends. */
export async function runOpening(transformer: Transformer, { kind, opener, counts, ...from }: Opening): Promise<void> {
  let broken = false;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  await run(transformer, async (frame) => {
    counts.taken++;
    const nowMs = from.nowMs();
    try {
      const shape = { codec: codecOf(kind), type: typeOf(frame), nowMs };
      const opened = await openFrame(opener, new Uint8Array(frame.data), shape);
      countOpened(counts, nowMs);
      if (frame.type === "key") broken = false;
      else if (broken && kind === "video" && nowMs - askedAtMs >= ASK_AGAIN_MS) {
        // What was dropped is missing to the decoder; by itself it would ask late.
        askedAtMs = nowMs;
        void transformer.sendKeyFrameRequest?.().catch(() => undefined);
      }
      from.opened();
      return opened;
    } catch (problem) {
      const reason = problem instanceof FrameRefused ? problem.reason : "bad-tag";
      if (countRefused(counts, reason)) broken = true;
      if (counts.row === INVALID_ROW) from.unopened();
      return undefined;
    }
  });
}

/** Counts a frame that opened. */
export function countOpened(counts: OpenCounts, nowMs: number): void {
  counts.opened++;
  counts.row = 0;
  if (counts.openedAtMs !== undefined) counts.gapMs = Math.max(counts.gapMs, nowMs - counts.openedAtMs);
  counts.openedAtMs = nowMs;
}

/** Counts a frame that was dropped. Answers whether the decoder will miss it. */
export function countRefused(counts: OpenCounts, reason: Refusal): boolean {
  if (reason === "empty") counts.empty++;
  else if (reason === "replayed") counts.replayed++;
  else if (reason === "unknown-key") counts.unknownKey++;
  if (INVALID.has(reason)) {
    counts.invalid++;
    counts.row++;
  }
  return reason !== "empty" && reason !== "replayed";
}
