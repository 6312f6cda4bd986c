/**
 * Sealed carriers, the client's end: what keeps a bridge or a CDN, where TLS ends, from reading or forging frames.
 *
 * The formats are those of zajil.protocol.reach.seal, which also says why; vectors/seal.json binds both. HPKE draws its
 * own randomness for the encapsulation; everything else comes from `random`.
 */
import { Aes256Gcm, CipherSuite, HkdfSha256 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii, concat, encodeUint, parseUint } from "../../protocol/bytes.ts";
import { error } from "../../protocol/errors.ts";
import { ENC_BYTES } from "../crypto.ts";

/** What a seal carries: session R, session S, or the media socket of a call. */
export const CHANNEL = { R: 1, S: 2, MEDIA: 3 } as const;
export type Channel = (typeof CHANNEL)[keyof typeof CHANNEL];

/** An origin's public key (1,216 bytes) as a verified root lists it, and its id: SHA-256 of it, 4 bytes. */
export interface SessionKey {
  readonly kid: Uint8Array;
  readonly public: Uint8Array;
}

export const SEAL_LIFE_MS = 24 * 60 * 60 * 1000;
export const ACCEPT_BYTES = 1176;
/** The first record of a carrier that asks for the root documents. */
export const ROOT_RECORD = Uint8Array.of(1, 3);
/** The server's answer to RESUME, one byte: go on, or it does not know the seal (send NEW on the same carrier). */
export const RESUMED = 1;
export const UNKNOWN = 2;
const SILENT_CARRIERS = 3;

const owned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>;
const kem = new XWing();
const suite = new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes256Gcm() });

/** One direction of one carrier. A turn waits for the one before, and fails once that one did. */
class Keys {
  readonly #key: Promise<CryptoKey>;
  readonly #iv: Uint8Array;
  readonly #aad: Uint8Array;
  #next = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(prk: Uint8Array, way: string, c: number, sid: Uint8Array) {
    const okm = expand(sha256, prk, concat(ascii(`zajil/${way}/1`), encodeUint(c, 4)), 44);
    this.#key = crypto.subtle.importKey("raw", owned(okm.slice(0, 32)), "AES-GCM", false, ["encrypt", "decrypt"]);
    this.#iv = okm.slice(32);
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

/** The records of one carrier, in order and both directions. Made by ClientSeal. */
export class RecordSeal {
  readonly #outward: Keys;
  readonly #inward: Keys;
  readonly #heard: () => void;

  constructor(prk: Uint8Array, c: number, sid: Uint8Array, heard: () => void) {
    this.#outward = new Keys(prk, "c2s", c, sid);
    this.#inward = new Keys(prk, "s2c", c, sid);
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

/**
 * The client's end of one seal; every carrier of its channel may use it for 24 hours.
 *
 * NEW goes over one carrier; when that one dies before the accept, make another seal: the server refuses it twice.
 */
export class ClientSeal {
  readonly channel: Channel;
  /** 16 bytes: names the seal. */
  readonly sid: Uint8Array;
  /** NEW, the first record of the first carrier. */
  readonly newRecord: Uint8Array;
  readonly expiresAtMs: number;
  #waiting: { readonly secret: Uint8Array; readonly key: CryptoKey } | null;
  #prk: Uint8Array | null = null;
  #next = 0;
  #silent = 0;

  private constructor(
    channel: Channel,
    sid: Uint8Array,
    newRecord: Uint8Array,
    nowMs: number,
    waiting: { readonly secret: Uint8Array; readonly key: CryptoKey },
  ) {
    this.channel = channel;
    this.sid = sid;
    this.newRecord = newRecord;
    this.expiresAtMs = nowMs + SEAL_LIFE_MS;
    this.#waiting = waiting;
  }

  /** A fresh seal. Rejects with LocalProtocolError for a key that is none. */
  static async make(
    channel: Channel,
    key: SessionKey,
    { nowMs, random }: { readonly nowMs: number; readonly random: (n: number) => Uint8Array },
  ): Promise<ClientSeal> {
    try {
      const recipientPublicKey = await kem.deserializePublicKey(owned(key.public.slice()).buffer);
      const pair = await kem.generateKeyPairDerand(random(32).slice());
      const sid = random(16);
      const secret = random(32);
      const head = concat(Uint8Array.of(channel), sid, key.kid);
      const publicKey = new Uint8Array(await kem.serializePublicKey(pair.publicKey));
      const info = owned(concat(ascii("zajil/hello/1"), head));
      const plaintext = concat(secret, publicKey, encodeUint(nowMs, 8));
      const { enc, ct } = await suite.seal({ recipientPublicKey, info }, owned(plaintext));
      plaintext.fill(0);
      const made = concat(Uint8Array.of(1, 1), head, new Uint8Array(enc), new Uint8Array(ct));
      return new ClientSeal(channel, sid, made, nowMs, { secret, key: pair.privateKey });
    } catch {
      throw error("wrong-call", "origin key");
    }
  }

  /**
   * Opens the answer to NEW and resolves to the server's clock minus ours, in milliseconds.
   *
   * Rejects with `protocol` for anything but this seal's accept, which may still come.
   */
  async takeAccept(data: Uint8Array, nowMs: number): Promise<number> {
    const waiting = this.#waiting;
    if (waiting === null) throw error("wrong-call", "accept taken twice");
    if (data.length !== ACCEPT_BYTES) throw error("protocol", "accept");
    const info = owned(concat(ascii("zajil/accept/1"), this.sid, sha256(this.newRecord)));
    let plain: Uint8Array;
    try {
      const recipient = { recipientKey: waiting.key, enc: owned(data.slice(0, ENC_BYTES)), info };
      plain = new Uint8Array(await suite.open(recipient, owned(data.slice(ENC_BYTES))));
    } catch {
      throw error("protocol", "accept");
    }
    const secrets = concat(waiting.secret, plain.slice(0, 32));
    this.#prk = extract(sha256, secrets, sha256(concat(this.newRecord, data)));
    for (const secret of [secrets, waiting.secret]) secret.fill(0);
    this.#waiting = null;
    return parseUint(plain.slice(32)) - nowMs;
  }

  /** The codec of the carrier that NEW went over, once, right after `takeAccept`. */
  first(): RecordSeal {
    if (this.#next) throw error("wrong-call", "first carrier taken twice");
    return this.#codec();
  }

  /** RESUME and the codec of another carrier; each call uses up a carrier number. */
  carrier(): { readonly resume: Uint8Array; readonly codec: RecordSeal } {
    if (this.#prk) this.#next ||= 1;
    return { resume: concat(Uint8Array.of(1, 2), this.sid, encodeUint(this.#next, 4)), codec: this.#codec() };
  }

  /**
   * Whether another carrier may still try this seal; if not, make a new one.
   *
   * False before the accept, after 24 hours, and when the last 3 carriers opened no record: a bridge that kept our NEW
   * can replay it to a server that restarted, which then knows the sid with other keys.
   */
  isUsable(nowMs: number): boolean {
    return this.#prk !== null && nowMs < this.expiresAtMs && this.#silent < SILENT_CARRIERS;
  }

  #codec(): RecordSeal {
    if (!this.#prk) throw error("wrong-call", "carrier before the accept");
    this.#silent++;
    return new RecordSeal(this.#prk, this.#next++, this.sid, () => {
      this.#silent = 0;
    });
  }
}
