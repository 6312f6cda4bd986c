/** Rules T1 to T5 on a received ratchet tree, C3, C4, C6 on a received path, and private keys that fit their nodes. */
import { decodeOptional, optionalEncoder } from "ts-mls/codec/optional.js";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { decodeVarLenType, varLenTypeEncoder } from "ts-mls/codec/variableLength.js";
import { applyUpdatePathSecret } from "ts-mls/createCommit.js";
import { deriveSecret } from "ts-mls/crypto/kdf.js";
import type { GroupContext } from "ts-mls/groupContext.js";
import { verifyParentHashes } from "ts-mls/parentHash.js";
import { pathToRoot } from "ts-mls/pathSecrets.js";
import type { PrivateKeyPath } from "ts-mls/privateKeyPath.js";
import {
  type Node,
  type RatchetTree,
  decodeNode,
  extendRatchetTree,
  filteredDirectPathAndCopathResolution,
  getHpkePublicKey,
  nodeEncoder,
} from "ts-mls/ratchetTree.js";
import { treeHashRoot } from "ts-mls/treeHash.js";
import { directPath, leafToNodeIndex, leafWidth, toLeafIndex, toNodeIndex } from "ts-mls/treemath.js";
import { type UpdatePath, applyUpdatePath } from "ts-mls/updatePath.js";
import { equal } from "../../../protocol/bytes.ts";
import { checkCounts, checkLeafCounts, nameOf, parseStrictly } from "../codec.ts";
import { Invalid, TooManyLeaves } from "../errors.ts";
import { leafAt } from "../snapshot.ts";
import type { Crypto } from "../suites.ts";
import { LIMITS } from "../types.ts";

/** The tree of these bytes. Throws TooManyLeaves, before it reads what is too much; DecodeError, Invalid T1. */
export function parseTree(data: Uint8Array): RatchetTree {
  let count = 0;
  const isTooWide = (): void => {
    if (count > LIMITS.treeNodes) throw new TooManyLeaves("engine limit");
  };
  const decodeCounted = decodeVarLenType<Node | undefined>((bytes, offset) => {
    count += 1;
    isTooWide();
    return decodeSome(bytes, offset);
  });
  const nodes = parseStrictly(decodeCounted, encodeNodes, data, isTooWide);
  if (nodes.at(-1) === undefined) throw new Invalid("T1", "last node blank");
  for (const [index, node] of nodes.entries()) {
    if (node !== undefined && (node.nodeType === "leaf") !== (index % 2 === 0)) throw new Invalid("T1", "wrong kind");
    if (node?.nodeType === "leaf") checkLeafCounts(node.leaf);
    if (node?.nodeType === "parent") checkCounts(LIMITS.treeNodes, node.parent.unmergedLeaves);
  }
  return extendRatchetTree(nodes);
}

/** The nodes as they came: ts-mls' own decoder extends the tree at once and fails where its last node is blank. */
const decodeSome = decodeOptional(decodeNode);
const encodeNodes = encode(varLenTypeEncoder(optionalEncoder(nodeEncoder)));

/** T2, T4, T5, T3 on a whole tree; T4 comes before T3, which walks along unmerged leaves. */
export async function checkTree(crypto: Crypto, tree: RatchetTree, treeHash: Uint8Array): Promise<void> {
  if (!equal(treeHash, await treeHashRoot(tree, crypto.hash))) throw new Invalid("T2", "tree hash");
  checkUnmergedLeaves(tree);
  checkUniqueKeys(tree);
  if (!(await verifyParentHashes(tree, crypto.hash))) throw new Invalid("T3", "parent hash");
}

/** T5: no two nodes share an encryption key. */
export function checkUniqueKeys(tree: RatchetTree): void {
  const keys = occupied(tree).map((node) => nameOf(getHpkePublicKey(node)));
  if (new Set(keys).size !== keys.length) throw new Invalid("T5", "encryption key");
}

function occupied(tree: RatchetTree): Node[] {
  return tree.filter((node): node is Node => node !== undefined);
}

/** T4: unmerged leaves are sorted, once, non-blank descendants, and listed in every node between. */
function checkUnmergedLeaves(tree: RatchetTree): void {
  for (const [index, node] of tree.entries()) {
    if (node?.nodeType !== "parent") continue;
    const { unmergedLeaves } = node.parent;
    if (unmergedLeaves.some((leaf, at) => at > 0 && leaf <= (unmergedLeaves[at - 1] ?? 0)))
      throw new Invalid("T4", "order");
    for (const leaf of unmergedLeaves) checkUnmerged(tree, index, leaf);
  }
}

function checkUnmerged(tree: RatchetTree, parent: number, leaf: number): void {
  const above: readonly number[] = leafAt(tree, leaf) === undefined ? [] : directPathOf(tree, leaf);
  if (!above.includes(parent)) throw new Invalid("T4", "unmerged leaf");
  for (const between of above.slice(0, above.indexOf(parent))) {
    const node = tree[between];
    if (node?.nodeType === "parent" && !(node.parent.unmergedLeaves as number[]).includes(leaf))
      throw new Invalid("T4", "gap");
  }
}

