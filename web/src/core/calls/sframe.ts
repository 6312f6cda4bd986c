/**
 * SFrame (RFC 9605) over WebCrypto: header, keys of one KID, sealing and opening of one frame.
 *
 * Only the two AES-GCM suites that docs/protocol/calls.md names. Everything here runs in the call worker.
 */
import { ascii, concat } from "../../protocol/bytes.ts";
import { error } from "../../protocol/errors.ts";

export interface Suite {
  readonly id: number;
  readonly hash: "SHA-256" | "SHA-512";
  /** Bytes of the key, and of a base key. */
  readonly nk: number;
}

/** AES_128_GCM_SHA256_128, that of every call. */
export const SUITE_4: Suite = { id: 4, hash: "SHA-256", nk: 16 };
/** AES_256_GCM_SHA512_128, which only the vectors use. */
export const SUITE_5: Suite = { id: 5, hash: "SHA-512", nk: 32 };
/** Bytes of nonce and salt, and of the tag, in both suites. */
export const NN = 12;
export const TAG_BYTES = 16;
/** One byte of lengths, and up to 8 bytes each of KID and CTR. */
export const MAX_HEADER_BYTES = 17;

/** Why a frame was not opened. `empty` is no attack: encoders write a first frame of no bytes. */
export type Refusal = "empty" | "short" | "header" | "unknown-key" | "foreign-leaf" | "replayed" | "bad-tag";

/** A frame that is dropped and counted. It tells nobody more than the counter. */
export class FrameRefused extends Error {
  readonly reason: Refusal;

  constructor(reason: Refusal) {
    super(reason);
    this.name = "FrameRefused";
    this.reason = reason;
  }
}

export interface Header {
  readonly kid: bigint;
  readonly ctr: bigint;
  /** Bytes that the header takes. */
  readonly size: number;
}

/** WebCrypto's types want bytes that are not shared between threads; ours never are. */
const owned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>;

