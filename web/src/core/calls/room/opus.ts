/** Opus as the media room carries it: 40 ms a packet, 24 kbit/s whatever is said, so that no size tells anything. */
import { BLOCK_SAMPLES } from "../../callorders.ts";

const SAMPLES_A_SECOND = 48_000;
const FRAME_US = 40_000;
const BITS_A_SECOND = 24_000;

/** Newer than TypeScript's library (W3C WebCodecs Opus registration). */
interface OpusConfig extends AudioEncoderConfig {
  readonly opus: {
    readonly frameDuration: number;
    readonly application: string;
    readonly usedtx: boolean;
    readonly useinbandfec: boolean;
    readonly packetlossperc: number;
  };
}
const ENCODER: OpusConfig = {
  ...{ codec: "opus", sampleRate: SAMPLES_A_SECOND, numberOfChannels: 1 },
  ...{ bitrate: BITS_A_SECOND, bitrateMode: "constant" },
  // No repair of lost packets: a stream loses none, and at this rate it would silence a steady tone.
  opus: { frameDuration: FRAME_US, application: "voip", usedtx: false, useinbandfec: false, packetlossperc: 0 },
};
const DECODER: AudioDecoderConfig = { codec: "opus", sampleRate: SAMPLES_A_SECOND, numberOfChannels: 1 };

/** One direction of a codec, in order. What comes of it goes to its sink. */
export interface Coder<In> {
  push(one: In): void;
  close(): void;
}
export interface Sink<Out> {
  out(one: Out): void;
  /** There is nothing more to come. */
  failed(): void;
}

/** What codes sound. */
export interface Codec {
  /** Takes blocks, makes packets. */
  encoder(sink: Sink<Uint8Array>): Coder<Float32Array>;
  /** Takes packets, makes blocks. */
  decoder(sink: Sink<Float32Array>): Coder<Uint8Array>;
}

/** Whether this browser can, in a worker. */
export const canCode = (): boolean => typeof AudioEncoder === "function" && typeof AudioDecoder === "function";

/** The browser's own. Its makers throw where it has no Opus of this kind. */
export const OPUS: Codec = {
  encoder(sink) {
    let at = 0;
    const coder = new AudioEncoder({
      output(chunk) {
        const packet = new Uint8Array(chunk.byteLength);
        chunk.copyTo(packet);
        sink.out(packet);
      },
      error: () => sink.failed(),
    });
    coder.configure(ENCODER);
    return {
      push(block) {
        if (coder.state !== "configured") return;
        const sound = new AudioData({
          ...{ format: "f32", sampleRate: SAMPLES_A_SECOND, numberOfChannels: 1, numberOfFrames: block.length },
          // What comes from a port is nobody else's.
          ...{ timestamp: FRAME_US * at++, data: block as Float32Array<ArrayBuffer> },
        });
        coder.encode(sound);
        sound.close();
      },
      close: () => close(coder),
    };
  },

  decoder(sink) {
    let at = 0;
    const coder = new AudioDecoder({
      output(sound) {
        const block = new Float32Array(sound.numberOfFrames);
        sound.copyTo(block, { planeIndex: 0, format: "f32-planar" });
        sound.close();
        sink.out(block.length === BLOCK_SAMPLES ? block : fitted(block));
      },
      error: () => sink.failed(),
    });
    coder.configure(DECODER);
    return {
      push(packet) {
        if (coder.state !== "configured") return;
        const data = packet as Uint8Array<ArrayBuffer>;
        coder.decode(new EncodedAudioChunk({ type: "key", timestamp: FRAME_US * at++, data }));
      },
      close: () => close(coder),
    };
  },
};

/** A decoder may leave out what an encoder was early with. */
function fitted(block: Float32Array): Float32Array {
  const whole = new Float32Array(BLOCK_SAMPLES);
  whole.set(block.subarray(-BLOCK_SAMPLES), Math.max(0, BLOCK_SAMPLES - block.length));
  return whole;
}

function close(coder: AudioEncoder | AudioDecoder): void {
  if (coder.state !== "closed") coder.close();
}
