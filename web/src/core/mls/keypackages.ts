/** KeyPackages: how a client lets itself be added while it is away (RFC 9420 10). */
import type { Capabilities as RawCapabilities } from "ts-mls/capabilities.js";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { composeBufferEncoders } from "ts-mls/codec/tlsEncoder.js";
import { mapDecoders } from "ts-mls/codec/tlsDecoder.js";
import { decodeVarLenData, varLenDataEncoder } from "ts-mls/codec/variableLength.js";
import type { CiphersuiteName } from "ts-mls/crypto/ciphersuite.js";
import { type KeyPackage as RawKeyPackage, generateKeyPackageWithKey, makeKeyPackageRef } from "ts-mls/keyPackage.js";
import type { LeafNode } from "ts-mls/leafNode.js";
import {
  LAST_RESORT,
  checkCounts,
  checkLeafCounts,
  encodeMessage,
  extensionNumber,
  parseMessage,
  parseStrictly,
} from "./codec.ts";
import { Invalid } from "./errors.ts";
import { checkPackage } from "./rules/leaves.ts";
import { identityOf } from "./snapshot.ts";
import { type Crypto, NO_KEY, SUITE_NAMES, cryptoOf, cryptoWith, suiteId, suiteIds, suiteName } from "./suites.ts";
import { type Capabilities, type Env, type KeyPackage, LIMITS, type Lifetime } from "./types.ts";

export interface KeyPackageOptions {
  readonly suite: number;
  /** Identity of the basic credential. */
  readonly credential: Uint8Array;
  /** Public half of the key behind `env.sign`, 32 bytes. */
  readonly signatureKey: Uint8Array;
  readonly capabilities: Capabilities;
  readonly lifetime: Lifetime;
  /** May serve more than one Welcome (RFC 9420 16.8). */
  readonly lastResort?: boolean;
}

export interface MadeKeyPackage {
  /** KeyPackageRef, 64 bytes for 0x0053 and 32 for 0x0001. */
  readonly reference: Uint8Array;
  /** MLSMessage to publish. */
  readonly keyPackage: Uint8Array;
  /** Private halves, to be kept sealed and deleted once a Welcome was taken, unless the package is a last resort. */
  readonly secrets: Uint8Array;
}

/** Private halves of a KeyPackage. */
export interface Secrets {
  readonly initKey: Uint8Array;
  readonly encryptionKey: Uint8Array;
}

/** A KeyPackage to publish and its secrets. Throws Invalid K or L rules, SuiteDowngrade. */
export async function makeKeyPackage(env: Env, options: KeyPackageOptions): Promise<MadeKeyPackage> {
  const crypto = await cryptoWith(env, suiteName(options.suite));
  const { publicPackage, privatePackage } = await drawKeyPackage(crypto, options);
  await checkPackage(env, crypto, publicPackage, "send");
  return {
    reference: await makeKeyPackageRef(publicPackage, crypto.hash),
    keyPackage: encodeMessage({ version: "mls10", wireformat: "mls_key_package", keyPackage: publicPackage }),
    secrets: encodeSecrets({ initKey: privatePackage.initPrivateKey, encryptionKey: privatePackage.hpkePrivateKey }),
  };
}

/** A signed package as ts-mls makes it, not yet checked. */
export function drawKeyPackage(
  crypto: Crypto,
  options: KeyPackageOptions,
): ReturnType<typeof generateKeyPackageWithKey> {
  const { credential, signatureKey, capabilities, lifetime, lastResort = false } = options;
  return generateKeyPackageWithKey(
    { credentialType: "basic", identity: credential },
    rawCapabilities(capabilities),
    { notBefore: BigInt(lifetime.notBefore), notAfter: BigInt(lifetime.notAfter) },
    lastResort ? [{ extensionType: LAST_RESORT, extensionData: new Uint8Array() }] : [],
    { signKey: NO_KEY, publicKey: signatureKey },
    crypto,
  );
}

/** The KeyPackage in an MLSMessage. Throws Invalid F1 for another kind, DecodeError. Nothing is verified yet. */
export function parseKeyPackage(message: Uint8Array): KeyPackage {
  const parsed = parseMessage(message);
  if (parsed.wireformat !== "mls_key_package") throw new Invalid("F1", "not a key package");
  checkCounts(LIMITS.extensions, parsed.keyPackage.extensions);
  checkLeafCounts(parsed.keyPackage.leafNode);
  return wrap(parsed.keyPackage);
}

function wrap(raw: RawKeyPackage): KeyPackage {
  const leaf = raw.leafNode as LeafNode;
  return {
    credential: identityOf(leaf),
    signatureKey: leaf.signaturePublicKey,
    suite: suiteId(raw.cipherSuite),
    able: suiteIds(leaf.capabilities.ciphersuites),
    lastResort: isLastResort(raw),
    lifetime: lifetimeOf(leaf),
    raw,
  };
}

/** One that is over where the leaf has none. */
function lifetimeOf(leaf: LeafNode): Lifetime {
  if (leaf.leafNodeSource !== "key_package") return { notBefore: 0, notAfter: 0 };
  return { notBefore: Number(leaf.lifetime.notBefore), notAfter: Number(leaf.lifetime.notAfter) };
}

export function isLastResort(raw: RawKeyPackage): boolean {
  return raw.extensions.some(({ extensionType }) => extensionNumber(extensionType) === LAST_RESORT);
}

/** The client behind a package that passes K1 to K4, L1, L2 and L4 for adding it now. Throws Invalid, SuiteDowngrade. */
export async function checkKeyPackage(env: Env, keyPackage: KeyPackage, suite: number): Promise<Uint8Array> {
  return checkPackage(env, await cryptoOf(suiteName(suite)), keyPackage.raw, "send");
}

const encodePair = encode(composeBufferEncoders([varLenDataEncoder, varLenDataEncoder]));
const decodePair = mapDecoders([decodeVarLenData, decodeVarLenData], (initKey, encryptionKey) => ({
  initKey,
  encryptionKey,
}));

export function encodeSecrets({ initKey, encryptionKey }: Secrets): Uint8Array {
  return encodePair([initKey, encryptionKey]);
}

/** What `encodeSecrets` returned. Throws DecodeError. */
export function parseSecrets(data: Uint8Array): Secrets {
  return parseStrictly(decodePair, encodeSecrets, data);
}

function rawCapabilities({ cipherSuites, extensions }: Capabilities): RawCapabilities {
  const names: Record<number, CiphersuiteName> = SUITE_NAMES;
  return {
    versions: ["mls10"],
    ciphersuites: cipherSuites.flatMap((id) => names[id] ?? []),
    extensions: [...extensions],
    proposals: [],
    credentials: ["basic"],
  };
}
