/** Taking a foreign Commit: verified to the end before anything changes; the caller applies or drops it. */
import type { Commit } from "ts-mls/commit.js";
import type { LeafNode } from "ts-mls/leafNode.js";
import { processPrivateMessage } from "ts-mls/processMessages.js";
import { emptyPskIndex } from "ts-mls/pskIndex.js";
import type { RatchetTree } from "ts-mls/ratchetTree.js";
import { treeHashRoot } from "ts-mls/treeHash.js";
import { equal } from "../../protocol/bytes.ts";
import { type Changes, applyProposals } from "./rules/changes.ts";
import { Invalid } from "./errors.ts";
import { follow, removedSnapshot } from "./following.ts";
import type { Opened } from "./opening.ts";
import { checkCapabilities, checkReplacingLeaf, checkUniqueLeafKeys } from "./rules/leaves.ts";
import { requiresPath, resolveProposals } from "./rules/proposals.ts";
import {
  type Snapshot,
  configOf,
  identityOf,
  judgedName,
  judgedOnly,
  leafAt,
  memberOf,
  ownLeafOf,
  withConfig,
  withoutConfig,
} from "./snapshot.ts";
import type { Crypto } from "./suites.ts";
import { checkPathSecret, keptKeys, mergePath } from "./rules/trees.ts";
import type { Env, MemberLeaf } from "./types.ts";
import type { Outcome } from "./view.ts";

const LAST_EPOCH = (1n << 64n) - 1n;

/** The verified outcome of a Commit whose framing and signature were checked. Throws Invalid, TooManyLeaves. */
export async function verifyCommit(
  env: Env,
  crypto: Crypto,
  before: Snapshot,
  opened: Opened,
  commit: Commit,
): Promise<Outcome> {
  const committer = opened.sender.leafIndex;
  if (before.state.groupContext.epoch >= LAST_EPOCH) throw new Invalid("C7", "no epoch after this one");
  const items = resolveProposals(before, commit, committer);
  if (commit.path === undefined && requiresPath(items)) throw new Invalid("C1");
  const changes = await applyProposals(env, crypto, before, items, { committer, use: "receive" });
  const tree = await treeWithPath(env, crypto, before, commit, { committer, changes });
  const ousted = changes.removed.some(({ leaf }) => leaf === ownLeafOf(before));
  const following = ousted
    ? removedSnapshot(before, tree, changes.extensions, changes.clients)
    : await reach(env, crypto, before, opened, { commit, changes, tree });
  return {
    message: undefined,
    welcome: undefined,
    following: following,
    committer,
    aad: opened.message.authenticatedData,
    added: changes.added.map((leaf) => addedMember(tree, changes, leaf)),
    removed: changes.removed,
    own: false,
    consumed: ousted ? [] : [...opened.consumed, before.state.keySchedule.initSecret],
  };
}

function addedMember(tree: RatchetTree, { clients }: Changes, leaf: number): MemberLeaf {
  const node = leafAt(tree, leaf);
  if (node === undefined) throw new Invalid("P7", "blank leaf");
  return memberOf(leaf, node, clients[leaf] ?? new Uint8Array());
}

interface Judged {
  readonly committer: number;
  readonly changes: Changes;
}

/** The tree the Commit leads to: C2, L5, L1, L2, L4, L7, C4, C3, C6, L3, L6. */
async function treeWithPath(
  env: Env,
  crypto: Crypto,
  before: Snapshot,
  { path }: Commit,
  { committer, changes }: Judged,
): Promise<RatchetTree> {
  if (path === undefined) return changes.tree;
  const leaf = path.leafNode as LeafNode;
  if (leaf.leafNodeSource !== "commit") throw new Invalid("C2", "leaf source");
  const replaced = leafAt(before.state.ratchetTree, committer);
  if (replaced !== undefined && equal(replaced.hpkePublicKey, leaf.hpkePublicKey))
    throw new Invalid("L5", "key not new");
  await checkReplacingLeaf(env, crypto, before, leaf, committer);
  const tree = await mergePath(crypto, changes.tree, committer, path, changes.added);
  checkCapabilities(tree, [committer], changes.extensions);
  checkUniqueLeafKeys(tree);
  return tree;
}

/** The next epoch as ts-mls computes it, with its path secret and confirmation tag verified: C5, C7. */
async function reach(
  env: Env,
  crypto: Crypto,
  before: Snapshot,
  opened: Opened,
  { commit, changes, tree }: { readonly commit: Commit; readonly changes: Changes; readonly tree: RatchetTree },
): Promise<Snapshot> {
  const judged = new Set(changes.judged);
  const leaf = commit.path?.leafNode as LeafNode | undefined;
  if (leaf !== undefined) judged.add(judgedName(identityOf(leaf), leaf.signaturePublicKey));
  // Keys of nodes that this Commit blanks must not be tried.
  const state = { ...before.state, privatePath: keptKeys(changes.tree, before.state.privatePath) };
  if (commit.path !== undefined) {
    const { groupContext } = state;
    const epoch = groupContext.epoch + 1n;
    const treeHash = await treeHashRoot(tree, crypto.hash);
    await checkPathSecret(crypto, tree, state.privatePath, {
      committer: opened.sender.leafIndex,
      path: commit.path,
      added: changes.added,
      context: { ...groupContext, epoch, treeHash, extensions: [...changes.extensions] },
    });
  }
  const config = configOf(judgedOnly(judged));
  const result = await processPrivateMessage(
    withConfig(state, config),
    opened.message,
    emptyPskIndex,
    crypto,
    () => "accept",
  ).catch(explain);
  if (result.kind !== "newState") throw new Invalid("F8");
  const next = withoutConfig(result.newState);
  return follow(before, next, { clients: changes.clients, drops: changes.removed.length > 0, now: env.now });
}

/** After our own rules only two things are left for ts-mls to find wrong. */
function explain(problem: unknown): never {
  const message = problem instanceof Error ? problem.message : "";
  throw new Invalid(message.includes("confirmation tag") ? "C7" : "C5", message);
}
