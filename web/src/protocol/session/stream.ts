/**
 * One session's numbered stream: whole messages, in order, each once.
 *
 * A message is cut into DATA frames counted from 1 per direction; acknowledgements are cumulative. A stream outlives its
 * carriers: after a resume each side sends again everything above the other's `rx` and drops what it has. Nothing is
 * sent twice on one carrier. At most 64 frames or 256 KiB are unacknowledged per direction.
 */
import { concat } from "../bytes.ts";
import { error } from "../errors.ts";
import {
  DATA_BODY_BYTES,
  KIB,
  MESSAGE_BYTES,
  RECORD_MOST_BYTES,
  RECORD_SIZES,
  WINDOW_BYTES,
  WINDOW_FRAMES,
} from "../limits.ts";
import type { Ack, Data } from "./wire.ts";

export const ACK_DELAY_S = 0.25;
export const ACK_FRAMES = 16;
/** An ACK goes at once after this much, so that a full window never waits for the delay. */
export const ACK_BYTES = 64 * KIB;
export const FRAME_OVERHEAD = RECORD_MOST_BYTES - DATA_BODY_BYTES;

/** The smallest record. */
export const SMALLEST = RECORD_SIZES[0];

/** Most bytes that the record of such a part may have. */
const recordBytes = (body: number): number =>
  RECORD_SIZES.find((size) => size >= body + FRAME_OVERHEAD) ?? RECORD_MOST_BYTES;

interface Part {
  readonly n: number;
  readonly more: boolean;
  readonly body: Uint8Array;
}

/** Both directions of one session, whoever's side it is on. Times are seconds of any steady clock. */
export class Stream {
  /** Highest n received in order. */
  rx = 0;
  /** Largest record the peer wants for new parts. */
  frag: number;
  #incoming: Uint8Array[] = [];
  #incomingBytes = 0;
  #ackedToPeer = 0;
  #unackedInBytes = 0;
  #ackDue: number | null = null;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #offset = 0;
  #unacked: Part[] = [];
  #unackedBytes = 0;
  #lastN = 0;
  #resendAt = 1;

  constructor(frag: number = RECORD_MOST_BYTES) {
    this.frag = frag;
  }

  /** Bytes accepted by `send` that no peer has acknowledged. */
  get queuedBytes(): number {
    return this.#waitingBytes + this.#unackedBytes;
  }

