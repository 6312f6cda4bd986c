/**
 * The audio thread of calls that go over the server: takes blocks of the microphone, plays blocks of others. Each node
 * is given a port to the call worker; nothing in the page reads along.
 */
import { Ring } from "./ring.ts";

/** As in core/callorders.ts. */
const BLOCK_SAMPLES = 1_920;

/** The global scope of an AudioWorklet, which TypeScript's library does not know. */
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, made: new () => AudioWorkletProcessor): void;

/** What a node is told first and last. */
type Told = { readonly port: MessagePort } | { readonly end: true };

abstract class Node extends AudioWorkletProcessor {
  protected worker: MessagePort | undefined;
  protected over = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<Told>) => {
      if ("port" in data) this.begin(data.port);
      else this.over = true;
    };
  }

  protected begin(port: MessagePort): void {
    this.worker = port;
  }
}

/** Without an input it hears silence. */
class Ear extends Node {
  #block = new Float32Array(BLOCK_SAMPLES);
  #at = 0;

  process([input]: readonly (readonly Float32Array[])[]): boolean {
    const [heard] = input ?? [];
    // 1,920 is 15 times the 128 of a render quantum; another quantum only makes blocks uneven in time.
    const length = heard?.length ?? 128;
    for (let at = 0; at < length; at++) this.#take(heard?.[at] ?? 0);
    return !this.over;
  }

  #take(sample: number): void {
    this.#block[this.#at++] = sample;
    if (this.#at < BLOCK_SAMPLES) return;
    this.worker?.postMessage(this.#block, [this.#block.buffer]);
    this.#block = new Float32Array(BLOCK_SAMPLES);
    this.#at = 0;
  }
}

class Mouth extends Node {
  readonly #ring = new Ring();

  protected override begin(port: MessagePort): void {
    port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
      this.#ring.push(BLOCK_SAMPLES, data.length > 0 ? data : undefined);
    };
  }

  process(_: unknown, [output]: readonly (readonly Float32Array[])[]): boolean {
    const [out] = output ?? [];
    if (out) this.#ring.read(out);
    return !this.over;
  }
}

registerProcessor("zajil-ear", Ear);
registerProcessor("zajil-mouth", Mouth);
