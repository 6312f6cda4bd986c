/**
 * State as bytes: a part written once per Commit (the trees), a small part per message, and staged Commits (mls.md 7.7).
 *
 * Each is a CBOR list that begins with a name, a version, the kind of part and the epoch. Within it stand ts-mls' own
 * encodings, readable by this client alone. Nothing here is encrypted: the store does that.
 */
import { decode as decodeCbor, encode as encodeCbor } from "cborg";
import { type GroupState, decodeGroupStateWithoutTree, encodeGroupStateWithoutTree } from "ts-mls/clientState.js";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import type { EpochReceiverData } from "ts-mls/epochReceiverData.js";
import { decodeGroupContext, groupContextEncoder } from "ts-mls/groupContext.js";
import { decodeRatchetTree, encodeRatchetTree } from "ts-mls/ratchetTree.js";
import { decodeSecretTree, secretTreeEncoder } from "ts-mls/secretTree.js";
import { equal } from "../../protocol/bytes.ts";
import { parsePrefix } from "./codec.ts";
import { DecodeError, MlsError, Unsupported } from "./errors.ts";
import { type Snapshot, epochOf } from "./snapshot.ts";
import type { MemberLeaf } from "./types.ts";
import type { Outcome } from "./view.ts";

/** A group as bytes. epoch: changes with each Commit. ratchet: changes with each message, and is small. */
export interface Saved {
  readonly epoch: Uint8Array;
  readonly ratchet: Uint8Array;
}

const NAME = "zajil mls";
const VERSION = 1;
const EPOCH = 1;
const RATCHET = 2;
const STAGED = 3;
const NOTHING = new Uint8Array();

type SavedMember = readonly [leaf: number, client: Uint8Array, credential: Uint8Array, signatureKey: Uint8Array];
type SavedPast = readonly [endedAt: number, senderData: Uint8Array, context: Uint8Array, leaves: Uint8Array];
type EpochPart = readonly [tag: Uint8Array, tree: Uint8Array, clients: (Uint8Array | null)[], past: SavedPast[]];
type RatchetPart = readonly [state: Uint8Array, past: Uint8Array[]];
type StagedPart = readonly [
  message: Uint8Array | null,
  welcome: Uint8Array | null,
  epoch: Uint8Array,
  ratchet: Uint8Array,
  committer: number,
  aad: Uint8Array,
  added: SavedMember[],
  removed: SavedMember[],
  own: boolean,
];

/** The group as bytes. Within one epoch only `ratchet` changes. */
export function saveSnapshot(snapshot: Snapshot): Saved {
  const { state, clients, endedAt } = snapshot;
  const epoch = epochOf(snapshot);
  const past = [...state.historicalReceiverData.values()];
  const epochPart: EpochPart = [
    state.confirmationTag,
    encodeRatchetTree(state.ratchetTree),
    Array.from(clients, (client) => client ?? null),
    past.map(({ senderDataSecret, groupContext, ratchetTree }) => [
      endedAt.get(groupContext.epoch) ?? 0,
      senderDataSecret,
      encode(groupContextEncoder)(groupContext),
      encodeRatchetTree(ratchetTree),
    ]),
  ];
  const ratchetPart: RatchetPart = [
    encodeGroupStateWithoutTree({ ...state, historicalReceiverData: new Map() }),
    past.map(({ secretTree }) => encode(secretTreeEncoder)(secretTree)),
  ];
  return { epoch: encodePart(EPOCH, epoch, epochPart), ratchet: encodePart(RATCHET, epoch, ratchetPart) };
}

/** What was saved. Throws Unsupported for another version, DecodeError for parts of two epochs or damage. */
export function parseSnapshot(saved: Saved): Snapshot {
  return guarded(() => {
    const [number, epochPart] = parsePart<EpochPart>(EPOCH, saved.epoch);
    const [ratchetNumber, ratchetPart] = parsePart<RatchetPart>(RATCHET, saved.ratchet);
    const [tag, tree, clients, past] = epochPart;
    const [stateBytes, trees] = ratchetPart;
    const [ratchetTree] = parsePrefix(decodeRatchetTree, tree);
    const [state] = parsePrefix(decodeGroupStateWithoutTree(ratchetTree), stateBytes);
    const fits =
      number === ratchetNumber &&
      BigInt(number) === state.groupContext.epoch &&
      equal(tag, state.confirmationTag) &&
      past.length >= trees.length;
    if (!fits) throw new DecodeError("parts of two epochs");
    const known = clients.map((client) => client ?? undefined);
    return { ...withPast(state, past, trees), clients: known };
  });
}

