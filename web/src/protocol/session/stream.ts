/**
 * One session's numbered stream: whole messages, in order, each once.
 *
 * A message is cut into DATA frames counted from 1 per direction; acknowledgements are cumulative. A stream outlives its
 * carriers: after a resume each side sends again everything above the other's `rx` and drops what it has. Nothing is
 * sent twice on one carrier. At most 64 frames or 256 KiB are unacknowledged per direction.
 */
import { concat } from "../bytes.ts";
import { error } from "../errors.ts";
import { DATA_BODY_BYTES, KIB, MESSAGE_BYTES, RECORD_MOST_BYTES, WINDOW_BYTES, WINDOW_FRAMES } from "../limits.ts";
import type { Ack, Data } from "./wire.ts";

export const ACK_DELAY_S = 0.25;
export const ACK_FRAMES = 16;
/** An ACK goes at once after this much, so that a full window never waits for the delay. */
export const ACK_BYTES = 64 * KIB;
export const FRAME_OVERHEAD = RECORD_MOST_BYTES - DATA_BODY_BYTES;

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
   * Throws RemoteProtocolError if the peer lacks what it acknowledged or has what was never sent.
   */
  resumed(peerRx: number): void {
    this.takeAck(peerRx);
    if (peerRx < this.#lastN - this.#unacked.length) throw error("protocol", "rx below what was acknowledged");
    this.#resendAt = peerRx + 1;
    // OPEN or OPENED told our own rx, so the peer's window starts there.
    this.#toldRx();
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

  /** What may go out on the current carrier now, in order. */
  pull(now: number): (Data | Ack)[] {
    const out: (Data | Ack)[] = this.#unacked
      .filter((part) => part.n >= this.#resendAt)
      .map((part) => this.#data(part));
    for (let part = this.#nextPart(); part; part = this.#nextPart()) out.push(this.#data(part));
    this.#resendAt = this.#lastN + 1;
    if (out.length === 0 && this.#ackDue !== null && now >= this.#ackDue) out.push({ type: "Ack", ack: this.rx });
    if (out.length > 0) this.#toldRx();
    return out;
  }

  /** When an ACK is due although nothing else goes out. */
  nextDeadline(): number | null {
    return this.#ackDue;
  }

  #data(part: Part): Data {
    return { type: "Data", n: part.n, ack: this.rx, more: part.more, body: part.body };
  }

  #toldRx(): void {
    this.#ackedToPeer = this.rx;
    this.#unackedInBytes = 0;
    this.#ackDue = null;
  }

  #nextPart(): Part | undefined {
    const message = this.#waiting[0];
    if (!message || this.#unacked.length >= WINDOW_FRAMES) return undefined;
    const body = message.subarray(this.#offset, this.#offset + this.frag - FRAME_OVERHEAD);
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
