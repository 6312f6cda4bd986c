/**
 * Carriers whose TLS ends outside the home server: everything on them is sealed to the server's own key (reach.md 4).
 *
 * The first record says what comes: NEW makes a seal, RESUME goes on with one, ROOT asks for the root documents. A seal
 * serves all carriers of its channel for a day.
 */
import { ZajilError } from "../../protocol/errors.ts";
import { randomBytes } from "../crypto.ts";
import {
  type Channel,
  ClientSeal,
  type RecordSeal,
  RESUMED,
  ROOT_RECORD,
  type SessionKey,
  UNKNOWN,
} from "../reach/seal.ts";
import { type Carrier, type CarrierListener, DialError, type OpenCarrier } from "./base.ts";
import { Inbox } from "./inbox.ts";

export interface SealsParts {
  /** The server's key of the root document. Throws where there is no root yet. */
  key(): SessionKey;
  /** Unix milliseconds of this browser's clock. */
  now(): number;
  /** The server's clock minus ours, in milliseconds. */
  offset(ms: number): void;
}

/**
 * The live seals of this client, one per channel and lane. Whoever opens a seal knows that its carriers are one client's,
 * so what must not be joined has lanes of its own.
 */
export class Seals {
  readonly #parts: SealsParts;
  readonly #held = new Map<string, ClientSeal>();

  constructor(parts: SealsParts) {
    this.#parts = parts;
  }

  /** Forget all of them: the server has another key. */
  clear(): void {
    this.#held.clear();
  }

  /** A sealed carrier over a bare one. Rejects with DialError; at `accept` where the other end is not our server. */
  async dial(
    open: OpenCarrier,
    channel: Channel,
    lane: string,
    listener: CarrierListener,
    signal: AbortSignal,
  ): Promise<Carrier> {
    const inbox = new Inbox();
    const bare = await open(inbox, signal);
    try {
      return new SealedCarrier(bare, await this.#agree(bare, inbox, channel, lane, signal), inbox, listener);
    } catch (problem) {
      bare.close();
      if (problem instanceof DialError || !(problem instanceof ZajilError)) throw problem;
      throw new DialError("accept", "status");
    }
  }

  async #agree(bare: Carrier, inbox: Inbox, channel: Channel, lane: string, signal: AbortSignal): Promise<RecordSeal> {
    const place = `${channel} ${lane}`;
    const held = this.#held.get(place);
    if (held?.isUsable(this.#parts.now())) {
      const { resume, codec } = held.carrier();
      bare.send(resume);
      const answer = await inbox.next("accept", signal);
      const said = answer.length === 1 ? answer[0] : undefined;
      if (said === RESUMED) return codec;
      if (said !== UNKNOWN) throw new DialError("accept", "status");
      if (this.#held.get(place) === held) this.#held.delete(place);
    }
    const seal = await ClientSeal.make(channel, this.#parts.key(), { nowMs: this.#parts.now(), random: randomBytes });
    bare.send(seal.newRecord);
    const accept = await inbox.next("accept", signal);
    this.#parts.offset(await seal.takeAccept(accept, this.#parts.now()));
    this.#held.set(place, seal);
    return seal.first();
  }
}

/** Seals what goes, opens what comes, each in its order. */
class SealedCarrier implements Carrier {
  readonly #bare: Carrier;
  readonly #codec: RecordSeal;
  readonly #listener: CarrierListener;
  #going: Promise<void> = Promise.resolve();
  #coming: Promise<void> = Promise.resolve();
  #over = false;

  constructor(bare: Carrier, codec: RecordSeal, inbox: Inbox, listener: CarrierListener) {
    this.#bare = bare;
    this.#codec = codec;
    this.#listener = listener;
    inbox.handOver({
      record: (data) => (this.#coming = this.#coming.then(() => this.#open(data))),
      // Behind what came: it may be the last word of the session.
      ended: (code) => (this.#coming = this.#coming.then(() => this.#end(code))),
    });
  }

  get rxBytes(): number {
    return this.#bare.rxBytes;
  }

  get txBytes(): number {
    return this.#bare.txBytes;
  }

  send(record: Uint8Array): void {
    if (this.#over) return;
    this.#going = this.#going.then(async () => this.#bare.send(await this.#codec.seal(record)));
  }

  close(): void {
    this.#end(0);
  }

  async #open(data: Uint8Array): Promise<void> {
    if (this.#over) return;
    try {
      const record = await this.#codec.open(data);
      if (!this.#isOver()) this.#listener.record(record);
    } catch (problem) {
      // Somebody between changed, repeated or left out a record: this carrier is worth nothing any more.
      this.#end(0);
      if (!(problem instanceof ZajilError)) throw problem;
    }
  }

  /** Asked again after waiting: it may have been closed meanwhile. */
  #isOver(): boolean {
    return this.#over;
  }

  #end(code = 0): void {
    if (this.#over) return;
    this.#over = true;
    void this.#going.then(() => this.#bare.close());
    this.#listener.ended(code);
  }
}

/** The answer to ROOT: every root document of the server, unverified. Rejects with DialError. */
export async function fetchRootAnswer(open: OpenCarrier, signal: AbortSignal): Promise<Uint8Array> {
  const inbox = new Inbox();
  const bare = await open(inbox, signal);
  try {
    bare.send(ROOT_RECORD);
    return await inbox.next("accept", signal);
  } finally {
    bare.close();
  }
}
