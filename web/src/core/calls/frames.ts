/**
 * What a frame of media looks like on the wire: `clear bytes || header || ciphertext || tag` on WebRTC, and the media
 * socket's `8 bytes of frame header || header || ciphertext || tag`. The clear bytes are authenticated.
 */
import { concat } from "../../protocol/bytes.ts";
import { type Opener, type Sealer } from "./keys.ts";
import { FrameRefused, TAG_BYTES } from "./sframe.ts";

export type Codec = "opus" | "vp8" | "vp9";
/** Of `RTCEncodedVideoFrame.type`; audio has none and counts as delta. */
export type FrameType = "key" | "delta";

/** Bytes of a VP8 payload that packetizers and jitter buffers read (RFC 6386 9.1). */
const VP8_CLEAR = { key: 10, delta: 1 } as const;
/** Before a frame of the media socket: kind, flags, seq u16, ts u32. */
export const SOCKET_HEADER_BYTES = 8;

/** How many bytes at the start of a frame stay readable. */
export const clearBytes = (codec: Codec, type: FrameType): number => (codec === "vp8" ? VP8_CLEAR[type] : 0);

async function sealAfter(sealer: Sealer, frame: Uint8Array, clear: number, nowMs: number): Promise<Uint8Array> {
  if (frame.length <= clear) throw new FrameRefused("empty");
  const prefix = frame.subarray(0, clear);
  return concat(prefix, await sealer.seal(frame.subarray(clear), prefix, nowMs));
}

async function openAfter(opener: Opener, frame: Uint8Array, clear: number, nowMs: number): Promise<Uint8Array> {
  if (frame.length === 0) throw new FrameRefused("empty");
  if (frame.length <= clear + TAG_BYTES) throw new FrameRefused("short");
  const prefix = frame.subarray(0, clear);
  return concat(prefix, await opener.open(frame.subarray(clear), prefix, nowMs));
}

/** A codec's frame, sealed. Throws FrameRefused `empty` for one without a byte to seal, and as `Sealer.seal`. */
export const sealFrame = (
  sealer: Sealer,
  frame: Uint8Array,
  shape: { readonly codec: Codec; readonly type: FrameType; readonly nowMs: number },
): Promise<Uint8Array> => sealAfter(sealer, frame, clearBytes(shape.codec, shape.type), shape.nowMs);

/** The codec's frame again. Throws FrameRefused. */
export const openFrame = (
  opener: Opener,
  frame: Uint8Array,
  shape: { readonly codec: Codec; readonly type: FrameType; readonly nowMs: number },
): Promise<Uint8Array> => openAfter(opener, frame, clearBytes(shape.codec, shape.type), shape.nowMs);

/** The media socket's frame: `header` as it is, the payload behind it sealed. header: 8 bytes. */
export const sealRecord = (
  sealer: Sealer,
  header: Uint8Array,
  payload: Uint8Array,
  nowMs: number,
): Promise<Uint8Array> => sealAfter(sealer, concat(header, payload), SOCKET_HEADER_BYTES, nowMs);

/** `header || payload` of a frame of the media socket. Throws FrameRefused. */
export const openRecord = (opener: Opener, record: Uint8Array, nowMs: number): Promise<Uint8Array> =>
  openAfter(opener, record, SOCKET_HEADER_BYTES, nowMs);
