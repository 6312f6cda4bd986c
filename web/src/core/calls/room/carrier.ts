/**
 * The one connection of this device to the media room of a call: opened while somebody wants it, opened again where it
 * ends, and changed for a new one without a hole.
 *
 *     closed -> opening -> open -> opening (it ended) -> open | gone (10 s without one)
 *
 * Times are arguments; `tick` does what is due. Source: docs/protocol/calls.md, "Media rooms".
 */
import { ROOM_FULL, TRY_LATER } from "../../../protocol/calls/media.ts";
import type { MediaWay, OpenMedia } from "../way.ts";
import type { SealedRecord } from "./records.ts";

/** Sound that would wait behind so much is old when it arrives: it is left out. */
export const WAITING_BYTES = 16 * 1024;
/** So long without a connection, and what it carried has failed. */
export const GIVE_UP_MS = 10_000;
/** The old connection hears on beside a new one. */
const OVERLAP_MS = 2_000;
/** Between attempts to open one: at once, then longer. */
const AGAIN_MS: readonly number[] = [0, 500, 1_000, 2_000];
/** A connection that was just opened is not changed for another: what is lost takes so long to be noticed. */
const FRESH_MS = 800;
/** One that ends sooner is no better than none. */
const STEADY_MS = 3_000;
/**
 * What a peer says makes so many new connections at once, and one in so long. Each takes a ticket, of which an address
 * has 60 in ten minutes: without this a peer could use them up for all calls from here.
 */
export const DOUBTS = 8;
export const DOUBT_EACH_MS = 30_000;
/** The server ends a connection after ten minutes; before that it is changed for another. */
const OLD_MS = 540_000;
const HOPELESS: readonly number[] = [ROOM_FULL, TRY_LATER];

export interface CarrierPorts {
  open: OpenMedia;
  nowMs(): number;
  record(record: Uint8Array): void;
  /** It is closed by now, and stays so until it is wanted anew. */
  gone(): void;
}

export class Carrier {
  readonly #ports: CarrierPorts;
  #wanted = false;
  #way: MediaWay | undefined;
  #openedAtMs = 0;
  #old: { readonly way: MediaWay; readonly endsAtMs: number } | undefined;
  #opening: object | undefined;
  #failures = 0;
  #againAtMs: number | undefined;
  #withoutSinceMs = 0;
  #doubtsUntilMs = 0;

  constructor(ports: CarrierPorts) {
    this.#ports = ports;
  }

  /**
   * Open it, unless it is. A peer may have brought it about, so it counts as one of its doubts; where they are spent it
   * is given up with the next tick.
   */
  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#failures = 0;
    this.#withoutSinceMs = this.isSpent ? Number.NEGATIVE_INFINITY : this.#ports.nowMs();
    if (this.isSpent) return;
    this.#doubtsUntilMs = this.#nextDoubtUntilMs;
    this.#open();
  }

  /** As `start`, where nobody uses it yet: not as often as a peer likes. Answers whether it was done. */
  prepare(): boolean {
    if (this.#wanted || this.isSpent) return false;
    this.start();
    return true;
  }

  /** Close it. */
  stop(): void {
    this.#wanted = false;
    this.#opening = this.#againAtMs = undefined;
    for (const way of [this.#way, this.#old?.way]) if (way) end(way);
    this.#way = this.#old = undefined;
  }

  get isOpen(): boolean {
    return this.#way !== undefined;
  }

  /** It may be dead without a word: another one is opened beside it. */
  renew(): void {
    if (this.#isRenewable) this.#open();
  }

  /** As `renew`, where a peer alone may have brought it about: not as often as it likes. */
  doubt(): void {
    if (!this.#isRenewable || this.isSpent) return;
    this.#doubtsUntilMs = this.#nextDoubtUntilMs;
    this.#open();
  }

  /** Whether peers have had it opened as often as they may: what is closed now would soon cost another ticket. */
  get isSpent(): boolean {
    return this.#nextDoubtUntilMs > this.#ports.nowMs() + DOUBTS * DOUBT_EACH_MS;
  }

  get #nextDoubtUntilMs(): number {
    return Math.max(this.#doubtsUntilMs, this.#ports.nowMs()) + DOUBT_EACH_MS;
  }

  get #isRenewable(): boolean {
    const fresh = this.#way && this.#ports.nowMs() - this.#openedAtMs < FRESH_MS;
    return this.#wanted && !this.#opening && !fresh;
  }

  /** False: nothing is open, or too much waits. */
  send(record: SealedRecord): boolean {
    const way = this.#way;
    if (!way || way.waiting > WAITING_BYTES) return false;
    way.send(record);
    return true;
  }

  /** Called every 100 ms. */
  tick(nowMs: number): void {
    if (this.#old && nowMs >= this.#old.endsAtMs) {
      end(this.#old.way);
      this.#old = undefined;
    }
    if (!this.#wanted) return;
    if (this.#way) {
      if (nowMs - this.#openedAtMs >= OLD_MS && !this.#opening && nowMs >= (this.#againAtMs ?? 0)) this.#open();
    } else if (nowMs - this.#withoutSinceMs >= GIVE_UP_MS) this.#giveUp();
    else if (this.#againAtMs !== undefined && nowMs >= this.#againAtMs) this.#open();
  }

  #open(): void {
    const turn = {};
    this.#opening = turn;
    this.#againAtMs = undefined;
    this.#ports.open().then(
      (way) => (this.#opening === turn ? this.#take(way) : end(way)),
      () => {
        if (this.#opening === turn) this.#fail();
      },
    );
  }

  #take(way: MediaWay): void {
    const nowMs = this.#ports.nowMs();
    this.#opening = undefined;
    if (this.#old) end(this.#old.way);
    this.#old = this.#way && { way: this.#way, endsAtMs: nowMs + OVERLAP_MS };
    this.#way = way;
    this.#openedAtMs = nowMs;
    way.onrecord = (record) => this.#ports.record(record);
    way.onclose = (code) => this.#ended(way, code);
  }

  #ended(way: MediaWay, code: number): void {
    if (this.#old?.way === way) this.#old = undefined;
    if (this.#way !== way) return;
    this.#way = undefined;
    const nowMs = this.#ports.nowMs();
    if (nowMs - this.#openedAtMs >= STEADY_MS) [this.#failures, this.#withoutSinceMs] = [0, nowMs];
    if (HOPELESS.includes(code)) this.#giveUp();
    else if (!this.#opening) this.#plan();
  }

  #fail(): void {
    this.#opening = undefined;
    if (this.#way) this.#againAtMs = this.#ports.nowMs() + GIVE_UP_MS;
    else this.#plan();
  }

  #plan(): void {
    const waitMs = AGAIN_MS[Math.min(this.#failures++, AGAIN_MS.length - 1)] ?? 0;
    this.#againAtMs = this.#ports.nowMs() + waitMs;
    if (waitMs === 0) this.#open();
  }

  #giveUp(): void {
    this.stop();
    this.#ports.gone();
  }
}

/** Nothing of it is heard any more. */
function end(way: MediaWay): void {
  way.onrecord = way.onclose = () => undefined;
  way.close();
}