/** Indices of the nodes above a leaf, up to the root. */
export function directPathOf(tree: RatchetTree, leaf: number): number[] {
  return directPath(leafToNodeIndex(toLeafIndex(leaf)), leafWidth(tree.length));
}

/**
 * The tree with a received path in it. tree: with the proposals applied. added: leaf indices added by this Commit.
 * Throws Invalid C4, C3, C6.
 */
export async function mergePath(
  crypto: Crypto,
  tree: RatchetTree,
  committer: number,
  path: UpdatePath,
  added: readonly number[],
): Promise<RatchetTree> {
  const filtered = filteredDirectPathAndCopathResolution(toLeafIndex(committer), tree);
  if (filtered.length !== path.nodes.length) throw new Invalid("C4", "path length");
  for (const [at, { resolution }] of filtered.entries()) {
    const targets = resolution.filter((node) => !added.includes(node / 2));
    if (path.nodes[at]?.encryptedPathSecret.length !== targets.length) throw new Invalid("C4", "number of ciphertexts");
  }
  await checkNewKeys(crypto, tree, [path.leafNode.hpkePublicKey, ...path.nodes.map((node) => node.hpkePublicKey)]);
  try {
    return await applyUpdatePath(tree, toLeafIndex(committer), path, crypto.hash);
  } catch {
    throw new Invalid("C6", "parent hash of the committer's leaf");
  }
}

/** C3: the path's keys import, differ from each other and from every key of the tree, replaced ones included. */
async function checkNewKeys(crypto: Crypto, tree: RatchetTree, keys: readonly Uint8Array[]): Promise<void> {
  const fresh = new Set(keys.map(nameOf));
  const inUse = occupied(tree).some((node) => fresh.has(nameOf(getHpkePublicKey(node))));
  if (fresh.size !== keys.length || inUse) throw new Invalid("C3", "encryption key of the path is in use");
  for (const key of keys) {
    try {
      await crypto.hpke.seal(await crypto.hpke.importPublicKey(key), new Uint8Array(), new Uint8Array());
    } catch {
      throw new Invalid("C3", "encryption key of the path");
    }
  }
}

/** A received path and where it leads. context: of the next epoch, before its transcript hash is known. */
interface Received {
  readonly committer: number;
  readonly path: UpdatePath;
  readonly added: readonly number[];
  readonly context: GroupContext;
}

/** C5: our path secret opens and yields the path's public keys. tree: from `mergePath`. ts-mls does not compare them. */
export async function checkPathSecret(
  crypto: Crypto,
  tree: RatchetTree,
  own: PrivateKeyPath,
  { committer, path, added, context }: Received,
): Promise<void> {
  const excluded = added.map((leaf) => leafToNodeIndex(toLeafIndex(leaf)));
  const opened = await applyUpdatePathSecret(tree, own, toLeafIndex(committer), context, path, excluded, crypto).catch(
    () => {
      throw new Invalid("C5", "path secret");
    },
  );
  if (opened.pathSecret.length !== crypto.kdf.size) throw new Invalid("C5", "length of the path secret");
  const secrets = await pathToRoot(tree, toNodeIndex(opened.nodeIndex), opened.pathSecret, crypto.kdf);
  for (const [index, secret] of Object.entries(secrets)) {
    const node = tree[Number(index)];
    const { publicKey } = await crypto.hpke.deriveKeyPair(await deriveSecret(secret, "node", crypto.kdf));
    const fits = node !== undefined && equal(await crypto.hpke.exportPublicKey(publicKey), getHpkePublicKey(node));
    if (!fits) throw new Invalid("C5", "public key of the path secret");
  }
}

/** Our private keys without those of blanked nodes, which ts-mls keeps and might try first (mls.md 7.3). */
export function keptKeys(tree: RatchetTree, path: PrivateKeyPath): PrivateKeyPath {
  const above = directPathOf(tree, path.leafIndex);
  const kept = Object.entries(path.privateKeys).filter(([index]) => {
    const node = Number(index);
    return node === 2 * path.leafIndex || (above.includes(node) && tree[node] !== undefined);
  });
  return { leafIndex: path.leafIndex, privateKeys: Object.fromEntries(kept) };
}

/** W5: each private key opens what is sealed to its node. */
export async function checkPrivateKeys(crypto: Crypto, tree: RatchetTree, path: PrivateKeyPath): Promise<void> {
  for (const [index, key] of Object.entries(path.privateKeys)) {
    const node = tree[Number(index)];
    if (node === undefined) continue;
    if (!(await fits(crypto, getHpkePublicKey(node), key))) throw new Invalid("W5", "public key of the path secret");
  }
}

async function fits(crypto: Crypto, publicKey: Uint8Array, privateKey: Uint8Array): Promise<boolean> {
  const nothing = new Uint8Array();
  try {
    const sealed = await crypto.hpke.seal(await crypto.hpke.importPublicKey(publicKey), nothing, nothing);
    await crypto.hpke.open(await crypto.hpke.importPrivateKey(privateKey), sealed.enc, sealed.ct, nothing);
    return true;
  } catch {
    return false;
  }
}
