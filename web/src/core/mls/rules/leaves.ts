/** Rules K1 to K4 and L1 to L7: KeyPackages, and leaves wherever they come in (RFC 9420 7.3, 10.1, 5.3.1). */
import { type Extension as RawExtension } from "ts-mls/extension.js";
import { type KeyPackage as RawKeyPackage, verifyKeyPackage } from "ts-mls/keyPackage.js";
import {
  type LeafNode,
  type LeafNodeKeyPackage,
  verifyLeafNodeSignature,
  verifyLeafNodeSignatureKeyPackage,
} from "ts-mls/leafNode.js";
import type { RatchetTree } from "ts-mls/ratchetTree.js";
import { decodeRequiredCapabilities, encodeRequiredCapabilities } from "ts-mls/requiredCapabilities.js";
import { equal } from "../../../protocol/bytes.ts";
import { extensionNumber, nameOf, parseStrictly } from "../codec.ts";
import { Invalid, Rejected } from "../errors.ts";
import { type Snapshot, identityOf, leafAt, leavesOf } from "../snapshot.ts";
import type { Crypto } from "../suites.ts";
import { type Env, LIMITS, type Use } from "../types.ts";

const DEFAULT_EXTENSIONS = [1, 2, 3, 4, 5];
const DEFAULT_PROPOSALS = [1, 2, 3, 4, 5, 6, 7];

/** L1: the client behind a leaf. */
export async function authenticateLeaf(env: Env, leaf: LeafNode, use: Use): Promise<Uint8Array> {
  if (leaf.credential.credentialType !== "basic") throw new Invalid("L1", "credential type");
  try {
    return await env.authenticate(identityOf(leaf), leaf.signaturePublicKey, use);
  } catch (problem) {
    if (problem instanceof Rejected) throw new Invalid("L1");
    throw problem;
  }
}

/** L2: a leaf signed itself, for its place in the group unless it comes from a KeyPackage. */
export async function checkLeafSignature(
  crypto: Crypto,
  leaf: LeafNode,
  groupId: Uint8Array,
  index: number,
): Promise<void> {
  const valid =
    leaf.leafNodeSource === "key_package"
      ? await verifyLeafNodeSignatureKeyPackage(leaf as LeafNodeKeyPackage, crypto.signature)
      : await verifyLeafNodeSignature(leaf, groupId, index, crypto.signature);
  if (!valid) throw new Invalid("L2");
}

/** Whether a leaf lists each of these extension types. */
export function supportsExtensions(leaf: LeafNode, extensions: readonly RawExtension[]): boolean {
  return extensions
    .map(({ extensionType }) => extensionNumber(extensionType))
    .every((type) => DEFAULT_EXTENSIONS.includes(type) || leaf.capabilities.extensions.includes(type));
}

/** L4: a leaf lists its own extensions and has none twice. */
export function checkLeafExtensions(leaf: LeafNode): void {
  if (hasDoubles(leaf.extensions) || !supportsExtensions(leaf, leaf.extensions)) throw new Invalid("L4");
}

export function hasDoubles(extensions: readonly RawExtension[]): boolean {
  return new Set(extensions.map(({ extensionType }) => extensionNumber(extensionType))).size !== extensions.length;
}

/** Parsed required_capabilities. */
export interface Required {
  readonly extensionTypes: readonly number[];
  readonly proposalTypes: readonly number[];
  readonly credentialTypes: readonly string[];
}

/** The group's required_capabilities, empty if it has none. Throws Invalid with that rule where they do not parse. */
export function requirements(extensions: readonly RawExtension[], rule: string): Required {
  const found = extensions.find(({ extensionType }) => extensionType === "required_capabilities");
  if (found === undefined) return { extensionTypes: [], proposalTypes: [], credentialTypes: [] };
  try {
    return parseStrictly(decodeRequiredCapabilities, encodeRequiredCapabilities, found.extensionData);
  } catch {
    throw new Invalid(rule, "required_capabilities");
  }
}