  /** Bytes out until the peer has reason to acknowledge: at most what it takes before an ACK, and a record. */
  get inFlightBytes(): number {
    return Math.min(this.#unackedBytes, ACK_BYTES + DATA_BODY_BYTES);
  }

  /** Bytes of DATA that is out. */
  get unackedBytes(): number {
    return this.#unackedBytes;
  }

  /** DATA is out that the peer has not acknowledged. */
  get expecting(): boolean {
    return this.#unacked.length > 0;
  }

  /** Queues one message. Throws LocalProtocolError for none or more than 1 MiB. */
  send(message: Uint8Array): void {
    if (message.length === 0 || message.length > MESSAGE_BYTES) throw error("wrong-call", "message of 1 byte to 1 MiB");
    this.#waiting.push(message);
    this.#waitingBytes += message.length;
  }

  /**
   * A carrier was opened and the peer has everything up to peerRx; what is above goes out again.
   *
   * frag: of this carrier. Parts too large for it are cut anew: the peer holds none of them, so numbers above peerRx may
   * change their meaning.
   * Throws RemoteProtocolError if the peer lacks what it acknowledged or has what was never sent.
   */
  resumed(peerRx: number, frag: number): void {
    this.takeAck(peerRx);
    if (peerRx < this.#lastN - this.#unacked.length) throw error("protocol", "rx below what was acknowledged");
    this.frag = frag;
    if (this.#unacked.some((part) => part.body.length > frag - FRAME_OVERHEAD)) this.#uncut();
    this.#resendAt = peerRx + 1;
    // OPEN or OPENED told our own rx, so the peer's window starts there.
    this.#toldRx();
  }

  /** Puts what is out back in front of what waits. */
  #uncut(): void {
    const whole: Uint8Array[] = [];
    let parts: Uint8Array[] = [];
    for (const part of this.#unacked) {
      parts.push(part.body);
      if (!part.more) whole.push(concat(...parts));
      if (!part.more) parts = [];
    }
    const cut = this.#offset > 0 ? this.#waiting.shift() : undefined;
    if (cut) whole.push(concat(...parts, cut.subarray(this.#offset)));
    this.#waiting.unshift(...whole);
    this.#lastN -= this.#unacked.length;
    this.#waitingBytes += this.#unackedBytes;
    this.#unacked = [];
    this.#unackedBytes = this.#offset = 0;
  }

  /** The peer acknowledged up to ack. Throws RemoteProtocolError for what was never sent. */
  takeAck(ack: number): void {
    if (ack > this.#lastN) throw error("protocol", "acknowledges what was never sent");
    for (let part = this.#unacked[0]; part && part.n <= ack; part = this.#unacked[0]) {
      this.#unackedBytes -= part.body.length;
      this.#unacked.shift();
    }
  }

  /**
   * The message this part completes, if it does. A part already here is dropped.
   *
   * Throws RemoteProtocolError for a gap, a part beyond the window, an empty part, or a message over 1 MiB.
   */
  takeData(frame: Data, now: number): Uint8Array | undefined {
    this.takeAck(frame.ack);
    if (frame.n <= this.rx) return undefined;
    if (frame.n !== this.rx + 1 || frame.body.length === 0) throw error("protocol", "gap or empty part");
    if (this.#incomingBytes + frame.body.length > MESSAGE_BYTES) throw error("protocol", "message over 1 MiB");
    this.#unackedInBytes += frame.body.length;
    if (frame.n - this.#ackedToPeer > WINDOW_FRAMES || this.#unackedInBytes > WINDOW_BYTES)
      throw error("protocol", "beyond the window");
    this.rx = frame.n;
    this.#incoming.push(frame.body);
    this.#incomingBytes += frame.body.length;
    const soon = this.rx - this.#ackedToPeer >= ACK_FRAMES || this.#unackedInBytes >= ACK_BYTES;
    this.#ackDue = Math.min(this.#ackDue ?? Infinity, soon ? now : now + ACK_DELAY_S);
    if (frame.more) return undefined;
    const message = concat(...this.#incoming);
    this.#incoming = [];
    this.#incomingBytes = 0;
    return message;
  }

  /** What may go out on the current carrier now, in order. room: bytes of records that it may still take. */
  pull(now: number, room = Infinity): (Data | Ack)[] {
    const out: (Data | Ack)[] = [];
    for (;;) {
      const part = this.#again(room) ?? this.#nextPart(room);
      if (!part) break;
      out.push({ type: "Data", n: part.n, ack: this.rx, more: part.more, body: part.body });
      this.#resendAt = part.n + 1;
      room -= recordBytes(part.body.length);
    }
    if (out.length === 0 && room >= SMALLEST && this.#ackDue !== null && now >= this.#ackDue)
      out.push({ type: "Ack", ack: this.rx });
    if (out.length > 0) this.#toldRx();
    return out;
  }

  /** When an ACK is due although nothing else goes out. */
  nextDeadline(): number | null {
    return this.#ackDue;
  }

  #toldRx(): void {
    this.#ackedToPeer = this.rx;
    this.#unackedInBytes = 0;
    this.#ackDue = null;
  }

  /** How many unacknowledged parts the carrier has not taken yet. */
  get #behind(): number {
    return Math.min(this.#lastN + 1 - this.#resendAt, this.#unacked.length);
  }

  /** The next part that this carrier has not taken yet although another one had. */
  #again(room: number): Part | undefined {
    const part = this.#behind > 0 ? this.#unacked.at(-this.#behind) : undefined;
    return part && recordBytes(part.body.length) <= room ? part : undefined;
  }

  #nextPart(room: number): Part | undefined {
    const message = this.#waiting[0];
    if (!message || this.#unacked.length >= WINDOW_FRAMES || this.#behind > 0) return undefined;
    const fits = RECORD_SIZES.findLast((one) => one <= room) ?? 0;
    const size = Math.min(this.frag, fits) - FRAME_OVERHEAD;
    if (size <= 0) return undefined;
    const body = message.subarray(this.#offset, this.#offset + size);
    if (this.#unackedBytes + body.length > WINDOW_BYTES) return undefined;
    this.#offset += body.length;
    this.#waitingBytes -= body.length;
    this.#lastN += 1;
    const part = { n: this.#lastN, more: this.#offset < message.length, body };
    if (!part.more) {
      this.#waiting.shift();
      this.#offset = 0;
    }
    this.#unacked.push(part);
    this.#unackedBytes += body.length;
    return part;
  }
}
