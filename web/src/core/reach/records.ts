/** The records of a sealed carrier, once its seal was agreed (see `seal`): what the call worker needs of it too. */
import { encodeUint } from "../../protocol/bytes.ts";
import { error } from "../../protocol/errors.ts";

/** Keys of one carrier: AES-256 key (32 bytes) and iv (12) of each direction, and the name of the seal (16). */
export interface RecordKeys {
  readonly outward: Uint8Array;
  readonly inward: Uint8Array;
  readonly sid: Uint8Array;
}

const owned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>;

/** One direction of one carrier. A turn waits for the one before, and fails once that one did. */
class Keys {
  readonly #key: Promise<CryptoKey>;
  readonly #iv: Uint8Array;
  readonly #aad: Uint8Array;
  #next = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(keys: Uint8Array, sid: Uint8Array) {
    this.#key = crypto.subtle.importKey("raw", owned(keys.slice(0, 32)), "AES-GCM", false, ["encrypt", "decrypt"]);
    this.#iv = keys.slice(32);
    this.#aad = sid;
  }

  run(use: "encrypt" | "decrypt", data: Uint8Array): Promise<Uint8Array> {
    const number = encodeUint(this.#next++, 12);
    const iv = this.#iv.map((byte, at) => byte ^ (number[at] ?? 0));
    const parameters = { name: "AES-GCM", iv: owned(iv), additionalData: owned(this.#aad) };
    const before = this.#turn;
    const turn = (async () => {
      await before;
      return new Uint8Array(await crypto.subtle[use](parameters, await this.#key, owned(data)));
    })();
    this.#turn = turn;
    return turn;
  }
}

/** The records of one carrier, in order and both directions. */
export class RecordSeal {
  /** Whoever seals with them goes on from the first record: not to be used by two. */
  readonly keys: RecordKeys;
  readonly #outward: Keys;
  readonly #inward: Keys;
  readonly #heard: () => void;

  /** heard: called when a record opened. */
  constructor(keys: RecordKeys, heard: () => void = () => undefined) {
    this.keys = keys;
    this.#outward = new Keys(keys.outward, keys.sid);
    this.#inward = new Keys(keys.inward, keys.sid);
    this.#heard = heard;
  }

  /** The record of a padded frame, 16 bytes longer. Records resolve in the order of the calls. */
  seal(frame: Uint8Array): Promise<Uint8Array> {
    return this.#outward.run("encrypt", frame);
  }

  /** The padded frame of the next record. Rejects with `protocol` for anything else, and from then on for everything. */
  async open(record: Uint8Array): Promise<Uint8Array> {
    try {
      const frame = await this.#inward.run("decrypt", record);
      this.#heard();
      return frame;
    } catch {
      throw error("protocol", "sealed record");
    }
  }
}
