/**
 * One attempt of a device to reach us in the media room: its frames are opened, put back in time, decoded and played,
 * and their absence is noticed.
 */
import { FRAME_MS, JitterBuffer } from "../../../protocol/calls/jitter.ts";
import { type Control, type Echo, type Frame, parseControl } from "../../../protocol/calls/media.ts";
import { concat } from "../../../protocol/bytes.ts";
import { BLOCK_SAMPLES, type ReceivingSample } from "../../callorders.ts";
import { openRecord, SOCKET_HEADER_BYTES } from "../frames.ts";
import type { Opener } from "../keys.ts";
import { countOpened, countRefused, noOpenCounts, type OpenCounts } from "../media/transforms.ts";
import { Proof, SILENCE_MS } from "../media/proof.ts";
import type { Shared } from "../media/shared.ts";
import { Player } from "./player.ts";
import type { Codec } from "./opus.ts";
import { FrameRefused } from "../sframe.ts";

const HELD_MAX_MS = 2 ** 16 - 1;

/** What it needs of the call and of the room. */
export interface HearingPorts {
  readonly codec: Codec;
  /** What the peer says of how it hears. */
  told(leaf: number, control: Control): void;
  /** It is over. */
  left(hearing: Hearing): void;
}

export class Hearing {
  readonly id: number;
  readonly pc: number;
  readonly leaf: number;
  readonly proof: Proof;
  readonly counts: { readonly audio: OpenCounts; readonly video: OpenCounts } = {
    audio: noOpenCounts(),
    video: noOpenCounts(),
  };
  /** The ts of the peer's newest report, and when it came. */
  #report: { readonly ts: number; readonly atMs: number } | undefined;
  readonly #shared: Shared;
  readonly #ports: HearingPorts;
  readonly #opener: Opener;
  readonly #jitter = new JitterBuffer();
  readonly #player: Player;
  readonly #startedAtMs: number;
  /** Of all frames played: how long the buffer kept them, in seconds. */
  #bufferS = 0;
  #closed = false;

  constructor(
    of: { readonly leaf: number; readonly pc: number; readonly nowMs: number },
    shared: Shared,
    ports: HearingPorts,
  ) {
    this.#shared = shared;
    this.#ports = ports;
    this.leaf = of.leaf;
    this.pc = of.pc;
    this.#startedAtMs = of.nowMs;
    this.id = shared.nextId();
    this.proof = new Proof(of, shared);
    this.#opener = shared.ring.receiver(of.leaf, of.pc);
    const { port1, port2 } = new MessageChannel();
    this.#player = new Player(port1, ports.codec, (level) => this.#jitter.leavesOut(level));
    shared.post({ order: "hear", id: this.id, leaf: of.leaf, port: port2 });
  }

  get alive(): boolean {
    return this.proof.alive;
  }

  /** When a frame last opened, or when it began. */
  get heardAtMs(): number {
    return Math.max(this.#startedAtMs, this.counts.audio.openedAtMs ?? 0);
  }

  /** A frame of it has opened. */
  get hasHeard(): boolean {
    return this.counts.audio.openedAtMs !== undefined;
  }

  /** For the report that goes back. */
  report(nowMs: number): { readonly late: number; readonly target: number } {
    return { late: this.#jitter.latePerMille(nowMs), target: this.#jitter.targetMs };
  }

  /** For the report that goes back to the peer; undefined while there is nothing fresh. */
  echo(nowMs: number): Echo | undefined {
    const { ts, atMs } = this.#report ?? { ts: 0, atMs: Number.NEGATIVE_INFINITY };
    const heldMs = Math.floor(nowMs - atMs);
    return heldMs <= HELD_MAX_MS ? { leaf: this.leaf, ts, heldMs } : undefined;
  }

  /** A frame whose KID names this attempt; whoever is in the room can write that. record: as it came, without slot. */
  async take(frame: Frame, record: Uint8Array, nowMs: number): Promise<void> {
    const counts = this.counts.audio;
    if (frame.kind === "audio") counts.taken++;
    try {
      const opened = await openRecord(this.#opener, record, nowMs);
      // A `got` for what is over would have the peer stay with it.
      if (this.#closed) return;
      const payload = opened.subarray(SOCKET_HEADER_BYTES);
      if (frame.kind === "control") {
        this.#ports.told(this.leaf, parseControl(payload));
        this.#report = { ts: frame.ts, atMs: nowMs };
      }
      if (frame.kind === "audio") this.#hear(frame, payload, nowMs);
    } catch (problem) {
      // Dropped and counted, and no alarm: here it proves nothing about the peer, who is at the end of no connection.
      if (frame.kind === "audio" && problem instanceof FrameRefused) countRefused(counts, problem.reason);
    }
  }

  #hear({ seq, ts }: Frame, payload: Uint8Array, nowMs: number): void {
    countOpened(this.counts.audio, nowMs);
    this.#jitter.push(seq, ts, Math.floor(nowMs), concat(payload));
    this.proof.opened();
  }

  /** Play what is due; called every 10 ms. */
  play(nowMs: number): void {
    for (;;) {
      const pulled = this.#jitter.pull(Math.floor(nowMs));
      if (pulled.t === "wait") return;
      if (pulled.t === "gap") this.#player.gap();
      else {
        this.#bufferS += this.#jitter.delayMs / 1_000;
        this.#player.play(pulled.payload);
      }
    }
  }

  /** Another way brings this device's sound by now; this one is opened and not played. */
  hush(on: boolean): void {
    this.#player.quiet = on;
  }

  /** The peer said again that it sends here. */
  repeat(): void {
    if (this.alive) this.proof.sayGot(this.#shared.nowMs());
  }

  /** As of a connection; the buffer's wait comes on top. */
  isSilent(nowMs: number): boolean {
    return nowMs - this.heardAtMs >= SILENCE_MS + this.#jitter.targetMs;
  }

  /** others: as of a connection. */
  tick(nowMs: number, { others }: { readonly others: boolean }): void {
    this.proof.tick(nowMs, { silent: this.isSilent(nowMs), others });
  }

  /** The counts as they are; gaps are measured anew from here. */
  takeCounts(): { readonly audio: OpenCounts; readonly video: OpenCounts } {
    const audio = { ...this.counts.audio };
    this.counts.audio.gapMs = 0;
    return { audio, video: { ...this.counts.video } };
  }

  /** As the browser counts its own connections. */
  sample(): ReceivingSample {
    const { played, gaps } = this.#jitter;
    return {
      ...{ side: "receive", id: this.id, audioPackets: this.counts.audio.opened, audioLost: gaps },
      ...{ concealed: gaps * BLOCK_SAMPLES, samples: (played + gaps) * BLOCK_SAMPLES },
      ...{ bufferS: this.#bufferS, bufferedSamples: played, frameMs: FRAME_MS },
      ...{ framesDecoded: 0, freezes: 0, frozenS: 0, route: { type: "server" } },
    };
  }

  close(): void {
    this.#closed = true;
    this.#player.close();
    this.#shared.post({ order: "close", id: this.id });
    this.#ports.left(this);
  }
}