/** A number in as few bytes as it takes, at least one. Throws LocalProtocolError outside of 64 bits. */
function shortest(number: bigint): Uint8Array {
  if (number < 0n || number >> 64n !== 0n) throw error("wrong-call", "KID or CTR beyond 64 bits");
  const bytes: number[] = [];
  for (let rest = number; bytes.length === 0 || rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return Uint8Array.from(bytes);
}

/** The 1 to 17 bytes of a header (RFC 9605 4.3). kid, ctr: below 2^64. Throws LocalProtocolError. */
export function encodeHeader(kid: bigint, ctr: bigint): Uint8Array {
  const long = { kid: kid < 8n ? undefined : shortest(kid), ctr: ctr < 8n ? undefined : shortest(ctr) };
  const first = long.kid ? 0x80 | ((long.kid.length - 1) << 4) : Number(kid) << 4;
  const second = long.ctr ? 0x08 | (long.ctr.length - 1) : Number(ctr);
  if (kid < 0n || ctr < 0n) throw error("wrong-call", "KID or CTR below zero");
  return concat(Uint8Array.of(first | second), long.kid ?? new Uint8Array(), long.ctr ?? new Uint8Array());
}

/** The number after a 4-bit field of a header, or in it, with the position behind it. */
function readNumber(data: Uint8Array, field: number, at: number): [number: bigint, next: number] {
  if (field < 8) return [BigInt(field), at];
  const next = at + (field & 7) + 1;
  if (next > data.length) throw new FrameRefused("short");
  let number = 0n;
  for (const byte of data.subarray(at, next)) number = (number << 8n) | BigInt(byte);
  // The shortest form alone: what can be said in two ways can be sent twice.
  if (number < 8n || shortest(number).length !== next - at) throw new FrameRefused("header");
  return [number, next];
}

/** The header at the start of a frame. Throws FrameRefused `empty`, `short`, or `header` for a number not in its shortest form. */
export function parseHeader(data: Uint8Array): Header {
  const first = data[0];
  if (first === undefined) throw new FrameRefused("empty");
  const [kid, afterKid] = readNumber(data, first >> 4, 1);
  const [ctr, size] = readNumber(data, first & 0x0f, afterKid);
  return { kid, ctr, size };
}

/** What a KID's labels end with: the KID in 8 bytes and the suite in two. */
function labelEnd(kid: bigint, suite: Suite): Uint8Array {
  const end = new DataView(new ArrayBuffer(10));
  end.setBigUint64(0, kid);
  end.setUint16(8, suite.id);
  return new Uint8Array(end.buffer);
}

/** A base key as WebCrypto keeps it: usable for derivation, never readable again. Throws LocalProtocolError. */
export async function importBaseKey(baseKey: Uint8Array): Promise<CryptoKey> {
  return await crypto.subtle.importKey("raw", owned(baseKey), "HKDF", false, ["deriveBits"]);
}

/** Key and salt of a KID (RFC 9605 4.4.2). The trailing spaces of the labels count. */
export async function deriveSecrets(
  suite: Suite,
  base: CryptoKey,
  kid: bigint,
): Promise<{ key: Uint8Array; salt: Uint8Array }> {
  const derive = async (label: string, bytes: number): Promise<Uint8Array> => {
    const info = concat(ascii(label), labelEnd(kid, suite));
    const parameters = { name: "HKDF", hash: suite.hash, salt: new Uint8Array(), info: owned(info) };
    return new Uint8Array(await crypto.subtle.deriveBits(parameters, base, bytes * 8));
  };
  const [key, salt] = await Promise.all([
    derive("SFrame 1.0 Secret key ", suite.nk),
    derive("SFrame 1.0 Secret salt ", NN),
  ]);
  return { key, salt };
}

/** The key of one KID. The same (key, CTR) must never seal twice: who counts is `keys.ts`. */
export class SFrameKey {
  readonly #key: CryptoKey;
  readonly #salt: Uint8Array;
  readonly kid: bigint;

  private constructor(kid: bigint, key: CryptoKey, salt: Uint8Array) {
    this.kid = kid;
    this.#key = key;
    this.#salt = salt;
  }

  /** base: of `importBaseKey`. kid: below 2^64. */
  static async derive(suite: Suite, base: CryptoKey, kid: bigint): Promise<SFrameKey> {
    const { key, salt } = await deriveSecrets(suite, base, kid);
    const usable = await crypto.subtle.importKey("raw", owned(key), "AES-GCM", false, ["encrypt", "decrypt"]);
    key.fill(0);
    return new SFrameKey(kid, usable, salt);
  }

  /** `header || ciphertext || tag`. metadata: authenticated beside it, not in it. */
  async seal(ctr: bigint, plaintext: Uint8Array, metadata: Uint8Array): Promise<Uint8Array> {
    const header = encodeHeader(this.kid, ctr);
    const sealed = await crypto.subtle.encrypt(this.#parameters(ctr, header, metadata), this.#key, owned(plaintext));
    return concat(header, new Uint8Array(sealed));
  }

  /** The plaintext of a whole frame whose header was parsed from it. Throws FrameRefused `short`, `bad-tag`. */
  async open(header: Header, frame: Uint8Array, metadata: Uint8Array): Promise<Uint8Array> {
    if (frame.length < header.size + TAG_BYTES) throw new FrameRefused("short");
    const parameters = this.#parameters(header.ctr, frame.subarray(0, header.size), metadata);
    try {
      const sealed = owned(frame.subarray(header.size));
      return new Uint8Array(await crypto.subtle.decrypt(parameters, this.#key, sealed));
    } catch {
      throw new FrameRefused("bad-tag");
    }
  }

  #parameters(ctr: bigint, header: Uint8Array, metadata: Uint8Array): AesGcmParams {
    const iv = owned(this.#salt.slice());
    const low = new DataView(iv.buffer, NN - 8);
    low.setBigUint64(0, low.getBigUint64(0) ^ ctr);
    return { name: "AES-GCM", iv, additionalData: owned(concat(header, metadata)), tagLength: TAG_BYTES * 8 };
  }
}
