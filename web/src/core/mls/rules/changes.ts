/** What the proposals of one Commit change, judged before ts-mls sees them (rules K, L, P). */
import type { Extension as RawExtension } from "ts-mls/extension.js";
import type { LeafNode } from "ts-mls/leafNode.js";
import { type RatchetTree, addLeafNode, removeLeafNode, updateLeafNode } from "ts-mls/ratchetTree.js";
import { toLeafIndex } from "ts-mls/treemath.js";
import { Invalid } from "../errors.ts";
import { checkCapabilities, checkUniqueLeafKeys } from "./leaves.ts";
import { type Item, checkAddedClients, checkCombination, checkContextExtensions, checkProposal } from "./proposals.ts";
import { type Snapshot, identityOf, judgedName, leafAt, leavesOf, memberOf } from "../snapshot.ts";
import { type Crypto, checkLeafCount } from "../suites.ts";
import type { Env, MemberLeaf, Use } from "../types.ts";

export interface Changes {
  /** The tree with Updates, Removes and Adds applied, before the path. */
  readonly tree: RatchetTree;
  /** Client id by leaf index of that tree. */
  readonly clients: readonly (Uint8Array | undefined)[];
  /** Extensions of the GroupContext that holds then. */
  readonly extensions: readonly RawExtension[];
  /** Leaf indices of the Adds, in their order. */
  readonly added: readonly number[];
  readonly removed: readonly MemberLeaf[];
  /** (identity, key) pairs that were authenticated: what ts-mls may accept. */
  readonly judged: ReadonlySet<string>;
  readonly reinit: boolean;
}

/** Throws TooManyLeaves, or Invalid for the first broken rule of K, L, P. */
export async function applyProposals(
  env: Env,
  crypto: Crypto,
  before: Snapshot,
  items: readonly Item[],
  { committer, use }: { readonly committer: number; readonly use: Use },
): Promise<Changes> {
  checkCombination(items, committer);
  const judged = new Set<string>();
  const added: { readonly leaf: LeafNode; readonly client: Uint8Array }[] = [];
  for (const item of items) {
    const client = await checkProposal(env, crypto, before, item, use);
    const leaf = broughtIn(item);
    if (leaf === undefined || client === undefined) continue;
    judged.add(judgedName(identityOf(leaf), leaf.signaturePublicKey));
    if (item.proposal.proposalType === "add") added.push({ leaf, client });
  }
  const removed = removedLeaves(items);
  const staying = withoutChanged(before, items, removed);
  const extensions = newExtensions(before, items);
  checkContextExtensions(items, staying, extensions);
  const clients = before.clients.map((client, leaf) => (removed.includes(leaf) ? undefined : client));
  checkAddedClients(
    added.map(({ client }) => client),
    clients.filter((client): client is Uint8Array => client !== undefined),
  );
  checkLeafCount(crypto.name, leavesOf(staying).length + added.length);
  const [tree, places] = withAdded(staying, clients, added);
  const updated = items.flatMap(({ proposal, sender }) => (proposal.proposalType === "update" ? [sender] : []));
  checkCapabilities(tree, [...places, ...updated], extensions);
  checkUniqueLeafKeys(tree);
  return {
    tree,
    clients,
    extensions,
    added: places,
    removed: removed.map((leaf) => memberAt(before, leaf)),
    judged,
    reinit: items.some(({ proposal }) => proposal.proposalType === "reinit"),
  };
}

/** The leaf positions that many Adds take once those leaves are removed. Throws Invalid P7. */
export function planLeaves({ state }: Snapshot, adds: number, removed: readonly number[]): number[] {
  let tree = state.ratchetTree;
  for (const leaf of removed) {
    if (leafAt(tree, leaf) === undefined) throw new Invalid("P7", "Remove of a blank leaf");
    tree = removeLeafNode(tree, toLeafIndex(leaf));
  }
  const free: number[] = [];
  for (let leaf = 0; free.length < adds; leaf++) {
    if (leafAt(tree, leaf) === undefined) free.push(leaf);
  }
  return free;
}

export function memberAt({ state, clients }: Snapshot, leaf: number): MemberLeaf {
  const found = leafAt(state.ratchetTree, leaf);
  if (found === undefined) throw new Invalid("P7", "blank leaf");
  return memberOf(leaf, found, clients[leaf] ?? new Uint8Array());
}

function broughtIn({ proposal }: Item): LeafNode | undefined {
  if (proposal.proposalType === "add") return proposal.add.keyPackage.leafNode;
  return proposal.proposalType === "update" ? proposal.update.leafNode : undefined;
}

function removedLeaves(items: readonly Item[]): number[] {
  const leaves = items.flatMap(({ proposal }) => (proposal.proposalType === "remove" ? [proposal.remove.removed] : []));
  return leaves.sort((a, b) => a - b);
}

function newExtensions({ state }: Snapshot, items: readonly Item[]): readonly RawExtension[] {
  for (const { proposal } of items) {
    if (proposal.proposalType === "group_context_extensions") return proposal.groupContextExtensions.extensions;
  }
  return state.groupContext.extensions;
}

function withoutChanged({ state }: Snapshot, items: readonly Item[], removed: readonly number[]): RatchetTree {
  let tree = state.ratchetTree;
  for (const { proposal, sender } of items) {
    if (proposal.proposalType === "update") tree = updateLeafNode(tree, proposal.update.leafNode, toLeafIndex(sender));
  }
  for (const leaf of removed) tree = removeLeafNode(tree, toLeafIndex(leaf));
  return tree;
}

/** The tree with these leaves added; their clients are written into `clients`. */
function withAdded(
  staying: RatchetTree,
  clients: (Uint8Array | undefined)[],
  added: readonly { readonly leaf: LeafNode; readonly client: Uint8Array }[],
): [RatchetTree, number[]] {
  let tree = staying;
  const places: number[] = [];
  for (const { leaf, client } of added) {
    const [grown, node] = addLeafNode(tree, leaf);
    tree = grown;
    places.push(node / 2);
    clients[node / 2] = client;
  }
  return [tree, places];
}
