/** Welcomes: a group is joined only if everything in one fits (rules W, G, T and L, RFC 9420 12.4.3.1). */
import { joinGroupWithExtensions } from "ts-mls/clientState.js";
import {
  type GroupInfo,
  decodeGroupInfo,
  encodeGroupInfo,
  extractWelcomeSecret,
  verifyGroupInfoSignature,
} from "ts-mls/groupInfo.js";
import { decodeGroupSecrets, encodeGroupSecrets } from "ts-mls/groupSecrets.js";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { decodeVarLenData, varLenDataEncoder } from "ts-mls/codec/variableLength.js";
import { decryptWithLabel } from "ts-mls/crypto/hpke.js";
import { makeKeyPackageRef } from "ts-mls/keyPackage.js";
import { encodeLeafNode } from "ts-mls/leafNode.js";
import { emptyPskIndex } from "ts-mls/pskIndex.js";
import type { RatchetTree } from "ts-mls/ratchetTree.js";
import { type Welcome, welcomeKey, welcomeNonce } from "ts-mls/welcome.js";
import { equal } from "../../protocol/bytes.ts";
import { RATCHET_TREE, checkCounts, extensionNumber, fromRaw, nameOf, parseMessage, parseStrictly } from "./codec.ts";
import { Invalid, Unsupported } from "./errors.ts";
import { type Secrets, isLastResort, parseSecrets } from "./keypackages.ts";
import {
  authenticateLeaf,
  checkCapabilities,
  checkLeafExtensions,
  checkLeafSignature,
  checkUniqueLeafKeys,
  hasDoubles,
  imports,
  supportsExtensions,
} from "./rules/leaves.ts";
import {
  type Snapshot,
  configOf,
  identityOf,
  judgedName,
  judgedOnly,
  leafAt,
  leavesOf,
  prunedTree,
  withoutConfig,
} from "./snapshot.ts";
import { type Crypto, NO_KEY, checkLeafCount, cryptoOf, suiteName } from "./suites.ts";
import { checkPrivateKeys, checkTree, directPathOf, keptKeys, parseTree } from "./rules/trees.ts";
import { type Env, type Extension, type KeyPackage, LIMITS } from "./types.ts";

export interface JoinOptions {
  /** Ids of groups we are active in: a Welcome into one of them is refused (W3). */
  readonly knownGroups?: readonly Uint8Array[];
}

/** What came along with a Welcome. */
export interface JoinInfo {
  /** Of the GroupInfo, without the tree. */
  readonly extensions: readonly Extension[];
  /** Leaf index of the inviter. */
  readonly signer: number;
  /** Whether our KeyPackage may be used again. */
  readonly lastResort: boolean;
}

/** The group a Welcome invites us into. Throws Invalid W, G, T, L rules, DecodeError, SuiteDowngrade, TooManyLeaves. */
export async function joinByWelcome(
  env: Env,
  message: Uint8Array,
  keyPackage: KeyPackage,
  encodedSecrets: Uint8Array,
  { knownGroups = [] }: JoinOptions,
): Promise<{ readonly snapshot: Snapshot; readonly info: JoinInfo }> {
  const secrets = parseSecrets(encodedSecrets);
  const parsed = parseMessage(message);
  if (parsed.wireformat !== "mls_welcome") throw new Invalid("F1", "not a Welcome");
  const { welcome } = parsed;
  const crypto = await cryptoOf(suiteName(keyPackage.suite));
  const { pathSecret, info } = await openWelcome(crypto, welcome, keyPackage, secrets);
  checkGroupInfo(info, keyPackage, knownGroups);
  await checkExternalPub(crypto, info);
  const tree = treeOf(info);
  await checkTree(crypto, tree, info.groupContext.treeHash);
  await checkSigner(crypto, info, tree);
  checkLeafCount(crypto.name, leavesOf(tree).length);
  const clients = await checkLeaves(env, crypto, tree, info);
  const ownLeaf = findOwnLeaf(tree, keyPackage);
  if (pathSecret && ownLeaf === info.signer) throw new Invalid("W5", "signer is our leaf");
  const snapshot = await enter(crypto, { welcome, keyPackage, secrets, tree, clients });
  await checkPrivateKeys(crypto, tree, snapshot.state.privatePath);
  checkKeysAbove(snapshot);
  const extensions = fromRaw(info.extensions).filter(({ type }) => type !== RATCHET_TREE);
  return { snapshot, info: { extensions, signer: info.signer, lastResort: isLastResort(keyPackage.raw) } };
}

