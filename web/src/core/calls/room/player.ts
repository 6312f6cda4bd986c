/** Decodes what is due and hands it to the page, gaps in their place: a block without samples. */
import type { Codec, Coder } from "./opus.ts";

/** A decoder that keeps so many packets to itself is broken. */
const WAITING_MOST = 32;
const GAP = new Float32Array();

export class Player {
  /** Nothing goes to the page. */
  quiet = false;
  readonly #port: MessagePort;
  readonly #codec: Codec;
  readonly #leavesOut: (level: number) => boolean;
  /** What was asked to be played, in its order, as far as it was not. */
  #due: ("sound" | "gap")[] = [];
  #decoder: Coder<Uint8Array> | undefined;
  #closed = false;

  /** leavesOut: whether to be silent about a block of this loudness. */
  constructor(port: MessagePort, codec: Codec, leavesOut: (level: number) => boolean) {
    this.#port = port;
    this.#codec = codec;
    this.#leavesOut = leavesOut;
  }

  play(packet: Uint8Array): void {
    if (this.#due.length >= WAITING_MOST) this.#restart();
    this.#due.push("sound");
    this.#decoder ??= this.#begin();
    this.#decoder?.push(packet);
  }

  gap(): void {
    this.#due.push("gap");
    this.#passGaps();
  }

  close(): void {
    this.#closed = true;
    this.#restart();
    this.#port.close();
  }

  #begin(): Coder<Uint8Array> | undefined {
    try {
      const decoder: Coder<Uint8Array> = this.#codec.decoder({
        out: (block) => {
          if (this.#decoder === decoder) this.#decoded(block);
        },
        failed: () => {
          if (this.#decoder === decoder) this.#restart();
        },
      });
      return decoder;
    } catch {
      // A browser without this decoder says so by silence.
      return undefined;
    }
  }

  /** What was on its way to sound is silence. */
  #restart(): void {
    this.#decoder?.close();
    this.#decoder = undefined;
    this.#due = this.#due.map(() => "gap");
    this.#passGaps();
  }

  #decoded(block: Float32Array): void {
    if (this.#due[0] !== "sound") return;
    this.#due.shift();
    if (!this.#leavesOut(levelOf(block))) this.#pass(block);
    this.#passGaps();
  }

  #passGaps(): void {
    while (this.#due[0] === "gap") {
      this.#due.shift();
      this.#pass(GAP);
    }
  }

  #pass(block: Float32Array): void {
    if (!this.quiet && !this.#closed) this.#port.postMessage(block);
  }
}

/** Mean of the absolute values. */
export const levelOf = (block: Float32Array): number =>
  block.reduce((sum, value) => sum + Math.abs(value), 0) / Math.max(1, block.length);
