/** Making a Commit: our rules first, then ts-mls, then our rules on what it made (mls.md 9). */
import { createCommit } from "ts-mls/createCommit.js";
import type { Proposal as RawProposal } from "ts-mls/proposal.js";
import { emptyPskIndex } from "ts-mls/pskIndex.js";
import { consumeRatchet } from "ts-mls/secretTree.js";
import type { UnappliedProposals } from "ts-mls/unappliedProposals.js";
import { type Changes, applyProposals, memberAt } from "./rules/changes.ts";
import { encodeMessage, toRaw } from "./codec.ts";
import { GenerationLimit, Invalid, MlsError, WrongState } from "./errors.ts";
import { follow } from "./following.ts";
import { checkCapabilities, checkUniqueLeafKeys } from "./rules/leaves.ts";
import { type Item } from "./rules/proposals.ts";
import { type Snapshot, configOf, judgedOnly, ownLeafOf, withConfig, withoutConfig } from "./snapshot.ts";
import { type Crypto, cryptoWith } from "./suites.ts";
import { checkUniqueKeys } from "./rules/trees.ts";
import { type Env, type Extension, LIMITS, type Proposal } from "./types.ts";
import type { Outcome } from "./view.ts";

export interface CommitOptions {
  /** Readable by the server. */
  readonly aad?: Uint8Array;
  /** For the GroupInfo in the Welcome. */
  readonly welcomeExtensions?: readonly Extension[];
}

/** The group with its handshake ratchet moved on, and our Commit with the epoch it leads to. */
export async function makeCommit(
  env: Env,
  before: Snapshot,
  proposals: readonly Proposal[],
  { aad = new Uint8Array(), welcomeExtensions = [] }: CommitOptions,
): Promise<{ readonly after: Snapshot; readonly outcome: Outcome }> {
  const { state } = before;
  const own = ownLeafOf(before);
  const crypto = await cryptoWith(env, state.groupContext.cipherSuite);
  if ((state.secretTree[2 * own]?.handshake.generation ?? 0) >= LIMITS.generations) throw new GenerationLimit();
  const raw = proposals.map(toRawProposal);
  const { references, changes } = await fittingReferences(env, crypto, before, raw);
  const config = configOf(judgedOnly(changes.judged));
  const made = await createCommit(
    {
      state: withConfig({ ...state, unappliedProposals: references }, config),
      cipherSuite: crypto,
      pskIndex: emptyPskIndex,
    },
    {
      extraProposals: raw,
      ratchetTreeExtension: true,
      authenticatedData: aad,
      groupInfoExtensions: toRaw(welcomeExtensions),
    },
  ).catch(explain);
  // createCommit leaves the handshake ratchet where it was: the next Commit in this epoch would reuse the generation.
  const { newTree } = await consumeRatchet(state.secretTree, 2 * own, "commit", crypto);
  const after: Snapshot = { ...before, state: { ...state, secretTree: newTree } };
  const next = withoutConfig(made.newState);
  checkCapabilities(next.ratchetTree, [own], next.groupContext.extensions);
  checkUniqueLeafKeys(next.ratchetTree);
  checkUniqueKeys(next.ratchetTree);
  const following = follow(after, next, { clients: changes.clients, drops: changes.removed.length > 0, now: env.now });
  const welcome = made.welcome;
  return {
    after,
    outcome: {
      message: encodeMessage(made.commit),
      welcome: welcome && encodeMessage({ version: "mls10", wireformat: "mls_welcome", welcome }),
      following,
      committer: own,
      aad,
      added: changes.added.map((leaf) => memberAt(following, leaf)),
      removed: changes.removed,
      own: true,
      // Among them the init_secret of the epoch we are still in: zeroed only after the echo (Group.wipe).
      consumed: made.consumed,
    },
  };
}

function explain(problem: unknown): never {
  throw problem instanceof MlsError ? problem : new WrongState(problem instanceof Error ? problem.message : "Commit");
}

function toRawProposal(proposal: Proposal): RawProposal {
  if ("add" in proposal) return { proposalType: "add", add: { keyPackage: proposal.add.raw } };
  if ("remove" in proposal) return { proposalType: "remove", remove: { removed: proposal.remove } };
  // ts-mls takes an empty list for none at all and would commit to another context than it announces.
  if (proposal.extensions.length === 0) throw new Invalid("P5", "an empty list is never committed");
  const extensions = toRaw(proposal.extensions);
  return { proposalType: "group_context_extensions", groupContextExtensions: { extensions } };
}

/** The standalone proposals that fit beside our own, or none: nobody may keep us from committing (RFC 9420 12.2). */
async function fittingReferences(
  env: Env,
  crypto: Crypto,
  before: Snapshot,
  own: readonly RawProposal[],
): Promise<{ readonly references: UnappliedProposals; readonly changes: Changes }> {
  const committer = ownLeafOf(before);
  const mine = own.map((proposal): Item => ({ proposal, sender: committer, byReference: false }));
  const judge = (items: readonly Item[]) =>
    applyProposals(env, crypto, before, [...items, ...mine], { committer, use: "send" });
  let references: UnappliedProposals = {};
  let changes = await judge([]);
  for (const [ref, { proposal, senderLeafIndex }] of Object.entries(before.state.unappliedProposals)) {
    const wider = { ...references, [ref]: { proposal, senderLeafIndex } };
    const items = Object.values(wider).map((held): Item => {
      return { proposal: held.proposal, sender: held.senderLeafIndex ?? -1, byReference: true };
    });
    try {
      changes = await judge(items);
      references = wider;
    } catch (problem) {
      if (!(problem instanceof MlsError)) throw problem;
    }
  }
  return { references, changes };
}