/** W1, W2: the entry for our KeyPackage, the group secrets in it and the GroupInfo they open. */
async function openWelcome(
  crypto: Crypto,
  welcome: Welcome,
  keyPackage: KeyPackage,
  secrets: Secrets,
): Promise<{ readonly pathSecret: boolean; readonly info: GroupInfo }> {
  if (welcome.cipherSuite !== keyPackage.raw.cipherSuite) throw new Invalid("W1", "suite");
  const reference = await makeKeyPackageRef(keyPackage.raw, crypto.hash);
  const entry = welcome.secrets.find(({ newMember }) => equal(newMember, reference));
  if (entry === undefined) throw new Invalid("W1", "no entry for this KeyPackage");
  const { kemOutput, ciphertext } = entry.encryptedGroupSecrets;
  const plain = await attempt("W2", async () => {
    const key = await crypto.hpke.importPrivateKey(secrets.initKey);
    return decryptWithLabel(key, "Welcome", welcome.encryptedGroupInfo, kemOutput, ciphertext, crypto.hpke);
  });
  const groupSecrets = await attempt("W2", () => parseStrictly(decodeGroupSecrets, encodeGroupSecrets, plain));
  if (groupSecrets.psks.length > 0) throw new Invalid("W2", "PSK");
  const secret = await extractWelcomeSecret(groupSecrets.joinerSecret, new Uint8Array(crypto.kdf.size), crypto.kdf);
  const encoded = await attempt("W2", async () =>
    crypto.hpke.decryptAead(
      await welcomeKey(secret, crypto),
      await welcomeNonce(secret, crypto),
      new Uint8Array(),
      welcome.encryptedGroupInfo,
    ),
  );
  const info = parseStrictly(decodeGroupInfo, encodeGroupInfo, encoded);
  checkCounts(LIMITS.extensions, info.extensions, info.groupContext.extensions);
  return { pathSecret: groupSecrets.pathSecret !== undefined, info };
}

async function attempt<T>(rule: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (problem) {
    throw problem instanceof Invalid ? problem : new Invalid(rule);
  }
}

/** W1, W3, G2. */
function checkGroupInfo(info: GroupInfo, keyPackage: KeyPackage, knownGroups: readonly Uint8Array[]): void {
  const { groupContext, extensions } = info;
  if (groupContext.version !== "mls10") throw new Unsupported("version");
  if (groupContext.cipherSuite !== keyPackage.raw.cipherSuite) throw new Invalid("W1", "suite of the GroupInfo");
  if (knownGroups.some((known) => equal(known, groupContext.groupId))) throw new Invalid("W3");
  if (hasDoubles(groupContext.extensions) || hasDoubles(extensions)) throw new Invalid("G2", "type twice");
  if (!supportsExtensions(keyPackage.raw.leafNode, groupContext.extensions)) throw new Invalid("G2", "not supported");
}

/** G2: an external_pub is length-prefixed (ts-mls itself writes it bare) and imports. */
async function checkExternalPub(crypto: Crypto, { extensions }: GroupInfo): Promise<void> {
  const found = extensions.find(({ extensionType }) => extensionType === "external_pub");
  if (found === undefined) return;
  const key = await attempt("G2", () =>
    parseStrictly(decodeVarLenData, encode(varLenDataEncoder), found.extensionData),
  );
  if (!(await imports(crypto, key))) throw new Invalid("G2", "external_pub");
}

function treeOf({ extensions }: GroupInfo): RatchetTree {
  const found = extensions.find(({ extensionType }) => extensionNumber(extensionType) === RATCHET_TREE);
  if (found === undefined) throw new Invalid("T2", "no ratchet tree");
  return parseTree(found.extensionData);
}

