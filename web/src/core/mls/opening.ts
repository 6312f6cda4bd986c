/**
 * PrivateMessage to content: framing rules F1 to F8, in steps that each take one type and give another.
 *
 * ts-mls tells neither the sender's leaf nor the generation of an application message, and decodes leniently; so this
 * opens messages with its parts (mls.md 9). Nothing moves until the caller keeps the secret tree that comes out.
 */
import { type Decoder, mapDecoders } from "ts-mls/codec/tlsDecoder.js";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { decodeVarLenData } from "ts-mls/codec/variableLength.js";
import { decodeCommit } from "ts-mls/commit.js";
import type { ContentTypeName } from "ts-mls/contentType.js";
import { decodeFramedContentAuthDataCommit, verifyFramedContentSignature } from "ts-mls/framedContent.js";
import type { GroupContext } from "ts-mls/groupContext.js";
import type { LeafNode } from "ts-mls/leafNode.js";
import {
  type PrivateMessage,
  type PrivateMessageContent,
  decryptSenderData,
  encodePrivateMessageContent,
  privateContentAADEncoder,
  toAuthenticatedContent,
} from "ts-mls/privateMessage.js";
import { type Proposal, decodeProposal } from "ts-mls/proposal.js";
import type { RatchetTree } from "ts-mls/ratchetTree.js";
import { type GenerationSecret, type SecretTree, ratchetToGeneration } from "ts-mls/secretTree.js";
import type { SenderData } from "ts-mls/sender.js";
import { equal } from "../../protocol/bytes.ts";
import { checkCounts, checkLeafCounts, parseMessage, parsePrefix } from "./codec.ts";
import { DecodeError, FutureEpoch, Invalid, OwnMessage, PastEpoch, Replayed, TooFar, TooOld } from "./errors.ts";
import { type Snapshot, leafAt } from "./snapshot.ts";
import type { Crypto } from "./suites.ts";
import { LIMITS } from "./types.ts";

/** The secrets one message opens with: of the current epoch, or of a past one. */
export interface Keys {
  readonly senderDataSecret: Uint8Array;
  readonly secretTree: SecretTree;
  readonly ratchetTree: RatchetTree;
  readonly context: GroupContext;
}

/** What opened and verified. secretTree: to be kept in place of the old one. */
export interface Opened {
  readonly message: PrivateMessage;
  readonly content: PrivateMessageContent;
  readonly sender: SenderData;
  readonly leaf: LeafNode;
  readonly secretTree: SecretTree;
  readonly pushedOut: boolean;
  readonly consumed: readonly Uint8Array[];
}

/** The PrivateMessage in an MLSMessage for this group. Throws DecodeError, Invalid F1, F2, FutureEpoch. */
export function parsePrivateMessage(snapshot: Snapshot, data: Uint8Array): PrivateMessage {
  const { groupContext } = snapshot.state;
  const parsed = parseMessage(data);
  if (parsed.wireformat === "mls_public_message") throw refusePublic(groupContext, parsed.publicMessage.content);
  if (parsed.wireformat !== "mls_private_message") throw new Invalid("F1", "not a framed message");
  const message = parsed.privateMessage;
  if (!equal(message.groupId, groupContext.groupId)) throw new Invalid("F1", "group id");
  if (message.epoch > groupContext.epoch) throw new FutureEpoch();
  return message;
}

interface PublicContent {
  readonly groupId: Uint8Array;
  readonly contentType: ContentTypeName;
  readonly sender: { readonly senderType: string };
}

/** F1 to F3 for a PublicMessage; the product takes none. */
function refusePublic(context: GroupContext, content: PublicContent): Invalid {
  if (!equal(content.groupId, context.groupId)) return new Invalid("F1", "group id");
  const { senderType } = content.sender;
  const fits = senderType === "member" || (senderType === "new_member_commit" && content.contentType === "commit");
  return fits ? new Invalid("F2", "in the clear") : new Invalid("F3");
}

