/**
 * Rules K, L, P and C1, C2 of docs/protocol/mls.md: who may come in, which proposals may stand together.
 *
 * ts-mls checks some of them, under no name and partly too late; these run first, in the order of zajil.mls, so that
 * browsers and Python refuse the same messages for the same reason.
 */
import type { Commit } from "ts-mls/commit.js";
import { type Extension as RawExtension } from "ts-mls/extension.js";
import { type KeyPackage as RawKeyPackage, verifyKeyPackage } from "ts-mls/keyPackage.js";
import {
  type LeafNode,
  type LeafNodeKeyPackage,
  verifyLeafNodeSignature,
  verifyLeafNodeSignatureKeyPackage,
} from "ts-mls/leafNode.js";
import type { Proposal as RawProposal } from "ts-mls/proposal.js";
import type { RatchetTree } from "ts-mls/ratchetTree.js";
import { decodeRequiredCapabilities, encodeRequiredCapabilities } from "ts-mls/requiredCapabilities.js";
import { bytesToBase64 } from "ts-mls/util/byteArray.js";
import { equal } from "../../protocol/bytes.ts";
import { extensionNumber, nameOf, parseStrictly } from "./codec.ts";
import { Invalid, Rejected } from "./errors.ts";
import { type Snapshot, identityOf, leafAt, leavesOf } from "./snapshot.ts";
import type { Crypto } from "./suites.ts";
import { type Env, LIMITS, type Use } from "./types.ts";

/** A proposal of a Commit. sender: leaf index of who proposed it. byReference: sent before the Commit. */
export interface Item {
  readonly proposal: RawProposal;
  readonly sender: number;
  readonly byReference: boolean;
}

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

interface Required {
  readonly extensionTypes: readonly number[];
  readonly proposalTypes: readonly number[];
  readonly credentialTypes: readonly string[];
}

/** The group's required_capabilities, empty if it has none. Throws Invalid with that rule where they do not parse. */
function requirements(extensions: readonly RawExtension[], rule: string): Required {
  const found = extensions.find(({ extensionType }) => extensionType === "required_capabilities");
  if (found === undefined) return { extensionTypes: [], proposalTypes: [], credentialTypes: [] };
  try {
    return parseStrictly(decodeRequiredCapabilities, encodeRequiredCapabilities, found.extensionData);
  } catch {
    throw new Invalid(rule, "required_capabilities");
  }
}

function lacks({ capabilities }: LeafNode, required: Required): boolean {
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

async function imports(crypto: Crypto, key: Uint8Array): Promise<boolean> {
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

/** P9: every proposal with its sender, references looked up among this epoch's. */
export function resolveProposals({ state }: Snapshot, commit: Commit, committer: number): Item[] {
  return commit.proposals.map((entry) => {
    if (entry.proposalOrRefType === "proposal")
      return { proposal: entry.proposal, sender: committer, byReference: false };
    const held = state.unappliedProposals[bytesToBase64(entry.reference)];
    if (held === undefined) throw new Invalid("P9");
    return { proposal: held.proposal, sender: held.senderLeafIndex ?? -1, byReference: true };
  });
}

/** Whether these proposals need a path: none at all, or something is taken away or changes the context (C1). */
export function requiresPath(items: readonly Item[]): boolean {
  const demanding: readonly unknown[] = ["update", "remove", "external_init", "group_context_extensions"];
  return items.length === 0 || items.some(({ proposal }) => demanding.includes(proposal.proposalType));
}

/** P6, P1, P2: what may not stand beside each other. */
export function checkCombination(items: readonly Item[], committer: number): void {
  const has = (type: string) => items.some(({ proposal }) => proposal.proposalType === type);
  if (items.length > 1 && has("reinit")) throw new Invalid("P6", "ReInit with others");
  if (has("external_init")) throw new Invalid("P6", "ExternalInit by a member");
  const touched: number[] = [];
  for (const { proposal, sender, byReference } of items) {
    if (proposal.proposalType === "update") {
      if (byReference && sender === committer) throw new Invalid("P1", "Update by the committer");
      touched.push(sender);
    } else if (proposal.proposalType === "remove") {
      if (proposal.remove.removed === committer) throw new Invalid("P1", "Remove of the committer");
      touched.push(proposal.remove.removed);
    }
  }
  if (new Set(touched).size !== touched.length) throw new Invalid("P2");
}

/** P8, P7, and the rules of what a proposal brings in; the client of an Add or Update. */
export async function checkProposal(
  env: Env,
  crypto: Crypto,
  before: Snapshot,
  item: Item,
  use: Use,
): Promise<Uint8Array | undefined> {
  const { proposal, sender, byReference } = item;
  const tree = before.state.ratchetTree;
  if (typeof proposal.proposalType === "number") throw new Invalid("P8");
  if (proposal.proposalType === "remove" && leafAt(tree, proposal.remove.removed) === undefined) {
    throw new Invalid("P7", "Remove of a blank leaf");
  }
  if (proposal.proposalType === "psk") throw new Invalid("P4", "unknown");
  if (proposal.proposalType === "add") return checkPackage(env, crypto, proposal.add.keyPackage, use);
  if (proposal.proposalType !== "update") return undefined;
  const replaced = leafAt(tree, sender);
  if (!byReference) throw new Invalid("P7", "Update by value");
  if (replaced === undefined) throw new Invalid("P7", "Update of a blank leaf");
  const leaf = proposal.update.leafNode as LeafNode;
  if (leaf.leafNodeSource !== "update") throw new Invalid("L5", "leaf source");
  if (equal(leaf.hpkePublicKey, replaced.hpkePublicKey)) throw new Invalid("L5", "encryption key not new");
  if (!(await imports(crypto, leaf.hpkePublicKey))) throw new Invalid("L5", "encryption key does not import");
  return checkReplacingLeaf(env, crypto, before, leaf, sender);
}

/** P5 and P10 on the members that stay. */
export function checkContextExtensions(
  items: readonly Item[],
  staying: RatchetTree,
  extensions: readonly RawExtension[],
): void {
  const lists = items.flatMap(({ proposal }) =>
    proposal.proposalType === "group_context_extensions" ? [proposal.groupContextExtensions.extensions] : [],
  );
  if (lists.length > 1) throw new Invalid("P5", "more than one");
  const members = leavesOf(staying).map(({ leaf }) => leaf);
  for (const list of lists) {
    if (hasDoubles(list)) throw new Invalid("P5", "type twice");
    if (!members.every((leaf) => supportsExtensions(leaf, list))) throw new Invalid("P5", "not supported by a member");
  }
  const required = requirements(extensions, "P10");
  if (members.some((leaf) => lacks(leaf, required))) throw new Invalid("P10");
}

/** P3: no client is added twice, or while it is still there once Removes are applied. */
export function checkAddedClients(added: readonly Uint8Array[], present: readonly Uint8Array[]): void {
  const names = [...added, ...present].map(nameOf);
  const distinct = new Set(added.map(nameOf)).size + new Set(present.map(nameOf)).size;
  if (new Set(added.map(nameOf)).size !== added.length || new Set(names).size !== distinct) throw new Invalid("P3");
}
