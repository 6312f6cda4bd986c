/**
 * WebCrypto's short operations from Node's OpenSSL in this thread, for tests above the primitives: through the pool of
 * threads each costs ten times what it computes.
 *
 * Importing this module replaces HMAC, Ed25519 and AES-GCM in `crypto.subtle`, and the HKDF of `@hpke/common`, for the
 * thread. What is not plain, or what OpenSSL refuses, goes the usual way, so that each error stays WebCrypto's own.
 *
 * An answer comes a turn of the event loop later, as a browser's does in a task of its own: code that waits for
 * WebCrypto inside a transaction of IndexedDB finds it closed here too.
 */
import * as node from "node:crypto";
import { HkdfSha256, HkdfSha512 } from "@hpke/core";

type Bytes = ArrayBuffer | ArrayBufferView;
const TAG_BYTES = 16;
const subtle = Object.getPrototypeOf(crypto.subtle) as SubtleCrypto;
/** The platform's own. */
export const portable = {
  sign: Reflect.get(subtle, "sign") as SubtleCrypto["sign"],
  verify: Reflect.get(subtle, "verify") as SubtleCrypto["verify"],
  encrypt: Reflect.get(subtle, "encrypt") as SubtleCrypto["encrypt"],
  decrypt: Reflect.get(subtle, "decrypt") as SubtleCrypto["decrypt"],
};

// The thread's own: a test may put false clocks into the global one.
const { setImmediate } = globalThis;

/** What is made already, a turn of the event loop later. */
const answer = <T>(made: T): Promise<T> =>
  new Promise((resolve) => {
    setImmediate(resolve, made);
  });

const objects = new WeakMap<CryptoKey, node.KeyObject>();

function objectOf(key: CryptoKey): node.KeyObject {
  const known = objects.get(key);
  if (known !== undefined) return known;
  const made = node.KeyObject.from(key);
  objects.set(key, made);
  return made;
}

const view = (data: Bytes): Uint8Array =>
  ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
/** A buffer of its own: Node's small ones lie in a shared pool. */
const own = (...parts: readonly Uint8Array[]): ArrayBuffer => {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all.buffer;
};
const nameOf = (how: AlgorithmIdentifier): string => (typeof how === "string" ? how : how.name);
const fits = (how: AlgorithmIdentifier, key: CryptoKey, use: KeyUsage): boolean =>
  key instanceof CryptoKey && nameOf(how) === key.algorithm.name && key.usages.includes(use);

/** What `compute` gives, or undefined where it refuses. */
function attempt<T>(compute: () => T | undefined): T | undefined {
  try {
    return compute();
  } catch {
    return undefined;
  }
}

const HASHES: Readonly<Record<string, string>> = { "SHA-256": "sha256", "SHA-512": "sha512" };

subtle.sign = function (how, key, data) {
  const made = attempt(() => {
    if (!fits(how, key, "sign")) return undefined;
    if (key.algorithm.name === "Ed25519") return own(node.sign(null, view(data), objectOf(key)));
    if (key.algorithm.name !== "HMAC") return undefined;
    const hash = HASHES[(key.algorithm as HmacKeyAlgorithm).hash.name];
    return hash === undefined ? undefined : own(node.createHmac(hash, objectOf(key)).update(view(data)).digest());
  });
  return made === undefined ? portable.sign.call(this, how, key, data) : answer(made);
};

subtle.verify = function (how, key, signature, data) {
  const plain = fits(how, key, "verify") && key.algorithm.name === "Ed25519";
  const right = plain ? attempt(() => node.verify(null, view(data), objectOf(key), view(signature))) : undefined;
  return right === undefined ? portable.verify.call(this, how, key, signature, data) : answer(right);
};

/** The cipher of a plain AES-GCM operation; undefined for any other. */
function gcmOf(how: AlgorithmIdentifier, key: CryptoKey, use: KeyUsage) {
  if (!fits(how, key, use) || key.algorithm.name !== "AES-GCM") return undefined;
  const { iv, additionalData, tagLength } = how as AesGcmParams;
  if (tagLength !== undefined && tagLength !== 8 * TAG_BYTES) return undefined;
  const name: node.CipherGCMTypes = (key.algorithm as AesKeyAlgorithm).length === 128 ? "aes-128-gcm" : "aes-256-gcm";
  return { name, iv: view(iv), aad: additionalData === undefined ? undefined : view(additionalData) };
}

subtle.encrypt = function (how, key, data) {
  const made = attempt(() => {
    const gcm = gcmOf(how, key, "encrypt");
    if (gcm === undefined) return undefined;
    const cipher = node.createCipheriv(gcm.name, objectOf(key), gcm.iv);
    if (gcm.aad !== undefined) cipher.setAAD(gcm.aad);
    return own(cipher.update(view(data)), cipher.final(), cipher.getAuthTag());
  });
  return made === undefined ? portable.encrypt.call(this, how, key, data) : answer(made);
};

subtle.decrypt = function (how, key, data) {
  const made = attempt(() => {
    const gcm = gcmOf(how, key, "decrypt");
    const sealed = view(data);
    if (gcm === undefined || sealed.length < TAG_BYTES) return undefined;
    const cipher = node.createDecipheriv(gcm.name, objectOf(key), gcm.iv);
    if (gcm.aad !== undefined) cipher.setAAD(gcm.aad);
    cipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    return own(cipher.update(sealed.subarray(0, -TAG_BYTES)), cipher.final());
  });
  return made === undefined ? portable.decrypt.call(this, how, key, data) : answer(made);
};

interface Hkdf {
  hashSize: number;
  extract(salt: Bytes, ikm: Bytes): Promise<ArrayBuffer>;
  expand(prk: Bytes, info: Bytes, length: number): Promise<ArrayBuffer>;
  extractAndExpand(salt: Bytes, ikm: Bytes, info: Bytes, length: number): Promise<ArrayBuffer>;
}

/** HKDF (RFC 5869) of this hash, over OpenSSL's HMAC. */
function replaceHkdf(kdf: Hkdf, hash: string): Omit<Hkdf, "hashSize"> {
  const { extract, expand, extractAndExpand } = kdf;
  kdf.extract = function (salt, ikm) {
    const given = view(salt);
    if (given.length !== 0 && given.length !== this.hashSize) return extract.call(this, salt, ikm);
    const key = given.length === 0 ? new Uint8Array(this.hashSize) : given;
    return answer(own(node.createHmac(hash, key).update(view(ikm)).digest()));
  };
  kdf.expand = function (prk, info, length) {
    // One block, as nearly all are.
    if (length > this.hashSize) return expand.call(this, prk, info, length);
    const block = node.createHmac(hash, view(prk)).update(view(info)).update(Uint8Array.of(1)).digest();
    return answer(own(block.subarray(0, length)));
  };
  kdf.extractAndExpand = function (salt, ikm, info, length) {
    const made = attempt(() => node.hkdfSync(hash, view(ikm), view(salt), view(info), length));
    return made === undefined ? extractAndExpand.call(this, salt, ikm, info, length) : answer(made);
  };
  return { extract, expand, extractAndExpand };
}

// What both names extend, and the KEMs use by itself.
const nativeOf = (kdf: typeof HkdfSha256 | typeof HkdfSha512) => Object.getPrototypeOf(kdf.prototype) as Hkdf;
/** The library's own. */
export const portableHkdf = {
  "SHA-256": replaceHkdf(nativeOf(HkdfSha256), "sha256"),
  "SHA-512": replaceHkdf(nativeOf(HkdfSha512), "sha512"),
};
