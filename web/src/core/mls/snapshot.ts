/** One group as a value: ts-mls' state, the clients behind its leaves, and when its past epochs ended. */
import type { ClientConfig } from "ts-mls/clientConfig.js";
import type { ClientState, GroupState } from "ts-mls/clientState.js";
import type { LeafNode } from "ts-mls/leafNode.js";
import type { RatchetTree } from "ts-mls/ratchetTree.js";
import type { SecretTree, SecretTreeNode } from "ts-mls/secretTree.js";
import { DecodeError, Removed, Suspended } from "./errors.ts";
import { LIMITS, type MemberLeaf } from "./types.ts";

export interface Snapshot {
  readonly state: GroupState;
  /** Client id by leaf index, undefined where the leaf is blank. */
  readonly clients: readonly (Uint8Array | undefined)[];
  /** Unix seconds at which each epoch of `historicalReceiverData` ended. */
  readonly endedAt: ReadonlyMap<bigint, number>;
}

/** A leaf by leaf index, undefined where it is blank or outside of the tree. */
export function leafAt(tree: RatchetTree, leaf: number): LeafNode | undefined {
  const node = Number.isInteger(leaf) && leaf >= 0 ? tree[2 * leaf] : undefined;
  return node?.nodeType === "leaf" ? node.leaf : undefined;
}

/** Members in leaf order. */
export function leavesOf(tree: RatchetTree): { readonly index: number; readonly leaf: LeafNode }[] {
  const found: { index: number; leaf: LeafNode }[] = [];
  for (const [at, node] of tree.entries()) {
    if (node?.nodeType === "leaf" && at % 2 === 0) found.push({ index: at / 2, leaf: node.leaf });
  }
  return found;
}

/** Identity of a basic credential; empty bytes for any other kind, which no Authentication Service of ours accepts. */
export function identityOf({ credential }: Pick<LeafNode, "credential">): Uint8Array {
  return credential.credentialType === "basic" ? credential.identity : new Uint8Array();
}

export function memberOf(leaf: number, node: LeafNode, client: Uint8Array): MemberLeaf {
  return { leaf, client, credential: identityOf(node), signatureKey: node.signaturePublicKey };
}

export function membersOf({ state, clients }: Snapshot): MemberLeaf[] {
  return leavesOf(state.ratchetTree).map(({ index, leaf }) =>
    memberOf(index, leaf, clients[index] ?? new Uint8Array()),
  );
}

export function ownLeafOf({ state }: Snapshot): number {
  return state.privatePath.leafIndex;
}

export function epochOf({ state }: Snapshot): number {
  const epoch = Number(state.groupContext.epoch);
  if (!Number.isSafeInteger(epoch)) throw new DecodeError("epoch");
  return epoch;
}

export function checkHere({ state }: Snapshot): void {
  if (state.groupActiveState.kind === "removedFromGroup") throw new Removed("own leaf");
}

export function checkActive(snapshot: Snapshot): void {
  checkHere(snapshot);
  if (snapshot.state.groupActiveState.kind === "suspendedPendingReinit") throw new Suspended("ReInit");
}

/** ts-mls' configuration: nothing is left to its defaults (mls.md 9). */
export function configOf(authService: ClientConfig["authService"], padTo = 0): ClientConfig {
  return {
    keyRetentionConfig: {
      retainKeysForGenerations: LIMITS.skipped,
      retainKeysForEpochs: LIMITS.pastEpochs,
      maximumForwardRatchetSteps: LIMITS.forward,
    },
    lifetimeConfig: { maximumTotalLifetime: BigInt(LIMITS.maxLifetimeS), validateLifetimeOnReceive: false },
    // Clients are compared by what `authenticate` says, before and after ts-mls runs (rule P3).
    keyPackageEqualityConfig: { compareKeyPackages: () => false, compareKeyPackageToLeafNode: () => false },
    paddingConfig: { kind: "padUntilLength", padUntilLength: padTo },
    authService,
  };
}

/** Every credential was judged by our own rules before ts-mls asks: what was not, is refused. */
export function judgedOnly(judged: ReadonlySet<string>): ClientConfig["authService"] {
  return {
    validateCredential: (credential, key) => Promise.resolve(judged.has(judgedName(identityOf({ credential }), key))),
  };
}

export function judgedName(identity: Uint8Array, signatureKey: Uint8Array): string {
  return `${String.fromCharCode(...signatureKey)}|${Array.from(identity, (byte) => String.fromCharCode(byte)).join("")}`;
}

export function withConfig(state: GroupState, config: ClientConfig): ClientState {
  return { ...state, clientConfig: config };
}

/** The state without ts-mls' configuration, which belongs to one call. */
export function withoutConfig({ clientConfig: _config, ...state }: ClientState): GroupState {
  return state;
}

const EMPTY = { secret: new Uint8Array(), generation: 0, unusedGenerations: {} };
const EMPTY_NODE: SecretTreeNode = { handshake: EMPTY, application: EMPTY };

/** ts-mls derives ratchets for parent nodes too; nobody may use them. */
export function prunedTree(tree: SecretTree): SecretTree {
  return tree.map((node, at) => (at % 2 === 0 ? node : EMPTY_NODE));
}

/** A past epoch only receives application messages: our own ratchets and all handshake ratchets go (mls.md 7.4). */
export function endedTree(tree: SecretTree, ownLeaf: number): SecretTree {
  return tree.map((node, at) => (at % 2 === 1 || at === 2 * ownLeaf ? EMPTY_NODE : { ...node, handshake: EMPTY }));
}

/** A tree of which only the leaves are kept: enough to check signatures of a past epoch. */
export function leavesOnly(tree: RatchetTree): RatchetTree {
  return tree.map((node) => (node?.nodeType === "leaf" ? node : undefined));
}
