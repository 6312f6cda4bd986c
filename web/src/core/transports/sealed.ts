/**
 * Carriers whose TLS ends outside the home server: everything on them is sealed to the server's own key (reach.md 4).
 *
 * The first record says what comes: NEW makes a seal, RESUME goes on with one, ROOT asks for the root documents. A seal
 * serves all carriers of its channel for a day.
 */
import { ZajilError } from "../../protocol/errors.ts";
import { randomBytes } from "../crypto.ts";
import type { RecordSeal } from "../reach/records.ts";
import type { Channel } from "../reach/channels.ts";
import { ClientSeal, RESUMED, ROOT_RECORD, type SessionKey, UNKNOWN } from "../reach/seal.ts";
import { type Carrier, type CarrierListener, DialError, type OpenCarrier } from "./base.ts";
import { Inbox } from "./inbox.ts";
import { SealedCarrier } from "./sealing.ts";

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
      const turns = this.agree(channel, lane);
      let turn = await turns.next();
      while (!turn.done) {
        bare.send(turn.value);
        turn = await turns.next(await inbox.next("accept", signal));
      }
      return new SealedCarrier(bare, turn.value, inbox, listener);
    } catch (problem) {
      bare.close();
      if (problem instanceof DialError || !(problem instanceof ZajilError)) throw problem;
      throw new DialError("accept", "status");
    }
  }

  /**
   * Agree on the seal of one carrier: each record that it gives is sent there, and gets the record that comes back.
   * Throws DialError, or `protocol`, for answers that are not our server's.
   */
  async *agree(channel: Channel, lane: string): AsyncGenerator<Uint8Array, RecordSeal, Uint8Array> {
    const place = `${channel} ${lane}`;
    const held = this.#held.get(place);
    if (held?.isUsable(this.#parts.now())) {
      const { resume, codec } = held.carrier();
      const answer = yield resume;
      const said = answer.length === 1 ? answer[0] : undefined;
      if (said === RESUMED) return codec;
      if (said !== UNKNOWN) throw new DialError("accept", "status");
      if (this.#held.get(place) === held) this.#held.delete(place);
    }
    const seal = await ClientSeal.make(channel, this.#parts.key(), { nowMs: this.#parts.now(), random: randomBytes });
    const accept = yield seal.newRecord;
    this.#parts.offset(await seal.takeAccept(accept, this.#parts.now()));
    this.#held.set(place, seal);
    return seal.first();
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
