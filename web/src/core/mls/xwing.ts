/** The two cipher suites: ts-mls' pieces put together by hand, so that no other one is in the bundle (mls.md 2). A chunk of its own. */
import { Aes128Gcm, Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import type { CiphersuiteImpl } from "ts-mls/crypto/ciphersuite.js";
import type { HpkeAlgorithm } from "ts-mls/crypto/hpke.js";
import { makeHashImpl } from "ts-mls/crypto/implementation/default/makeHashImpl.js";
import { makeKdf, makeKdfImpl } from "ts-mls/crypto/implementation/default/makeKdfImpl.js";
import { makeGenericHpke } from "ts-mls/crypto/implementation/hpke.js";
import type { Signature } from "ts-mls/crypto/signature.js";
import { MlsError } from "./errors.ts";

const XWING: HpkeAlgorithm = { kem: "X-Wing", kdf: "HKDF-SHA512", aead: "AES256GCM" };

/** The primitives of MLS_256_XWING_AES256GCM_SHA512_Ed25519, without a signing key. */
export async function makeXWing(): Promise<CiphersuiteImpl> {
  const kdf = makeKdf("HKDF-SHA512");
  const hpke = new CipherSuite({ kem: new XWing(), kdf, aead: new Aes256Gcm() });
  return {
    name: "MLS_256_XWING_AES256GCM_SHA512_Ed25519",
    hash: makeHashImpl(crypto.subtle, "SHA-512"),
    kdf: makeKdfImpl(makeKdf("HKDF-SHA512")),
    hpke: await makeGenericHpke(XWING, aes, hpke),
    signature: ed25519,
    rng: { randomBytes: (n) => crypto.getRandomValues(new Uint8Array(n)) },
  };
}

const RFC1: HpkeAlgorithm = { kem: "DHKEM-X25519-HKDF-SHA256", kdf: "HKDF-SHA256", aead: "AES128GCM" };

/** The primitives of MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519, without a signing key. */
export async function makeRfc1(): Promise<CiphersuiteImpl> {
  const hpke = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() });
  return {
    name: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
    hash: makeHashImpl(crypto.subtle, "SHA-256"),
    kdf: makeKdfImpl(makeKdf("HKDF-SHA256")),
    hpke: await makeGenericHpke(RFC1, aes, hpke),
    signature: ed25519,
    rng: { randomBytes: (n) => crypto.getRandomValues(new Uint8Array(n)) },
  };
}

/** AES-GCM for messages; ts-mls' own maker would bring ChaCha20 along. */
const aes: Parameters<typeof makeGenericHpke>[1] = {
  async encrypt(key, nonce, aad, plaintext) {
    const params = { name: "AES-GCM", iv: owned(nonce), additionalData: owned(aad) };
    return new Uint8Array(await crypto.subtle.encrypt(params, await aesKey(key, "encrypt"), owned(plaintext)));
  },
  async decrypt(key, nonce, aad, ciphertext) {
    const params = { name: "AES-GCM", iv: owned(nonce), additionalData: owned(aad) };
    return new Uint8Array(await crypto.subtle.decrypt(params, await aesKey(key, "decrypt"), owned(ciphertext)));
  },
};

function aesKey(key: Uint8Array, use: "encrypt" | "decrypt"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", owned(key), "AES-GCM", false, [use]);
}

/** Verification alone: signing goes through `Env`. */
const ed25519: Signature = {
  async verify(publicKey, message, signature) {
    try {
      const key = await crypto.subtle.importKey("raw", owned(publicKey), "Ed25519", false, ["verify"]);
      return await crypto.subtle.verify("Ed25519", key, owned(signature), owned(message));
    } catch {
      return false;
    }
  },
  sign: () => Promise.reject(new MlsError("signing without a key")),
  keygen: () => Promise.reject(new MlsError("keys are made in the vault")),
};

/** WebCrypto's types want bytes that are not shared between threads; ours never are. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
