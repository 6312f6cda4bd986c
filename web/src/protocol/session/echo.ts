/** The 24 KiB echo: proof that a carrier moves more than a handshake. Pure: times are arguments, in seconds. */
import { ECHO_BYTES, encodeRecord, parseRecord, type Pong } from "./wire.ts";

const PINGS = 6;
const PAUSE_S = 3;
const TOTAL_S = 15;
/** Apart from a session's own PINGs, so that a carrier can be proved before and while a session is on it. */
const FIRST_ID = 0xec000000;

/** Six PINGs of 4,096 bytes, answered by PONGs of the same size, also before OPEN. */
export class Echo {
  readonly startedAt: number;
  receivedBytes = 0;
  #heardAt: number;
  readonly #awaited: Set<number>;

  constructor(now: number) {
    this.startedAt = this.#heardAt = now;
    this.#awaited = new Set(Array.from({ length: PINGS }, (_, n) => FIRST_ID + n));
  }

  /** What to send, in order, once. */
  records(): Uint8Array[] {
    return [...this.#awaited].map((id) => encodeRecord({ type: "Ping", id }, ECHO_BYTES));
  }

  /** Whether the record answers this echo; any other is the session's. Never throws. */
  feed(record: Uint8Array, now: number): boolean {
    this.#heardAt = now;
    if (record.length !== ECHO_BYTES) return false;
    try {
      const frame = parseRecord(record);
      return frame.type === "Pong" && this.take(frame, record, now);
    } catch {
      return false;
    }
  }

  /** As `feed`, for a record that is parsed already. */
  take(pong: Pong, record: Uint8Array, now: number): boolean {
    this.#heardAt = now;
    if (record.length !== ECHO_BYTES || !this.#awaited.delete(pong.id)) return false;
    this.receivedBytes += record.length;
    return true;
  }

  /** Everything came back. */
  get done(): boolean {
    return this.#awaited.size === 0;
  }

  /** Seconds from the start to the last record. */
  get elapsedS(): number {
    return this.#heardAt - this.startedAt;
  }

  /** When it counts as stopped unless something comes: after a pause of 3 s, or 15 s in all. */
  get stopsAt(): number {
    return Math.min(this.#heardAt + PAUSE_S, this.startedAt + TOTAL_S);
  }
}
