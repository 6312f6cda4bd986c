/**
 * Groups and staged Commits as values (mls.md 4). Every method is pure: it returns new values, and on any error the
 * caller still holds the old ones.
 */
import { createGroup } from "ts-mls/clientState.js";
import { createApplicationMessage, createProposal } from "ts-mls/createMessage.js";
import type { LeafNode } from "ts-mls/leafNode.js";
import { bytesToBase64, zeroOutUint8Array } from "ts-mls/util/byteArray.js";
import { makeProposalRef } from "ts-mls/authenticatedContent.js";
import { toAuthenticatedContent } from "ts-mls/privateMessage.js";
import { planLeaves } from "./rules/changes.ts";
import { encodeMessage, fromRaw, requiredCapabilities, toRaw } from "./codec.ts";
import { type CommitOptions, makeCommit } from "./committing.ts";
import { GenerationLimit, Invalid, PendingProposals, onForeign, signedBy } from "./errors.ts";
import { unexpired } from "./following.ts";
import { type JoinInfo, type JoinOptions, joinByWelcome } from "./joining.ts";
import { drawKeyPackage } from "./keypackages.ts";
import { type Opened, keysFor, openMessage, parsePrivateMessage } from "./opening.ts";
import { verifyCommit } from "./processing.ts";
import { authenticateLeaf, checkCapabilities, checkLeafSignature } from "./rules/leaves.ts";
import { checkProposal } from "./rules/proposals.ts";
import { type Saved, encodeOutcome, parseOutcome, parseSnapshot, saveSnapshot } from "./saving.ts";
import {
  type Snapshot,
  checkActive,
  checkHere,
  configOf,
  epochOf,
  identityOf,
  judgedOnly,
  leafAt,
  leavesOf,
  memberOf,
  membersOf,
  ownLeafOf,
  withConfig,
  withoutConfig,
} from "./snapshot.ts";
import { type Crypto, cryptoOf, cryptoWith, suiteId, suiteIds, suiteName } from "./suites.ts";
import {
  type Application,
  type Capabilities,
  type Env,
  type Extension,
  type KeyPackage,
  LIMITS,
  type MemberLeaf,
  type Proposal,
  type Proposed,
} from "./types.ts";
import { type Outcome, carryOver, exportSecret } from "./view.ts";

export interface GroupOptions {
  readonly groupId: Uint8Array;
  readonly suite: number;
  /** Identity of the basic credential. */
  readonly credential: Uint8Array;
  /** Public half of the key behind `env.sign`, 32 bytes. */
  readonly signatureKey: Uint8Array;
  readonly capabilities: Capabilities;
  /** Extension types that every member must support. */
  readonly required?: readonly number[];
  /** Of the GroupContext, besides the required capabilities. */
  readonly extensions?: readonly Extension[];
}

/** "active"; "removed": our leaf is gone; "suspended": a ReInit ended the group. */
export type GroupStatus = "active" | "removed" | "suspended";

/** A creator's first leaf has no use for a lifetime: nobody fetched it. Its first path replaces the leaf. */
const CREATOR_LIFETIME = { notBefore: 0, notAfter: Number.MAX_SAFE_INTEGER };
const NOBODY: ReadonlySet<string> = new Set();

/** The group with its ratchets moved on, and what a message was. */
interface Received {
  readonly group: Group;
  readonly event: Application | Proposed | Staged;
}

/** One group as one client sees it. */
export class Group {
  /** snapshot, spent: for the engine alone. */
  constructor(
    readonly snapshot: Snapshot,
    readonly spent: readonly Uint8Array[] = [],
  ) {}

  /** A new group with us at leaf 0, at epoch 0. Throws Invalid, SuiteDowngrade. */
  static async create(env: Env, options: GroupOptions): Promise<Group> {
    const { groupId, suite, required = [], extensions = [] } = options;
    const crypto = await cryptoWith(env, suiteName(suite));
    const { publicPackage, privatePackage } = await drawKeyPackage(crypto, { ...options, lifetime: CREATOR_LIFETIME });
    const leaf = publicPackage.leafNode as LeafNode;
    const context = toRaw(required.length === 0 ? extensions : [requiredCapabilities(required), ...extensions]);
    const state = await createGroup(
      groupId,
      publicPackage,
      privatePackage,
      context,
      crypto,
      configOf(judgedOnly(NOBODY)),
    );
    await checkLeafSignature(crypto, leaf, groupId, 0);
    checkCapabilities(state.ratchetTree, [0], context);
    const clients = [await authenticateLeaf(env, leaf, "send")];
    return new Group({ state: withoutConfig(state), clients, endedAt: new Map() });
  }

