/** Cipher suites by number and name. What computes is in `xwing.ts`, which loads apart (mls.md 2). */
import type { CiphersuiteImpl, CiphersuiteName } from "ts-mls/crypto/ciphersuite.js";
import { error } from "../../protocol/errors.ts";
import { insist } from "../lazy.ts";
import { SuiteDowngrade, TooManyLeaves, Unsupported } from "./errors.ts";
import { type Env, type KeyPackage, LIMITS } from "./types.ts";

/** MLS_256_XWING_AES256GCM_SHA512_Ed25519: post-quantum, for up to 128 leaves. */
export const SUITE_XWING = 0x0053;
/** MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519: for larger groups. */
export const SUITE_RFC1 = 0x0001;

/** The numbers of the suites by ts-mls' names, as far as Zajil may ever list them in capabilities. */
export const SUITE_NAMES = {
  0x0001: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
  0x0053: "MLS_256_XWING_AES256GCM_SHA512_Ed25519",
} as const satisfies Record<number, CiphersuiteName>;

/** Primitives of a suite, without a signing key. */
export type Crypto = CiphersuiteImpl;

const makers = new Map<CiphersuiteName, () => Promise<Crypto>>([
  [SUITE_NAMES[0x0053], async () => (await import("./xwing.ts")).makeXWing()],
  [SUITE_NAMES[0x0001], async () => (await import("./xwing.ts")).makeRfc1()],
]);
const made = new Map<CiphersuiteName, Promise<Crypto>>();

/** Lets tests take another maker for a suite; never called in the product. */
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
  fresh.catch(() => made.delete(name)); // what did not load is asked for again
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

/** The numbers of the suites in a leaf's signed capabilities, as far as this engine knows them. */
export function suiteIds(names: readonly (CiphersuiteName | number)[]): number[] {
  return names.map((name) => (typeof name === "number" ? name : suiteId(name)));
}

/** Throws TooManyLeaves if a group of that suite must not have so many members. */
export function checkLeafCount(name: CiphersuiteName, count: number): void {
  const most = name === SUITE_NAMES[SUITE_XWING] ? LIMITS.xwingLeaves : LIMITS.leaves;
  if (count > most) throw new TooManyLeaves(`${count} leaves`);
}

/**
 * The suite of a new group for these clients: post-quantum where all of them are able and it is small enough.
 *
 * candidates: for each client the packages the server handed out for it; each leaf's signed capabilities say what the
 * client is able to use. expectedLeaves: of the whole group, with ourselves. Throws SuiteDowngrade where all are able
 * and a client's only package is of the weaker suite: a server must not choose by withholding. Source: mls.md 2, rule 3.
 */
export function chooseSuite(candidates: readonly (readonly KeyPackage[])[], expectedLeaves: number): number {
  if (expectedLeaves > LIMITS.xwingLeaves) return SUITE_RFC1;
  if (!candidates.every((packages) => packages.some(({ able }) => able.includes(SUITE_XWING)))) return SUITE_RFC1;
  if (!candidates.every((packages) => packages.some(({ suite }) => suite === SUITE_XWING)))
    throw new SuiteDowngrade("the server withholds packages");
  return SUITE_XWING;
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

/**
 * Throws `no-browser-support` where this browser lacks what the engine needs: Ed25519, X25519, AES-GCM and HKDF-SHA-512
 * in WebCrypto. Over plain HTTP there is no WebCrypto at all. The suite begins to load.
 */
export async function checkBrowser(): Promise<void> {
  const subtle = (globalThis.crypto as { readonly subtle?: SubtleCrypto } | undefined)?.subtle;
  if (subtle === undefined) throw error("no-browser-support", "no WebCrypto");
  cryptoOf(SUITE_NAMES[0x0053]).catch(() => undefined); // whoever needs it asks again, and hears of it
  await orUnsupported(async () => {
    const pair = (await subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;
    const signature = await subtle.sign("Ed25519", pair.privateKey, new Uint8Array(1));
    if (!(await subtle.verify("Ed25519", pair.publicKey, signature, new Uint8Array(1)))) throw new Error("Ed25519");
    const exchange = (await subtle.generateKey("X25519", false, ["deriveBits"])) as CryptoKeyPair;
    const { publicKey, privateKey } = exchange;
    const bits = await subtle.deriveBits({ name: "X25519", public: publicKey }, privateKey, 256);
    const key = await subtle.importKey("raw", bits, "HKDF", false, ["deriveKey"]);
    const none = new Uint8Array();
    const hkdf = { name: "HKDF", hash: "SHA-512", salt: none, info: none };
    const aes = await subtle.deriveKey(hkdf, key, { name: "AES-GCM", length: 256 }, false, ["encrypt"]);
    await subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, aes, none);
  });
}

/**
 * Returns once the suite is here and works; before that no group is opened, made or joined: a suite that fails to load
 * within a step of the rules would look like a message that does not open. Throws `unreachable` where it does not come
 * after three tries, and `no-browser-support`.
 */
export async function loadSuite(): Promise<void> {
  const { hpke } = await insist("cipher suite", () => cryptoOf(SUITE_NAMES[0x0053]));
  await orUnsupported(async () => {
    const keys = await hpke.generateKeyPair();
    const sealed = await hpke.seal(keys.publicKey, new Uint8Array(1), new Uint8Array());
    await hpke.open(keys.privateKey, sealed.enc, sealed.ct, new Uint8Array());
  });
}

async function orUnsupported(check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (problem) {
    throw error("no-browser-support", problem instanceof Error ? problem.name : "");
  }
}
