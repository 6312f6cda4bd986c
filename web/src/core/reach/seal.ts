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
import { ENC_BYTES } from "../hpke.ts";
import type { Channel } from "./channels.ts";
import { RecordSeal } from "./records.ts";

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
    const prk = this.#prk;
    if (!prk) throw error("wrong-call", "carrier before the accept");
    this.#silent++;
    const c = encodeUint(this.#next++, 4);
    const keys = (way: string): Uint8Array => expand(sha256, prk, concat(ascii(`zajil/${way}/1`), c), 44);
    return new RecordSeal({ outward: keys("c2s"), inward: keys("s2c"), sid: this.sid }, () => {
      this.#silent = 0;
    });
  }
}
