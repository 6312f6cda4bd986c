/** When a carrier is asked whether it lives, and when it is given up. Pure: times are arguments, in seconds. */
import type { Ping, Pong } from "./wire.ts";

/** Unacknowledged this long: a PING asks whether the carrier lives. */
export const PING_AFTER_S = 1.5;
/** Expecting and no byte this long (or 4 round trips): the carrier is given up. */
export const STALLED_AFTER_S = 3;
/** A line slower than this counts as silent; a full record takes 16 s on it, and nothing comes back meanwhile. */
export const SLOWEST_BYTES_S = 4096;
/** A line is given this many times as long as it needed before. */
const RATE_MARGIN = 4;
const MEASURED_BYTES = 4096;
/** So much in one go measures a line well enough to say that it became slower. */
const BULK_BYTES = 64 * 1024;
export const IDLE_PING_S = 45;

/** The PINGs of one carrier. It is *expecting* while DATA is unacknowledged or a PING unanswered. */
export class Pings {
  /** DATA whose acknowledgement is awaited; on a slow line it takes its time. */
  inFlightBytes = 0;
  /** The last measured round trip, 0 before the first. */
  rttS = 0;
  /** What the line moved at its best lately, 0 before it is known. */
  rateBytesS = 0;
  heardAt: number;
  #flightFrom: number | null = null;
  #flightBytes = 0;
  #waitingSince: number | null = null;
  #sent: { readonly id: number; readonly at: number } | null = null;
  #nextId = 1;

  constructor(now: number) {
    this.heardAt = now;
  }

  heard(now: number): void {
    this.heardAt = now;
    this.#waitingSince = null;
  }

  expect(now: number): void {
    this.#waitingSince ??= now;
  }

  make(now: number): Ping {
    const id = this.#nextId;
    this.#sent = { id, at: now };
    this.#nextId = (id % 0xffffffff) + 1;
    this.expect(now);
    return { type: "Ping", id };
  }

  answered(pong: Pong, now: number): void {
    if (this.#sent?.id !== pong.id) return;
    this.rttS = now - this.#sent.at;
    this.#sent = null;
  }

  /** DATA is out, or so much of it was acknowledged. more: some is still out. */
  flight(ackedBytes: number, now: number, more: boolean): void {
    if (this.#flightFrom !== null) {
      this.#flightBytes += ackedBytes;
      this.measure(this.#flightBytes, now - this.#flightFrom);
    }
    if (!more) {
      this.#flightFrom = null;
      this.#flightBytes = 0;
    } else this.#flightFrom ??= now;
  }

  /** So many bytes took so long, there and acknowledged. Too few say nothing: the delays prevail. */
  measure(sizeBytes: number, elapsedS: number): void {
    if (sizeBytes < MEASURED_BYTES || elapsedS <= 0) return;
    const rate = sizeBytes / elapsedS;
    if (rate > this.rateBytesS || sizeBytes >= BULK_BYTES) this.rateBytesS = rate;
  }

  get pending(): boolean {
    return this.#sent !== null;
  }

  get pingAt(): number | null {
    if (this.pending) return null;
    return this.#waitingSince === null ? this.heardAt + IDLE_PING_S : this.#waitingSince + PING_AFTER_S;
  }

  get stalledAt(): number | null {
    // Never without an unanswered PING: a busy program may come late to bytes that wait in its socket.
    if (this.#waitingSince === null || this.#sent === null) return null;
    const slowest = Math.max(SLOWEST_BYTES_S, this.rateBytesS / RATE_MARGIN);
    const patience = Math.max(STALLED_AFTER_S, 4 * this.rttS) + this.inFlightBytes / slowest;
    return Math.max(this.#waitingSince + patience, this.#sent.at + PING_AFTER_S);
  }
}