/** `expire` may have dropped the oldest past epochs, which stand last, since the epoch part was written. */
function withPast(
  state: GroupState,
  past: readonly SavedPast[],
  trees: readonly Uint8Array[],
): Omit<Snapshot, "clients"> {
  const history = new Map<bigint, EpochReceiverData>();
  const endedAt = new Map<bigint, number>();
  for (const [at, tree] of trees.entries()) {
    const facts = past[at];
    if (facts === undefined) throw new DecodeError("parts of two epochs");
    const [ended, senderDataSecret, context, leaves] = facts;
    const [groupContext] = parsePrefix(decodeGroupContext, context);
    const [ratchetTree] = parsePrefix(decodeRatchetTree, leaves);
    const [secretTree] = parsePrefix(decodeSecretTree, tree);
    history.set(groupContext.epoch, {
      senderDataSecret,
      groupContext,
      ratchetTree,
      secretTree,
      resumptionPsk: NOTHING,
    });
    endedAt.set(groupContext.epoch, ended);
  }
  return { state: { ...state, historicalReceiverData: history }, endedAt };
}

/** A staged Commit as bytes. */
export function encodeOutcome(outcome: Outcome): Uint8Array {
  const { message, welcome, following, committer, aad, added, removed, own } = outcome;
  const saved = saveSnapshot(following);
  const part: StagedPart = [
    message ?? null,
    welcome ?? null,
    saved.epoch,
    saved.ratchet,
    committer,
    aad,
    added.map(savedMember),
    removed.map(savedMember),
    own,
  ];
  return encodePart(STAGED, epochOf(following), part);
}

/** What `encodeOutcome` wrote. Throws Unsupported, DecodeError. */
export function parseOutcome(data: Uint8Array): Outcome {
  return guarded(() => {
    const [number, part] = parsePart<StagedPart>(STAGED, data);
    const [message, welcome, epoch, ratchet, committer, aad, added, removed, own] = part;
    const following = parseSnapshot({ epoch, ratchet });
    if (epochOf(following) !== number) throw new DecodeError("parts do not fit");
    return {
      message: message ?? undefined,
      welcome: welcome ?? undefined,
      following,
      committer,
      aad,
      added: added.map(loadedMember),
      removed: removed.map(loadedMember),
      own,
      consumed: [],
    };
  });
}

function savedMember({ leaf, client, credential, signatureKey }: MemberLeaf): SavedMember {
  return [leaf, client, credential, signatureKey];
}

function loadedMember([leaf, client, credential, signatureKey]: SavedMember): MemberLeaf {
  return { leaf, client, credential, signatureKey };
}

function encodePart(kind: number, epoch: number, part: readonly unknown[]): Uint8Array {
  return encodeCbor([NAME, VERSION, kind, epoch, part]);
}

/** Epoch and content of a part; what it holds was written by `encodePart` and sealed since. */
function parsePart<Part>(kind: number, data: Uint8Array): [epoch: number, part: Part] {
  // A copy: what is loaded here may be wiped, and the bytes belong to the store.
  const [name, version, found, epoch, part] = decodeCbor(data.slice()) as [string, number, number, number, Part];
  if (name !== NAME) throw new DecodeError("not a saved state");
  if (version !== VERSION) throw new Unsupported("state version");
  if (found !== kind) throw new DecodeError("another part of the state");
  return [epoch, part];
}

/** Damaged bytes are a DecodeError, whatever trips over them. */
function guarded<T>(parse: () => T): T {
  try {
    return parse();
  } catch (problem) {
    throw problem instanceof MlsError ? problem : new DecodeError("damaged state");
  }
}