/** Whether a leaf lacks something of it. */
export function lacks({ capabilities }: LeafNode, required: Required): boolean {
  const extensions = required.extensionTypes.filter((type) => !DEFAULT_EXTENSIONS.includes(type));
  const proposals = required.proposalTypes.filter((type) => !DEFAULT_PROPOSALS.includes(type));
  return (
    extensions.some((type) => !capabilities.extensions.includes(type)) ||
    proposals.some((type) => !capabilities.proposals.includes(type)) ||
    required.credentialTypes.some((type) => !(capabilities.credentials as string[]).includes(type))
  );
}

/** L3: those leaves support what the group requires, and all members each other's credentials. */
export function checkCapabilities(
  tree: RatchetTree,
  leaves: readonly number[],
  extensions: readonly RawExtension[],
): void {
  const required = requirements(extensions, "L3");
  for (const leaf of leaves.map((index) => leafAt(tree, index))) {
    if (leaf !== undefined && (lacks(leaf, required) || !supportsExtensions(leaf, extensions))) throw new Invalid("L3");
  }
  const members = leavesOf(tree).map(({ leaf }) => leaf);
  const used = new Set(members.map(({ credential }) => credential.credentialType));
  const missing = members.some(({ capabilities }) =>
    [...used].some((type) => !capabilities.credentials.includes(type)),
  );
  if (missing) throw new Invalid("L3", "credential type of a member");
}

/** L6: no two members share a signature key or an encryption key. */
export function checkUniqueLeafKeys(tree: RatchetTree): void {
  const members = leavesOf(tree).map(({ leaf }) => leaf);
  for (const key of ["signaturePublicKey", "hpkePublicKey"] as const) {
    if (new Set(members.map((leaf) => nameOf(leaf[key]))).size !== members.length) throw new Invalid("L6", key);
  }
}

/** L1, L2, L4, L7 for a leaf that replaces one in place; its client. */
export async function checkReplacingLeaf(
  env: Env,
  crypto: Crypto,
  before: Snapshot,
  leaf: LeafNode,
  index: number,
): Promise<Uint8Array> {
  await checkLeafSignature(crypto, leaf, before.state.groupContext.groupId, index);
  checkLeafExtensions(leaf);
  const client = await authenticateLeaf(env, leaf, "receive");
  const held = before.clients[index];
  if (held === undefined || !equal(held, client)) throw new Invalid("L7");
  return client;
}

/** Whether somebody could seal to this key. */
export async function imports(crypto: Crypto, key: Uint8Array): Promise<boolean> {
  try {
    // Importing alone lets keys through that nobody can seal to, such as low-order points.
    await crypto.hpke.seal(await crypto.hpke.importPublicKey(key), new Uint8Array(), new Uint8Array());
    return true;
  } catch {
    return false;
  }
}

/** K1 to K4, L1, L2, L4: the client behind a KeyPackage. K4 binds only where we add the client ourselves. */
export async function checkPackage(env: Env, crypto: Crypto, raw: RawKeyPackage, use: Use): Promise<Uint8Array> {
  const leaf = raw.leafNode as LeafNode;
  if (raw.version !== "mls10" || raw.cipherSuite !== crypto.name || leaf.leafNodeSource !== "key_package") {
    throw new Invalid("K1");
  }
  if (equal(raw.initKey, leaf.hpkePublicKey)) throw new Invalid("K3", "keys are equal");
  if (!(await imports(crypto, raw.initKey)) || !(await imports(crypto, leaf.hpkePublicKey))) throw new Invalid("K3");
  if (use === "send") checkLifetime(leaf, env.now);
  if (!(await verifyKeyPackage(raw, crypto.signature))) throw new Invalid("K2");
  await checkLeafSignature(crypto, leaf, new Uint8Array(), 0);
  checkLeafExtensions(leaf);
  return authenticateLeaf(env, leaf, use);
}

function checkLifetime(leaf: LeafNode, now: number): void {
  if (leaf.leafNodeSource !== "key_package") throw new Invalid("K4");
  const { notBefore, notAfter } = leaf.lifetime;
  if (BigInt(now) < notBefore || BigInt(now) > notAfter) throw new Invalid("K4", "not in its lifetime");
  if (notAfter - notBefore > BigInt(LIMITS.maxLifetimeS)) throw new Invalid("K4", "lifetime too long");
}