  /**
   * The group a Welcome invites us into, and what came along. Once the group is stored, delete the package's secrets
   * unless `info.lastResort`. Throws Invalid W, G, T, L rules, DecodeError, TooManyLeaves.
   */
  static async join(
    env: Env,
    welcome: Uint8Array,
    keyPackage: KeyPackage,
    secrets: Uint8Array,
    options: JoinOptions = {},
  ): Promise<{ readonly group: Group; readonly info: JoinInfo }> {
    const { snapshot, info } = await onForeign(() => joinByWelcome(env, welcome, keyPackage, secrets, options));
    return { group: new Group(snapshot), info };
  }

  get groupId(): Uint8Array {
    return this.snapshot.state.groupContext.groupId;
  }

  get epoch(): number {
    return epochOf(this.snapshot);
  }

  /** Whether every leaf signed that it is able to use this suite. */
  allAble(suite: number): boolean {
    const leaves = leavesOf(this.snapshot.state.ratchetTree);
    return leaves.every(({ leaf }) => suiteIds(leaf.capabilities.ciphersuites).includes(suite));
  }

  /** Cipher suite id, for life. */
  get suite(): number {
    return suiteId(this.snapshot.state.groupContext.cipherSuite);
  }

  get status(): GroupStatus {
    const { kind } = this.snapshot.state.groupActiveState;
    return kind === "active" ? "active" : kind === "removedFromGroup" ? "removed" : "suspended";
  }

  /** Extensions of the GroupContext. */
  get extensions(): readonly Extension[] {
    return fromRaw(this.snapshot.state.groupContext.extensions);
  }

  /** Our leaf index; where we are removed, the one we had. */
  get ownLeaf(): number {
    return ownLeafOf(this.snapshot);
  }

  /** Equal for all members of an epoch and for nobody else; 64 bytes. Throws Removed. */
  get epochAuthenticator(): Uint8Array {
    checkHere(this.snapshot);
    return this.snapshot.state.keySchedule.epochAuthenticator;
  }

  /** Members in leaf order. */
  members(): readonly MemberLeaf[] {
    return membersOf(this.snapshot);
  }

  /** The member at a leaf index, undefined where it is blank. */
  findMember(leaf: number): MemberLeaf | undefined {
    const node = leafAt(this.snapshot.state.ratchetTree, leaf);
    return node && memberOf(leaf, node, this.snapshot.clients[leaf] ?? new Uint8Array());
  }

  /** MLS-Exporter: length bytes that all members of this epoch derive alike. Throws Removed. */
  export(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    return exportSecret(this.snapshot, label, context, length);
  }

  /** The leaf positions a Commit of these takes and frees, for its AAD. Throws Invalid P7. */
  plan(proposals: readonly Proposal[]): { readonly added: readonly number[]; readonly removed: readonly number[] } {
    const removed = proposals
      .flatMap((proposal) => ("remove" in proposal ? [proposal.remove] : []))
      .sort((a, b) => a - b);
    const adds = proposals.filter((proposal) => "add" in proposal).length;
    return { added: planLeaves(this.snapshot, adds, removed), removed };
  }

  /**
   * This group with its handshake ratchet moved on, and our verified Commit of these and all pending proposals.
   *
   * Store both before a byte leaves; apply the Staged at the Commit's echo. Throws Invalid, TooManyLeaves,
   * GenerationLimit, Removed, Suspended.
   */
  async commit(
    env: Env,
    proposals: readonly Proposal[] = [],
    options: CommitOptions = {},
  ): Promise<{ readonly group: Group; readonly staged: Staged }> {
    checkActive(this.snapshot);
    const { after, outcome } = await makeCommit(env, this.snapshot, proposals, options);
    return { group: new Group(after, this.spent), staged: new Staged(outcome) };
  }

