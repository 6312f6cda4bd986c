/**
 * The client's side of a session. Sans-I/O: records in, records and events out, `now` (seconds) an argument.
 *
 * A session delivers whole messages in order, each once, while it lives; carriers are disposable. A server may have
 * forgotten it at any time: then `Begin` says to start over (R: HELLO; S: the open requests with the same mids).
 */
import { error, ZajilError } from "../errors.ts";
import { equal } from "../bytes.ts";
import type { Role } from "../frames.ts";
import { RECORD_MOST_BYTES } from "../limits.ts";
import { Echo } from "./echo.ts";
import type { ClientEvent } from "./events.ts";
import { Pings } from "./pings.ts";
import { SMALLEST, Stream } from "./stream.ts";
import {
  ECHO_BYTES,
  encodeRecord,
  type Opened,
  parseRecord,
  type Pong,
  ROTATE_BYTES,
  SEGMENT_BYTES,
  SEGMENT_FRAG,
  type SessionFrame,
  VERSION,
} from "./wire.ts";

const SLOW_BYTES_S = 4096;
const SLOW_S = 20;
const total = (records: readonly Uint8Array[]): number => records.reduce((sum, record) => sum + record.length, 0);

interface Answer {
  readonly pong: Pong;
  readonly size: number;
}

/**
 * The client's side of one role's session, over any number of carriers, one at a time.
 *
 * Every carrier has a number; what an older one still brings is ignored. Call `pull` after each call that may have
 * queued something and send what it returns; call `tick` at `nextDeadline`. Never throws for what a peer sends.
 */
export class ClientSession {
  readonly role: Role;
  /** Whether the newest carrier moves 8,192 bytes in either direction at most. */
  segmented = false;
  /** Bytes of records that came on the newest carrier, and that went out on it. */
  rxBytes = 0;
  txBytes = 0;
  readonly #frag: number;
  #cautious = false;
  #stream: Stream;
  #resume: Uint8Array | null = null;
  #carrier = 0;
  #attached = false;
  #usable = false;
  #control: SessionFrame[] = [];
  #answers: Answer[] = [];
  #pings = new Pings(0);
  #echo: Echo | undefined;
  #echoQueued = false;
  #rotated = false;
  #queuedFrom: number | null = null;
  #ackedBytes = 0;
  #slow = false;

  /** frag: bytes; the largest record wanted in either direction. */
  constructor(role: Role, frag: number = RECORD_MOST_BYTES) {
    this.role = role;
    this.#frag = frag;
    this.#stream = new Stream(frag);
  }

  /** Bytes sent that the server has not acknowledged. */
  get queuedBytes(): number {
    return this.#stream.queuedBytes;
  }

  /** A carrier is open and the server answered on it. */
  get usable(): boolean {
    return this.#attached && this.#usable;
  }

  /** Seconds of the last measured round trip on this carrier, 0 before the first. */
  get rttS(): number {
    return this.#pings.rttS;
  }

  /** What this carrier moved at its best lately, in bytes a second, 0 before it is known. */
  get rateBytesS(): number {
    return this.#pings.rateBytesS;
  }

