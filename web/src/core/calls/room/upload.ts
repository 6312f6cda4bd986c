/**
 * What this device sends in the media room of its call: one stream of sound, for however many peers.
 *
 * Blocks come from the page's microphone, or are silence; each becomes a packet, a sealed record and one frame of the
 * room. The stream has a `ctx` of its own, which is the `pc` of the attempts that use it. When all have left, the next
 * one begins another stream. Once a second a report of how the others' sound arrives goes the same way.
 */
import { type Control, type Echo, encodeControl } from "../../../protocol/calls/media.ts";
import { FRAME_MS } from "../../../protocol/calls/jitter.ts";
import type { Order } from "../../callorders.ts";
import type { KeyRing, Sealer } from "../keys.ts";
import { noSealCounts, type SealCounts } from "../media/transforms.ts";
import type { Codec, Coder } from "./opus.ts";
import { NotSealed, type RecordKind, Records, type SealedRecord } from "./records.ts";

const REPORT_MS = 1_000;
/** So many of ours are known when their echoes come. */
const REPORTS = 8;
const U32 = 2 ** 32;
/** Behind the clock by so much, sound was not taken in; its numbers leap, as the sound does. */
const STALLED_MS = 200;

/** What the stream needs of the call and of the room. */
export interface UploadPorts {
  readonly ring: KeyRing;
  readonly me: number;
  readonly codec: Codec;
  post(order: Order): void;
  nextPc(): number;
  nextId(): number;
  nowMs(): number;
  /** False: left out. */
  send(record: SealedRecord): boolean;
  /** Something would have left that was not sealed. */
  alarm(): void;
}

/** An attempt that uses the stream. */
export interface User {
  failed(): void;
}

interface Stream {
  readonly pc: number;
  readonly sealer: Sealer;
  readonly counts: SealCounts;
}
interface Microphone {
  readonly id: number;
  readonly port: MessagePort;
  readonly encoder: Coder<Float32Array>;
}

export class Upload {
  readonly #ports: UploadPorts;
  readonly #records = new Records();
  readonly #users = new Map<User, boolean>();
  #stream: Stream | undefined;
  #left = false;
  #microphone: Microphone | undefined;
  #live = false;
  #ts: number | undefined;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #reports: readonly { readonly ts: number; readonly atMs: number }[] = [];
  /** By leaf. */
  readonly #roundTrips = new Map<number, number>();
  /** Records go out in the order in which their numbers were given. */
  #turn: Promise<void> = Promise.resolve();

  constructor(ports: UploadPorts) {
    this.#ports = ports;
  }

  /** Use the stream, which begins if nobody did. Throws where this browser cannot encode. */
  join(user: User): Stream {
    if (this.#left) this.#stream = undefined;
    this.#left = false;
    const stream = this.#open();
    this.#microphone ??= this.#listen();
    this.#users.set(user, false);
    return stream;
  }

  /** Its peer has opened a frame: real sound from now on. */
  carry(user: User): void {
    if (!this.#users.has(user)) return;
    this.#users.set(user, true);
    this.#applyLive();
  }

  leave(user: User): void {
    if (!this.#users.delete(user)) return;
    this.#applyLive();
    if (this.#users.size > 0) return;
    this.#left = true;
    this.#stopMicrophone();
  }

  /** Whether it has something to send; reports alone are none. */
  get isUsed(): boolean {
    return this.#users.size > 0;
  }

  /** All attempts that use it fail. */
  fail(): void {
    for (const user of [...this.#users.keys()]) user.failed();
  }

  /** The page could not open what was asked for under that number. Answers whether it was ours. */
  failedAt(id: number): boolean {
    if (this.#microphone?.id !== id) return false;
    this.fail();
    return true;
  }

  /** Called every 100 ms while the room is open. As `Control` has it. */
  report(nowMs: number, heard: Omit<Control, "pli">): void {
    if (nowMs - this.#reportedAtMs < REPORT_MS) return;
    this.#reportedAtMs = nowMs;
    const payload = encodeControl({ ...heard, pli: false });
    const ts = Math.floor(nowMs);
    this.#reports = [...this.#reports.slice(1 - REPORTS), { ts: ts % U32, atMs: nowMs }];
    this.#send({ kind: "control", ts, payload });
  }

  /** What a peer says of our reports. */
  hearEchoes(from: number, echoes: readonly Echo[]): void {
    for (const { leaf, ts, heldMs } of echoes) {
      const ours = leaf === this.#ports.me && this.#reports.find((one) => one.ts === ts);
      if (ours) this.#roundTrips.set(from, Math.max(0, this.#ports.nowMs() - ours.atMs - heldMs));
    }
  }

  /** Through the room to a device and back, ms; undefined before it was measured. */
  roundTripMs(leaf: number): number | undefined {
    return this.#roundTrips.get(leaf);
  }

  close(): void {
    this.#users.clear();
    this.#stopMicrophone();
    this.#stream = undefined;
  }

  #open(): Stream {
    const { ring, me } = this.#ports;
    if (!this.#stream) {
      const pc = this.#ports.nextPc();
      this.#stream = { pc, sealer: ring.sender(pc, me), counts: noSealCounts() };
    }
    return this.#stream;
  }

  #listen(): Microphone {
    const { port1: port, port2 } = new MessageChannel();
    const encoder = this.#ports.codec.encoder({
      out: (payload) => this.#send({ kind: "audio", ts: this.#nextTs(), payload }),
      failed: () => this.fail(),
    });
    port.onmessage = ({ data }: MessageEvent<Float32Array>) => encoder.push(data);
    const id = this.#ports.nextId();
    this.#ports.post({ order: "speak", id, port: port2 });
    return { id, port, encoder };
  }

  /** Sound counts its own time. */
  #nextTs(): number {
    const now = Math.floor(this.#ports.nowMs());
    const next = (this.#ts ?? now - FRAME_MS) + FRAME_MS;
    this.#ts = now - next > STALLED_MS ? now : next;
    return this.#ts;
  }

  #applyLive(): void {
    const live = [...this.#users.values()].includes(true);
    if (live === this.#live || !this.#microphone) return;
    this.#live = live;
    this.#ports.post({ order: "live", id: this.#microphone.id, audio: live, video: false });
  }

  #stopMicrophone(): void {
    const { id, port, encoder } = this.#microphone ?? {};
    port?.close();
    encoder?.close();
    if (id !== undefined) this.#ports.post({ order: "close", id });
    this.#microphone = undefined;
    this.#live = false;
    this.#ts = undefined;
  }

  #send(frame: { readonly kind: RecordKind; readonly ts: number; readonly payload: Uint8Array }): void {
    const { sealer, counts, pc: ctx } = this.#open();
    const { me: leaf } = this.#ports;
    const sound = frame.kind === "audio";
    if (sound) counts.taken++;
    // Without a key, or whatever else went wrong, the frame does not leave.
    const sealing = this.#records
      .seal(sealer, frame, { ctx, leaf, nowMs: this.#ports.nowMs() })
      .catch((problem: unknown) => {
        if (problem instanceof NotSealed) this.#ports.alarm();
        return undefined;
      });
    this.#turn = this.#turn.then(async () => {
      const record = await sealing;
      const sent = record !== undefined && this.#ports.send(record);
      if (!sound) return;
      if (sent) [counts.sealed, counts.bytes] = [counts.sealed + 1, counts.bytes + record.length];
      else counts.dropped++;
    });
  }
}