  /**
   * This group with its ratchet moved on, and the MLSMessage of an application message. Store the group before the
   * bytes leave. padTo: bytes of content, signature and zeros together; longer content is not padded.
   * Throws PendingProposals, GenerationLimit, Removed, Suspended.
   */
  async encrypt(
    env: Env,
    data: Uint8Array,
    { aad = new Uint8Array(), padTo = 256 }: { readonly aad?: Uint8Array; readonly padTo?: number } = {},
  ): Promise<{ readonly group: Group; readonly message: Uint8Array }> {
    checkActive(this.snapshot);
    const { state } = this.snapshot;
    if (Object.keys(state.unappliedProposals).length > 0) throw new PendingProposals("commit them first");
    if ((state.secretTree[2 * this.ownLeaf]?.application.generation ?? 0) >= LIMITS.generations)
      throw new GenerationLimit();
    const crypto = await cryptoWith(env, state.groupContext.cipherSuite);
    const sealed = await createApplicationMessage(
      withConfig(state, configOf(judgedOnly(NOBODY), padTo)),
      data,
      crypto,
      aad,
    );
    const { privateMessage } = sealed;
    const message = encodeMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage });
    return { group: this.with(withoutConfig(sealed.newState), sealed.consumed), message };
  }

  /**
   * This group with its ratchets moved on, and what the message is: a Commit comes as a Staged, verified to the end and
   * not yet applied. Throws OwnMessage, FutureEpoch, PastEpoch, Replayed, TooOld, TooFar, Invalid, DecodeError,
   * Removed, Suspended, PendingProposals.
   */
  receive(env: Env, data: Uint8Array): Promise<Received> {
    return onForeign(() => this.take(env, data));
  }

  private async take(env: Env, data: Uint8Array): Promise<Received> {
    checkHere(this.snapshot);
    const message = parsePrivateMessage(this.snapshot, data);
    const crypto = await cryptoOf(this.snapshot.state.groupContext.cipherSuite);
    const opened = await openMessage(crypto, keysFor(this.snapshot, message, env.now), message, this.ownLeaf);
    const { content } = opened;
    if (content.contentType === "application") {
      return { group: this.moved(opened), event: applicationOf(opened, content.applicationData) };
    }
    checkActive(this.snapshot);
    if (content.contentType === "commit") {
      const judged = verifyCommit(env, crypto, this.snapshot, opened, content.commit);
      const outcome = await judged.catch(signedBy(opened.sender.leafIndex));
      return { group: this.moved(opened), event: new Staged(outcome) };
    }
    return this.keepProposal(env, crypto, opened);
  }

  /** This group with a standalone Remove or Add of ours pending, and its MLSMessage. The product sends none. */
  async propose(
    env: Env,
    proposal: { readonly remove: number },
  ): Promise<{ readonly group: Group; readonly message: Uint8Array }> {
    checkActive(this.snapshot);
    const { state } = this.snapshot;
    const crypto = await cryptoWith(env, state.groupContext.cipherSuite);
    const raw = { proposalType: "remove", remove: { removed: proposal.remove } } as const;
    const made = await createProposal(withConfig(state, configOf(judgedOnly(NOBODY))), false, raw, crypto);
    return { group: this.with(withoutConfig(made.newState), made.consumed), message: encodeMessage(made.message) };
  }

  /** This group without the past epochs that are older than seven days; the same value if there are none. */
  expire(now: number): Group {
    const snapshot = unexpired(this.snapshot, now);
    return snapshot === this.snapshot ? this : new Group(snapshot, this.spent);
  }

  /**
   * Zeroes the keys that led to this value. Only once it is durable: an older value of the group is of no use then.
   * JavaScript keeps copies that nobody can reach; this shortens what can be found in memory (mls.md 7.12).
   */
  wipe(): Group {
    for (const secret of this.spent) zeroOutUint8Array(secret);
    return new Group(this.snapshot);
  }

  private with(state: Snapshot["state"], consumed: readonly Uint8Array[]): Group {
    return new Group({ ...this.snapshot, state }, [...this.spent, ...consumed]);
  }

  private moved({ message, secretTree, consumed }: Opened): Group {
    const { state } = this.snapshot;
    const past = state.historicalReceiverData.get(message.epoch);
    if (message.epoch === state.groupContext.epoch) return this.with({ ...state, secretTree }, consumed);
    if (past === undefined) throw new Invalid("F1", "epoch");
    const history = new Map(state.historicalReceiverData).set(message.epoch, { ...past, secretTree });
    return this.with({ ...state, historicalReceiverData: history }, consumed);
  }

  private async keepProposal(env: Env, crypto: Crypto, opened: Opened): Promise<{ group: Group; event: Proposed }> {
    const { content, sender, message } = opened;
    if (content.contentType !== "proposal") throw new Invalid("F8");
    const held = this.snapshot.state.unappliedProposals;
    if (Object.keys(held).length >= LIMITS.pendingProposals) throw new PendingProposals("too many in this epoch");
    const item = { proposal: content.proposal, sender: sender.leafIndex, byReference: true };
    await checkProposal(env, crypto, this.snapshot, item, "receive");
    const ref = await makeProposalRef(toAuthenticatedContent(content, message, sender.leafIndex), crypto.hash);
    const kept = { proposal: content.proposal, senderLeafIndex: sender.leafIndex };
    const moved = this.moved(opened);
    const state = { ...moved.snapshot.state, unappliedProposals: { ...held, [bytesToBase64(ref)]: kept } };
    const event: Proposed = { kind: "proposed", sender: sender.leafIndex, aad: message.authenticatedData };
    return { group: new Group({ ...moved.snapshot, state }, moved.spent), event };
  }
}

