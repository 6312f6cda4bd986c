/**
 * Rules P1 to P10 and C1: which proposals may stand in one Commit (RFC 9420 12.1 to 12.4).
 *
 * ts-mls checks some of them, under no name and partly too late; these run first, in the order of zajil.mls, so that
 * browsers and Python refuse the same messages for the same reason.
 */
import type { Commit } from "ts-mls/commit.js";
import { type Extension as RawExtension } from "ts-mls/extension.js";
import type { LeafNode } from "ts-mls/leafNode.js";
import type { Proposal as RawProposal } from "ts-mls/proposal.js";
import type { RatchetTree } from "ts-mls/ratchetTree.js";
import { bytesToBase64 } from "ts-mls/util/byteArray.js";
import { equal } from "../../../protocol/bytes.ts";
import { nameOf } from "../codec.ts";
import { Invalid } from "../errors.ts";
import { type Snapshot, leafAt, leavesOf } from "../snapshot.ts";
import type { Crypto } from "../suites.ts";
import type { Env, Use } from "../types.ts";
import {
  checkPackage,
  checkReplacingLeaf,
  hasDoubles,
  imports,
  lacks,
  requirements,
  supportsExtensions,
} from "./leaves.ts";

/** A proposal of a Commit. sender: leaf index of who proposed it. byReference: sent before the Commit. */
export interface Item {
  readonly proposal: RawProposal;
  readonly sender: number;
  readonly byReference: boolean;
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
