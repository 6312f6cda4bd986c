/**
 * A suite's hash, HKDF and signatures by Node's own functions, for vectors of whole groups.
 *
 * What those vectors say about trees, Welcomes and Commits does not depend on who computes SHA-256. ts-mls' way costs
 * ten times as much: a WebCrypto job for each HMAC, 20 to 60 ms in big integers for each ECDSA signature, of curves
 * that Zajil does not ship. `official-primitives` and every other test keep to the library's own.
 */
import { createHash, createHmac, createPublicKey, timingSafeEqual, verify } from "node:crypto";
import type { CiphersuiteImpl } from "ts-mls/crypto/ciphersuite.js";

/** DER of a SubjectPublicKeyInfo up to the key, which MLS carries raw or as an uncompressed point (RFC 9420 5.1.1). */
const SUITES: Readonly<
  Record<number, { readonly hash: string; readonly spki: string; readonly digest: string | null }>
> = {
  1: { hash: "sha256", spki: "302a300506032b6570032100", digest: null },
  2: { hash: "sha256", spki: "3059301306072a8648ce3d020106082a8648ce3d030107034200", digest: "sha256" },
  5: { hash: "sha512", spki: "30819b301006072a8648ce3d020106052b8104002303818600", digest: "sha512" },
  7: { hash: "sha384", spki: "3076301006072a8648ce3d020106052b81040022036200", digest: "sha384" },
};

/** The same suite with Node's primitives below the group; HPKE stays as it is. */
export function withNative(suite: number, crypto: CiphersuiteImpl): CiphersuiteImpl {
  const known = SUITES[suite];
  if (known === undefined) return crypto;
  const { hash, spki, digest } = known;
  const header = Buffer.from(spki, "hex");
  const mac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array => {
    const made = createHmac(hash, key);
    for (const part of parts) made.update(part);
    return new Uint8Array(made.digest());
  };
  return {
    ...crypto,
    hash: {
      digest: (data) => Promise.resolve(new Uint8Array(createHash(hash).update(data).digest())),
      mac: (key, data) => Promise.resolve(mac(key, data)),
      verifyMac: (key, given, data) => {
        const expected = mac(key, data);
        return Promise.resolve(given.length === expected.length && timingSafeEqual(given, expected));
      },
    },
    kdf: {
      size: crypto.kdf.size,
      extract: (salt, ikm) => Promise.resolve(mac(salt, ikm)),
      // RFC 5869 2.3.
      expand: (prk, info, length) => {
        const out = new Uint8Array(length);
        let block = new Uint8Array();
        for (let at = 0, count = 1; at < length; at += block.length, count++) {
          block = new Uint8Array(mac(prk, block, info, Uint8Array.of(count)));
          out.set(block.subarray(0, length - at), at);
        }
        return Promise.resolve(out);
      },
    },
    signature: {
      ...crypto.signature,
      verify: (key, message, given) => {
        const publicKey = createPublicKey({ key: Buffer.concat([header, key]), format: "der", type: "spki" });
        return Promise.resolve(verify(digest, message, publicKey, given));
      },
    },
  };
}