function applicationOf({ leaf, sender, message, pushedOut }: Opened, data: Uint8Array): Application {
  return {
    kind: "application",
    sender: sender.leafIndex,
    credential: identityOf(leaf),
    signatureKey: leaf.signaturePublicKey,
    epoch: Number(message.epoch),
    generation: sender.generation,
    aad: message.authenticatedData,
    data,
    pushedOut,
  };
}

/**
 * A verified Commit that changes nothing until `apply`; dropping it is the veto. Everything the next epoch will be can
 * be read here first: who committed, what changes, its exporter.
 */
export class Staged {
  readonly kind = "staged";

  constructor(readonly outcome: Outcome) {}

  /** MLSMessage of our own Commit. */
  get message(): Uint8Array | undefined {
    return this.outcome.message;
  }

  /** MLSMessage of the Welcome; undefined without Adds. */
  get welcome(): Uint8Array | undefined {
    return this.outcome.welcome;
  }

  get committer(): number {
    return this.outcome.committer;
  }

  get aad(): Uint8Array {
    return this.outcome.aad;
  }

  /** With the leaves they have in the next epoch. */
  get added(): readonly MemberLeaf[] {
    return this.outcome.added;
  }

  /** With the leaves they had. */
  get removed(): readonly MemberLeaf[] {
    return this.outcome.removed;
  }

  get own(): boolean {
    return this.outcome.own;
  }

  /** Number of the next epoch. */
  get epoch(): number {
    return epochOf(this.outcome.following);
  }

  /** GroupContext extensions of the next epoch. */
  get extensions(): readonly Extension[] {
    return fromRaw(this.outcome.following.state.groupContext.extensions);
  }

  /** Status of the group once applied: removed if this Commit removes us. */
  get status(): GroupStatus {
    return new Group(this.outcome.following).status;
  }

  /** That of the next epoch. Throws Removed. */
  get epochAuthenticator(): Uint8Array {
    return new Group(this.outcome.following).epochAuthenticator;
  }

  /** Members of the next epoch in leaf order. */
  members(): readonly MemberLeaf[] {
    return membersOf(this.outcome.following);
  }

  /** MLS-Exporter of the next epoch. Throws Removed. */
  export(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    return exportSecret(this.outcome.following, label, context, length);
  }

  /**
   * The group in the next epoch.
   *
   * group: for a Commit of our own, the group as it is now, so that messages received since the Commit was made do not
   * open a second time in its past epoch. Throws PastEpoch if that group has left the epoch of the Commit.
   */
  apply(group?: Group): Group {
    const following = group === undefined ? this.outcome.following : carryOver(group.snapshot, this.outcome.following);
    return new Group(following, [...(group?.spent ?? []), ...this.outcome.consumed]);
  }
}

/** A group as bytes. Within one epoch only `ratchet` changes. */
export function saveGroup(group: Group): Saved {
  return saveSnapshot(group.snapshot);
}

/** The group that `saveGroup` was given. Throws Unsupported for another version, DecodeError for parts of two epochs. */
export function loadGroup(saved: Saved): Group {
  return new Group(parseSnapshot(saved));
}

/** A staged Commit as bytes, to be stored beside the outbox row. */
export function saveStaged(staged: Staged): Uint8Array {
  return encodeOutcome(staged.outcome);
}

/** What `saveStaged` returned. Throws Unsupported, DecodeError. */
export function loadStaged(data: Uint8Array): Staged {
  return new Staged(parseOutcome(data));
}