/** G1: a member of the tree signed the GroupInfo. */
async function checkSigner(crypto: Crypto, info: GroupInfo, tree: RatchetTree): Promise<void> {
  const signer = leafAt(tree, info.signer);
  if (signer === undefined) throw new Invalid("G1", "signer is blank");
  const valid = await verifyGroupInfoSignature(info, signer.signaturePublicKey, crypto.signature);
  if (!valid) throw new Invalid("G1", "signature");
}

/** W4: every leaf passes the L rules; client ids by leaf index. */
async function checkLeaves(
  env: Env,
  crypto: Crypto,
  tree: RatchetTree,
  info: GroupInfo,
): Promise<(Uint8Array | undefined)[]> {
  const { groupId, extensions } = info.groupContext;
  const members = leavesOf(tree);
  const clients: (Uint8Array | undefined)[] = [];
  try {
    for (const { index, leaf } of members) {
      await checkLeafSignature(crypto, leaf, groupId, index);
      checkLeafExtensions(leaf);
      clients[index] = await authenticateLeaf(env, leaf, "tree");
    }
    checkCapabilities(
      tree,
      members.map(({ index }) => index),
      extensions,
    );
    checkUniqueLeafKeys(tree);
  } catch (problem) {
    throw problem instanceof Invalid ? new Invalid("W4", problem.rule) : problem;
  }
  const names = clients.flatMap((client) => (client === undefined ? [] : [nameOf(client)]));
  if (new Set(names).size !== names.length) throw new Invalid("W4", "two leaves of one client");
  return Array.from({ length: clients.length }, (_, leaf) => clients[leaf]);
}

/** W5: exactly one leaf is identical to our KeyPackage's. */
function findOwnLeaf(tree: RatchetTree, { raw }: KeyPackage): number {
  const own = encodeLeafNode(raw.leafNode);
  const places = leavesOf(tree).filter(({ leaf }) => equal(encodeLeafNode(leaf), own));
  const [place] = places;
  if (place === undefined || places.length > 1) throw new Invalid("W5", "own leaf");
  return place.index;
}

interface Entering {
  readonly welcome: Welcome;
  readonly keyPackage: KeyPackage;
  readonly secrets: Secrets;
  readonly tree: RatchetTree;
  readonly clients: readonly (Uint8Array | undefined)[];
}

/** The first epoch as ts-mls computes it: W6. */
async function enter(crypto: Crypto, { welcome, keyPackage, secrets, tree, clients }: Entering): Promise<Snapshot> {
  const judged = new Set(leavesOf(tree).map(({ leaf }) => judgedName(identityOf(leaf), leaf.signaturePublicKey)));
  const privatePackage = {
    initPrivateKey: secrets.initKey,
    hpkePrivateKey: secrets.encryptionKey,
    signaturePrivateKey: NO_KEY,
  };
  try {
    const [joined] = await joinGroupWithExtensions(
      welcome,
      keyPackage.raw,
      privatePackage,
      emptyPskIndex,
      crypto,
      undefined,
      undefined,
      configOf(judgedOnly(judged)),
    );
    const state = withoutConfig(joined);
    const privatePath = keptKeys(state.ratchetTree, state.privatePath);
    return { state: { ...state, privatePath, secretTree: prunedTree(state.secretTree) }, clients, endedAt: new Map() };
  } catch (problem) {
    const message = problem instanceof Error ? problem.message : "";
    throw new Invalid(message.includes("confirmation tag") ? "W6" : "W5", message);
  }
}

/** W5: we hold the key of every node above us that does not list us as unmerged, or others' paths would miss us. */
function checkKeysAbove({ state: { ratchetTree, privatePath } }: Snapshot): void {
  const { leafIndex, privateKeys } = privatePath;
  for (const index of directPathOf(ratchetTree, leafIndex)) {
    const node = ratchetTree[index];
    const unmerged: readonly number[] = node?.nodeType === "parent" ? node.parent.unmergedLeaves : [];
    if (node !== undefined && !unmerged.includes(leafIndex) && privateKeys[index] === undefined) {
      throw new Invalid("W5", "no path secret for a node above us");
    }
  }
}