/** The keys for a message: of the current epoch, or of a past one for application data. Throws PastEpoch. */
export function keysFor({ state, endedAt }: Snapshot, message: PrivateMessage, now: number): Keys {
  if (message.epoch === state.groupContext.epoch) {
    const { keySchedule, secretTree, ratchetTree, groupContext } = state;
    return { senderDataSecret: keySchedule.senderDataSecret, secretTree, ratchetTree, context: groupContext };
  }
  const past = state.historicalReceiverData.get(message.epoch);
  if (past === undefined || message.contentType !== "application") throw new PastEpoch("handshake or keys gone");
  if (now - (endedAt.get(message.epoch) ?? 0) > LIMITS.pastAgeS) throw new PastEpoch("expired");
  const { senderDataSecret, secretTree, ratchetTree, groupContext } = past;
  return { senderDataSecret, secretTree, ratchetTree, context: groupContext };
}

/** Opens and verifies a message. Throws OwnMessage, Replayed, TooOld, TooFar, DecodeError, Invalid F4, F5, F7. */
export async function openMessage(
  crypto: Crypto,
  keys: Keys,
  message: PrivateMessage,
  ownLeaf: number,
): Promise<Opened> {
  const sender = await openSenderData(crypto, keys, message);
  const leaf = leafAt(keys.ratchetTree, sender.leafIndex);
  if (leaf === undefined) throw new Invalid("F4", "blank leaf");
  if (sender.leafIndex === ownLeaf) throw new OwnMessage("own leaf");
  const ratchet = checkGeneration(keys.secretTree, message.contentType, sender);
  const moved = await advance(crypto, keys.secretTree, message.contentType, sender);
  const plain = await decrypt(crypto, message, moved);
  const content = parseContent(message.contentType, plain);
  const signed = toAuthenticatedContent(content, message, sender.leafIndex);
  const verified = await verifyFramedContentSignature(
    leaf.signaturePublicKey,
    "mls_private_message",
    signed.content,
    signed.auth,
    keys.context,
    crypto.signature,
  );
  if (!verified) throw new Invalid("F5");
  const pushedOut = pushesOut(ratchet, sender.generation);
  return { message, content, sender, leaf, secretTree: moved.newTree, pushedOut, consumed: moved.consumed };
}

async function openSenderData(crypto: Crypto, keys: Keys, message: PrivateMessage): Promise<SenderData> {
  let sender: SenderData | undefined;
  try {
    sender = await decryptSenderData(message, keys.senderDataSecret, crypto);
  } catch {
    throw new Invalid("F4", "sender data");
  }
  if (sender === undefined) throw new Invalid("F4", "sender data");
  return sender;
}

/** The sender's ratchet, after its generation was found usable: before anything is derived. */
function checkGeneration(tree: SecretTree, contentType: ContentTypeName, sender: SenderData): GenerationSecret {
  const node = tree[2 * sender.leafIndex];
  if (node === undefined) throw new Invalid("F4", "no secret for the sender's leaf");
  const ratchet = contentType === "application" ? node.application : node.handshake;
  const { generation } = sender;
  if (generation >= ratchet.generation) {
    if (generation - ratchet.generation > LIMITS.forward || generation >= 0xffffffff) throw new TooFar("generation");
    return ratchet;
  }
  if (ratchet.unusedGenerations[generation] !== undefined) return ratchet;
  const kept = Object.keys(ratchet.unusedGenerations).map(Number);
  // ts-mls keeps no note of what was dropped unused; only a full window drops anything.
  if (kept.length >= LIMITS.skipped && generation < Math.min(...kept)) throw new TooOld("generation");
  throw new Replayed("generation");
}

/** Whether opening this generation drops an older unused key: at most `skipped` of them are kept. */
function pushesOut(ratchet: GenerationSecret, generation: number): boolean {
  const skippedNow = generation - ratchet.generation;
  return skippedNow > 0 && Object.keys(ratchet.unusedGenerations).length + skippedNow > LIMITS.skipped;
}

type Moved = Awaited<ReturnType<typeof ratchetToGeneration>>;

async function advance(
  crypto: Crypto,
  tree: SecretTree,
  contentType: ContentTypeName,
  sender: SenderData,
): Promise<Moved> {
  const retention = {
    retainKeysForGenerations: LIMITS.skipped,
    retainKeysForEpochs: LIMITS.pastEpochs,
    maximumForwardRatchetSteps: LIMITS.forward,
  };
  return ratchetToGeneration(tree, sender, contentType, retention, crypto);
}