  /**
   * A connection was made: its number, and Begin when a new session starts on it.
   *
   * segmented: it is left after 8,192 bytes in either direction; Rotate tells at half of that. cautious: it is not proved
   * yet, so records are of 4,096 bytes at most. A longer one that freezes on its way never shows that anything came.
   */
  openCarrier(
    now: number,
    { segmented = false, cautious = false } = {},
  ): { readonly carrier: number; readonly events: ClientEvent[] } {
    this.#carrier += 1;
    this.#attached = true;
    this.#usable = this.#rotated = this.#slow = false;
    this.segmented = segmented;
    this.#cautious = cautious;
    this.rxBytes = this.txBytes = 0;
    this.#echo = undefined;
    this.#queuedFrom = null;
    this.#pings = new Pings(now);
    this.#pings.expect(now);
    this.#answers = [];
    const events: ClientEvent[] = [];
    const frag = this.#carrierFrag;
    if (this.#resume === null) {
      this.#stream = new Stream(frag);
      events.push({ event: "begin" });
    }
    const { rx } = this.#stream;
    this.#control = [{ type: "Open", version: VERSION, resume: this.#resume, rx, frag, serial: this.#carrier }];
    return { carrier: this.#carrier, events };
  }

  /** Queues one data frame, at most 1 MiB. Before a Begin it is lost with the session: send after it. */
  send(message: Uint8Array): void {
    this.#stream.send(message);
  }

  /** What one record of this carrier brings. Nothing once a newer carrier was opened or it was lost. */
  feed(carrier: number, record: Uint8Array, now: number): ClientEvent[] {
    if (carrier !== this.#carrier || !this.#attached) return [];
    this.rxBytes += record.length;
    this.#pings.heard(now);
    const before = this.#stream.unackedBytes;
    let events: ClientEvent[];
    try {
      events = this.#take(parseRecord(record), record, now);
    } catch (problem) {
      if (!(problem instanceof ZajilError)) throw problem;
      return this.#end("protocol", 0, false);
    }
    if (!this.#attached) return events;
    const acked = Math.max(0, before - this.#stream.unackedBytes);
    this.#ackedBytes += acked;
    this.#pings.flight(acked, now, this.#stream.expecting);
    this.#pings.inFlightBytes = this.#stream.inFlightBytes;
    if (this.#stream.expecting || this.#pings.pending) this.#pings.expect(now);
    return [...events, ...this.#progress(now), ...this.#rotation()];
  }

  get #carrierFrag(): number {
    return Math.min(this.#frag, this.segmented ? SEGMENT_FRAG : this.#cautious ? ECHO_BYTES : RECORD_MOST_BYTES);
  }

  /** Bytes that may still go out on this carrier. */
  get #room(): number {
    return this.segmented ? SEGMENT_BYTES - this.txBytes : Infinity;
  }

  #progress(now: number): ClientEvent[] {
    const echo = this.#echo;
    if (!echo) return [];
    const { done, receivedBytes: received_bytes } = echo;
    const elapsed_s = now - echo.startedAt;
    if (done) {
      this.#echo = undefined;
      this.#pings.measure(received_bytes, elapsed_s);
    }
    return [{ event: "echoed", received_bytes, elapsed_s, done }];
  }

  get #halfSpent(): boolean {
    return this.segmented && this.#usable && Math.max(this.rxBytes, this.txBytes) >= ROTATE_BYTES;
  }

  #rotation(): ClientEvent[] {
    if (!this.#halfSpent || this.#rotated) return [];
    this.#rotated = true;
    return [{ event: "rotate" }];
  }

  #take(frame: SessionFrame, record: Uint8Array, now: number): ClientEvent[] {
    if (frame.type === "Opened" && !this.#usable) return this.#takeOpened(frame);
    if (frame.type === "Ping" && record.length <= ECHO_BYTES) {
      this.#answers.push({ pong: { type: "Pong", id: frame.id }, size: record.length });
      return [];
    }
    if (frame.type === "Pong") {
      if (!this.#echo?.take(frame, record, now)) this.#pings.answered(frame, now);
      return [];
    }
    if (frame.type === "Close") return this.#end(frame.code, frame.retry_ms, true);
    if (frame.type === "Data" && this.#usable) {
      const body = this.#stream.takeData(frame, now);
      return body === undefined ? [] : [{ event: "message", body }];
    }
    if (frame.type === "Ack" && this.#usable) {
      this.#stream.takeAck(frame.ack);
      return [];
    }
    throw error("protocol", "session frame out of place");
  }

  #takeOpened(frame: Opened): ClientEvent[] {
    if (frame.known && (this.#resume === null || !equal(frame.resume, this.#resume)))
      throw error("protocol", "another session");
    const events: ClientEvent[] = [{ event: "usable", resumed: frame.known }];
    if (!frame.known && this.#resume !== null) {
      this.#stream = new Stream(this.#carrierFrag);
      events.push({ event: "begin" });
    }
    // DATA went out behind OPEN of a new session already, and nothing goes out twice on one carrier.
    if (this.#resume === null) this.#stream.takeAck(frame.rx);
    else this.#stream.resumed(frame.rx, this.#carrierFrag);
    this.#resume = frame.resume;
    this.#usable = true;
    return events;
  }

  #end(code: string, retryMs: number, byPeer: boolean): ClientEvent[] {
    this.#control = byPeer ? [] : [{ type: "Close", code, retry_ms: retryMs }];
    this.#answers = [];
    this.#echo = undefined;
    this.#stream = new Stream(this.#carrierFrag);
    this.#resume = null;
    this.#attached = this.#usable = false;
    return [{ event: "closed", code, retry_ms: retryMs, by_peer: byPeer }];
  }

  /** Records to send on this carrier now, in order. Nothing for an older one. */
  pull(carrier: number, now: number): Uint8Array[] {
    if (carrier !== this.#carrier) return [];
    const out = this.#control.map((frame) => encodeRecord(frame));
    this.#control = [];
    if (this.#attached && (this.#usable || this.#resume === null)) {
      out.push(...this.#stream.pull(now, this.#room - total(out)).map((frame) => encodeRecord(frame)));
    }
    // An echo goes behind queued DATA, so that it measures what the user waits for.
    out.push(...this.#answers.map(({ pong, size }) => encodeRecord(pong, size)));
    this.#answers = [];
    if (this.#echo && this.#echoQueued) {
      this.#echoQueued = false;
      out.push(...this.#echo.records());
      this.#pings.expect(now);
    }
    while (total(out) > this.#room) out.pop();
    this.txBytes += total(out);
    if (this.#attached) this.#noteOut(now);
    return out;
  }

  #noteOut(now: number): void {
    this.#pings.inFlightBytes = this.#stream.inFlightBytes;
    this.#pings.flight(0, now, this.#stream.expecting);
    if (this.#stream.expecting) this.#pings.expect(now);
    if (this.segmented || this.#stream.queuedBytes < SLOW_BYTES_S) this.#queuedFrom = null;
    else if (this.#queuedFrom === null) {
      this.#queuedFrom = now;
      this.#ackedBytes = 0;
    }
  }

  /** The connection ended. The session waits for another; an older carrier's end means nothing. */
  lost(carrier: number): void {
    if (carrier !== this.#carrier) return;
    this.#attached = this.#usable = false;
    this.#control = [];
    this.#answers = [];
    this.#echo = undefined;
  }

  /** Ends the session; pull once more, then close the carrier. */
  close(code = "restarting"): ClientEvent[] {
    return this.#end(code, 0, false);
  }

  /** Runs the 24 KiB echo behind what is queued; `echoed` tells how it goes. Nothing on a segmented carrier. */
  prove(now: number): void {
    if (!this.#attached || this.segmented) return;
    this.#echo = new Echo(now);
    this.#echoQueued = true;
  }

  /** Asks the server for a PONG now, whatever is expected: `rttS` tells the way there and back. */
  ping(now: number): void {
    if (this.usable && !this.#pings.pending) this.#control.push(this.#pings.make(now));
  }

  /** Time passed: queues a PING or an ACK that is due, or gives up a silent carrier. */
  tick(now: number): ClientEvent[] {
    if (!this.#attached) return [];
    const { stalledAt, pingAt } = this.#pings;
    if (stalledAt !== null && now >= stalledAt) {
      this.lost(this.#carrier);
      return [{ event: "stalled" }];
    }
    if (pingAt !== null && now >= pingAt && this.#room >= SMALLEST) this.#control.push(this.#pings.make(now));
    return [...this.#rotation(), ...this.#slowness(now)];
  }

  #slowness(now: number): ClientEvent[] {
    if (this.#queuedFrom === null || now < this.#queuedFrom + SLOW_S) return [];
    const bytes_s = this.#ackedBytes / (now - this.#queuedFrom);
    const told = this.#slow || bytes_s < SLOW_BYTES_S;
    this.#slow = bytes_s < SLOW_BYTES_S;
    this.#queuedFrom = now;
    this.#ackedBytes = 0;
    return told ? [{ event: "slow", bytes_s }] : [];
  }

  /** When `tick` and `pull` are due without anything arriving; null while no carrier is open. */
  nextDeadline(): number | null {
    if (!this.#attached) return null;
    const times = [this.#pings.stalledAt];
    if (this.#room >= SMALLEST) times.push(this.#stream.nextDeadline(), this.#pings.pingAt);
    if (this.#halfSpent && !this.#rotated) times.push(this.#pings.heardAt);
    if (this.#queuedFrom !== null) times.push(this.#queuedFrom + SLOW_S);
    const due = times.filter((at) => at !== null);
    return due.length > 0 ? Math.min(...due) : null;
  }
}
