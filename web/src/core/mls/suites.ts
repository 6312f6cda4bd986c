/** The cipher suite: ts-mls' pieces put together by hand, so that no other suite is in the bundle (mls.md 2). */
import { Aes256Gcm, CipherSuite } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import type { CiphersuiteImpl, CiphersuiteName } from "ts-mls/crypto/ciphersuite.js";
import type { HpkeAlgorithm } from "ts-mls/crypto/hpke.js";
import { makeHashImpl } from "ts-mls/crypto/implementation/default/makeHashImpl.js";
import { makeKdf, makeKdfImpl } from "ts-mls/crypto/implementation/default/makeKdfImpl.js";
import { makeGenericHpke } from "ts-mls/crypto/implementation/hpke.js";
import type { Signature } from "ts-mls/crypto/signature.js";
import { error } from "../../protocol/errors.ts";
import { MlsError, SuiteDowngrade, Unsupported } from "./errors.ts";
import type { Env } from "./types.ts";

/** MLS_256_XWING_AES256GCM_SHA512_Ed25519, the only one the product speaks. */
export const SUITE_XWING = 0x0053;

/** The numbers of the suites by ts-mls' names, as far as Zajil may ever list them in capabilities. */
export const SUITE_NAMES = {
  0x0001: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
  0x0053: "MLS_256_XWING_AES256GCM_SHA512_Ed25519",
} as const satisfies Record<number, CiphersuiteName>;

/** Primitives of a suite, without a signing key. */
export type Crypto = CiphersuiteImpl;

const XWING: HpkeAlgorithm = { kem: "X-Wing", kdf: "HKDF-SHA512", aead: "AES256GCM" };
const makers = new Map<CiphersuiteName, () => Promise<Crypto>>([[SUITE_NAMES[0x0053], makeXWing]]);
const made = new Map<CiphersuiteName, Promise<Crypto>>();

/** Lets tests replay vectors of another suite; never called in the product. */
export function addSuite(name: CiphersuiteName, make: () => Promise<Crypto>): void {
  makers.set(name, make);
}

/** The primitives of a suite. Throws Unsupported. */
export function cryptoOf(name: CiphersuiteName): Promise<Crypto> {
  const held = made.get(name);
  if (held !== undefined) return held;
  const make = makers.get(name);
  if (make === undefined) return Promise.reject(new Unsupported("cipher suite"));
  const fresh = make();
  made.set(name, fresh);
  return fresh;
}

/** ts-mls' name of a suite the product may use. Throws SuiteDowngrade for another one. */
export function suiteName(id: number): CiphersuiteName {
  const name = (SUITE_NAMES as Record<number, CiphersuiteName | undefined>)[id];
  if (name === undefined || !makers.has(name)) throw new SuiteDowngrade("cipher suite");
  return name;
}

/** The number of a suite by its name. */
export function suiteId(name: CiphersuiteName): number {
  const found = Object.entries(SUITE_NAMES).find(([, known]) => known === name);
  return found === undefined ? 0 : Number(found[0]);
}

/** The primitives of a suite, signing with the device key and drawing from the caller's randomness. */
export async function cryptoWith(env: Env, name: CiphersuiteName): Promise<Crypto> {
  const base = await cryptoOf(name);
  return {
    ...base,
    rng: { randomBytes: (n) => env.rng(n) },
    // ts-mls passes the private key along; ours stays in the vault and NO_KEY stands in its place.
    signature: { ...base.signature, sign: (_key, data) => env.sign(data) },
  };
}

/** Stands where ts-mls keeps a signature key in its states. */
export const NO_KEY = new Uint8Array();

async function makeXWing(): Promise<Crypto> {
  const kdf = makeKdf("HKDF-SHA512");
  const hpke = new CipherSuite({ kem: new XWing(), kdf, aead: new Aes256Gcm() });
  return {
    name: SUITE_NAMES[0x0053],
    hash: makeHashImpl(crypto.subtle, "SHA-512"),
    kdf: makeKdfImpl(makeKdf("HKDF-SHA512")),
    hpke: await makeGenericHpke(XWING, aes, hpke),
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

/**
 * Throws `no-browser-support` where this browser lacks what the engine needs: Ed25519, AES-GCM and HKDF-SHA-512 in
 * WebCrypto. Over plain HTTP there is no WebCrypto at all.
 */
export async function checkBrowser(): Promise<void> {
  const subtle = (globalThis.crypto as Crypto_ | undefined)?.subtle;
  if (subtle === undefined) throw error("no-browser-support", "no WebCrypto");
  try {
    const pair = (await subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;
    const signature = await subtle.sign("Ed25519", pair.privateKey, new Uint8Array(1));
    if (!(await subtle.verify("Ed25519", pair.publicKey, signature, new Uint8Array(1)))) throw new Error("Ed25519");
    const suite = await cryptoOf(SUITE_NAMES[0x0053]);
    const keys = await suite.hpke.generateKeyPair();
    const sealed = await suite.hpke.seal(keys.publicKey, new Uint8Array(1), new Uint8Array());
    await suite.hpke.open(keys.privateKey, sealed.enc, sealed.ct, new Uint8Array());
  } catch (problem) {
    throw error("no-browser-support", problem instanceof Error ? problem.name : "");
  }
}

type Crypto_ = { readonly subtle?: SubtleCrypto };

/** WebCrypto's types want bytes that are not shared between threads; ours never are. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