async function decrypt(crypto: Crypto, message: PrivateMessage, { key, nonce }: Moved): Promise<Uint8Array> {
  const { groupId, epoch, contentType, authenticatedData, ciphertext } = message;
  const aad = encode(privateContentAADEncoder)({ groupId, epoch, contentType, authenticatedData });
  try {
    return await crypto.hpke.decryptAead(key, nonce, aad, ciphertext);
  } catch {
    throw new Invalid("F7", "does not open");
  }
}

/** PrivateMessageContent: canonical, with nothing but zeros behind it. Throws DecodeError, Invalid F7. */
function parseContent(contentType: ContentTypeName, plain: Uint8Array): PrivateMessageContent {
  const [content, size] = parsePrefix(contentDecoder(contentType), plain, () => {
    if (contentType === "commit" && hasNoTag(plain)) throw new Invalid("F8", "no confirmation tag");
  });
  if (proposalsOf(content).some(isDisguised)) throw new DecodeError("proposal");
  checkContentCounts(content);
  const canonical = encodePrivateMessageContent({ kind: "padUntilLength", padUntilLength: 0 })(content);
  if (!equal(canonical, plain.subarray(0, size))) throw new DecodeError("not canonical");
  if (plain.subarray(size).some((byte) => byte !== 0)) throw new Invalid("F7", "padding");
  return content;
}

/** As ts-mls' own decoder, which does not tell malformed content from wrong padding. */
function contentDecoder(contentType: ContentTypeName): Decoder<PrivateMessageContent> {
  if (contentType === "application") {
    return mapDecoders([decodeVarLenData, decodeVarLenData], (applicationData, signature) => ({
      contentType,
      applicationData,
      auth: { contentType, signature },
    }));
  }
  if (contentType === "proposal") {
    return mapDecoders([decodeProposal, decodeVarLenData], (proposal, signature) => ({
      contentType,
      proposal,
      auth: { contentType, signature },
    }));
  }
  return mapDecoders(
    [decodeCommit, decodeVarLenData, decodeFramedContentAuthDataCommit],
    (commit, signature, auth) => ({
      contentType,
      commit,
      auth: { ...auth, signature, contentType },
    }),
  );
}

function proposalsOf(content: PrivateMessageContent): Proposal[] {
  if (content.contentType === "proposal") return [content.proposal];
  if (content.contentType === "application") return [];
  return content.commit.proposals.flatMap((entry) => (entry.proposalOrRefType === "proposal" ? [entry.proposal] : []));
}

/** `checkCounts` for all lists of a content, before it is encoded for the first time. */
function checkContentCounts(content: PrivateMessageContent): void {
  const commit = content.contentType === "commit" ? content.commit : undefined;
  checkCounts(LIMITS.proposals, commit?.proposals ?? []);
  for (const proposal of proposalsOf(content)) checkProposalCounts(proposal);
  if (commit?.path === undefined) return;
  checkLeafCounts(commit.path.leafNode);
  checkCounts(LIMITS.pathNodes, commit.path.nodes);
  checkCounts(LIMITS.treeNodes, ...commit.path.nodes.map((node) => node.encryptedPathSecret));
}

function checkProposalCounts(proposal: Proposal): void {
  switch (proposal.proposalType) {
    case "add":
      checkCounts(LIMITS.extensions, proposal.add.keyPackage.extensions);
      return checkLeafCounts(proposal.add.keyPackage.leafNode);
    case "update":
      return checkLeafCounts(proposal.update.leafNode);
    case "reinit":
      return checkCounts(LIMITS.extensions, proposal.reinit.extensions);
    case "group_context_extensions":
      return checkCounts(LIMITS.extensions, proposal.groupContextExtensions.extensions);
  }
}

/** ts-mls takes a malformed proposal of a known type (1 to 7) for one of an unknown type. */
function isDisguised({ proposalType }: Proposal): boolean {
  return typeof proposalType === "number" && proposalType >= 1 && proposalType <= 7;
}

/** F8: a Commit and its signature, and nothing behind them. */
function hasNoTag(plain: Uint8Array): boolean {
  try {
    const bare = mapDecoders([decodeCommit, decodeVarLenData], (_commit, signature) => signature)(plain, 0);
    return bare !== undefined && bare[1] === plain.length;
  } catch {
    return false;
  }
}
