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
import type { ClientEvent } from "./events.ts";
import { Pings } from "./pings.ts";
import { Stream } from "./stream.ts";
import { ECHO_BYTES, encodeRecord, type Opened, parseRecord, type Pong, type SessionFrame, VERSION } from "./wire.ts";

interface Echo {
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
  readonly #frag: number;
  #stream: Stream;
  #resume: Uint8Array | null = null;
  #carrier = 0;
  #attached = false;
  #usable = false;
  #control: SessionFrame[] = [];
  #echoes: Echo[] = [];
  #pings = new Pings(0);

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

  /** A connection was made: its number, and Begin when a new session starts on it. */
  openCarrier(now: number): { readonly carrier: number; readonly events: ClientEvent[] } {
    this.#carrier += 1;
    this.#attached = true;
    this.#usable = false;
    this.#pings = new Pings(now);
    this.#pings.expect(now);
    this.#echoes = [];
    const events: ClientEvent[] = [];
    if (this.#resume === null) {
      this.#stream = new Stream(this.#frag);
      events.push({ event: "begin" });
    }
    this.#control = [{ type: "Open", version: VERSION, resume: this.#resume, rx: this.#stream.rx, frag: this.#frag }];
    return { carrier: this.#carrier, events };
  }

  /** Queues one data frame, at most 1 MiB. Before a Begin it is lost with the session: send after it. */
  send(message: Uint8Array): void {
    this.#stream.send(message);
  }

  /** What one record of this carrier brings. Nothing once a newer carrier was opened or it was lost. */
  feed(carrier: number, record: Uint8Array, now: number): ClientEvent[] {
    if (carrier !== this.#carrier || !this.#attached) return [];
    this.#pings.heard(now);
    let events: ClientEvent[];
    try {
      events = this.#take(parseRecord(record), record, now);
    } catch (problem) {
      if (!(problem instanceof ZajilError)) throw problem;
      return this.#end("protocol", 0, false);
    }
    this.#pings.inFlightBytes = this.#stream.inFlightBytes;
    if (this.#stream.expecting || this.#pings.pending) this.#pings.expect(now);
    return events;
  }

  #take(frame: SessionFrame, record: Uint8Array, now: number): ClientEvent[] {
    if (frame.type === "Opened" && !this.#usable) return this.#takeOpened(frame);
    if (frame.type === "Ping" && record.length <= ECHO_BYTES) {
      this.#echoes.push({ pong: { type: "Pong", id: frame.id }, size: record.length });
      return [];
    }
    if (frame.type === "Pong") {
      this.#pings.answered(frame, now);
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
      this.#stream = new Stream(this.#frag);
      events.push({ event: "begin" });
    }
    // DATA went out behind OPEN of a new session already, and nothing goes out twice on one carrier.
    if (this.#resume === null) this.#stream.takeAck(frame.rx);
    else this.#stream.resumed(frame.rx);
    this.#resume = frame.resume;
    this.#usable = true;
    return events;
  }

  #end(code: string, retryMs: number, byPeer: boolean): ClientEvent[] {
    this.#control = byPeer ? [] : [{ type: "Close", code, retry_ms: retryMs }];
    this.#echoes = [];
    this.#stream = new Stream(this.#frag);
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
      out.push(...this.#stream.pull(now).map((frame) => encodeRecord(frame)));
    }
    // An echo goes behind queued DATA, so that it measures what the user waits for.
    out.push(...this.#echoes.map(({ pong, size }) => encodeRecord(pong, size)));
    this.#echoes = [];
    this.#pings.inFlightBytes = this.#stream.inFlightBytes;
    if (this.#stream.expecting && this.#attached) this.#pings.expect(now);
    return out;
  }

  /** The connection ended. The session waits for another; an older carrier's end means nothing. */
  lost(carrier: number): void {
    if (carrier !== this.#carrier) return;
    this.#attached = this.#usable = false;
    this.#control = [];
    this.#echoes = [];
  }

  /** Ends the session; pull once more, then close the carrier. */
  close(code = "restarting"): ClientEvent[] {
    return this.#end(code, 0, false);
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
    if (pingAt !== null && now >= pingAt) this.#control.push(this.#pings.make(now));
    return [];
  }

  /** When `tick` and `pull` are due without anything arriving; null while no carrier is open. */
  nextDeadline(): number | null {
    if (!this.#attached) return null;
    const times = [this.#stream.nextDeadline(), this.#pings.pingAt, this.#pings.stalledAt].filter((at) => at !== null);
    return times.length > 0 ? Math.min(...times) : null;
  }
}
