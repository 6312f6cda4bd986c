/** From ts-mls' next state to ours: what of the ended epoch is kept, and for how long (mls.md 7.3, 7.4). */
import type { EpochReceiverData } from "ts-mls/epochReceiverData.js";
import type { GroupState } from "ts-mls/clientState.js";
import type { Extension as RawExtension } from "ts-mls/extension.js";
import type { RatchetTree } from "ts-mls/ratchetTree.js";
import { type Snapshot, endedTree, leavesOnly, ownLeafOf, prunedTree } from "./snapshot.ts";
import { keptKeys } from "./rules/trees.ts";
import { LIMITS } from "./types.ts";

const NOTHING = new Uint8Array();

export interface Next {
  readonly clients: readonly (Uint8Array | undefined)[];
  /** A Remove drops every past epoch: only the removed could still speak there. */
  readonly drops: boolean;
  readonly now: number;
}

/** The next epoch as ts-mls made it, with our rules of what stays. before: the group in the ended epoch. */
export function follow(before: Snapshot, state: GroupState, { clients, drops, now }: Next): Snapshot {
  const past = new Map<bigint, EpochReceiverData>();
  const endedAt = new Map<bigint, number>();
  if (!drops) {
    for (const [epoch, data, at] of keptEpochs(before, now)) {
      past.set(epoch, data);
      endedAt.set(epoch, at);
    }
  }
  return {
    state: {
      ...state,
      historicalReceiverData: past,
      unappliedProposals: {},
      secretTree: prunedTree(state.secretTree),
      privatePath: keptKeys(state.ratchetTree, state.privatePath),
    },
    clients,
    endedAt,
  };
}

/** The ended epoch and the older ones the policy still keeps, newest first. */
function keptEpochs(before: Snapshot, now: number): [bigint, EpochReceiverData, number][] {
  const { groupContext, ratchetTree, secretTree, keySchedule, historicalReceiverData } = before.state;
  const ended: EpochReceiverData = {
    groupContext,
    ratchetTree: leavesOnly(ratchetTree),
    secretTree: endedTree(secretTree, ownLeafOf(before)),
    senderDataSecret: keySchedule.senderDataSecret,
    resumptionPsk: NOTHING,
  };
  const older = [...historicalReceiverData].map(([epoch, data]): [bigint, EpochReceiverData, number] => [
    epoch,
    data,
    before.endedAt.get(epoch) ?? 0,
  ]);
  const all: [bigint, EpochReceiverData, number][] = [[groupContext.epoch, ended, now], ...older];
  return all
    .filter(([, , at]) => now - at <= LIMITS.pastAgeS)
    .sort(([a], [b]) => (a < b ? 1 : -1))
    .slice(0, LIMITS.pastEpochs);
}

/** The group without the past epochs that are too old by now; the same value if there are none. */
export function unexpired(snapshot: Snapshot, now: number): Snapshot {
  const old = [...snapshot.endedAt].filter(([, at]) => now - at > LIMITS.pastAgeS).map(([epoch]) => epoch);
  if (old.length === 0) return snapshot;
  const past = [...snapshot.state.historicalReceiverData].filter(([epoch]) => !old.includes(epoch));
  const endedAt = [...snapshot.endedAt].filter(([epoch]) => !old.includes(epoch));
  return {
    ...snapshot,
    state: { ...snapshot.state, historicalReceiverData: new Map(past) },
    endedAt: new Map(endedAt),
  };
}

/** C8: the group without us. Its secrets were never derivable, ours of the ended epoch go now. */
export function removedSnapshot(
  before: Snapshot,
  tree: RatchetTree,
  extensions: readonly RawExtension[],
  clients: readonly (Uint8Array | undefined)[],
): Snapshot {
  const { groupContext, privatePath } = before.state;
  return {
    state: {
      groupContext: { ...groupContext, epoch: groupContext.epoch + 1n, extensions: [...extensions], treeHash: NOTHING },
      ratchetTree: tree,
      keySchedule: {
        senderDataSecret: NOTHING,
        exporterSecret: NOTHING,
        externalSecret: NOTHING,
        confirmationKey: NOTHING,
        membershipKey: NOTHING,
        resumptionPsk: NOTHING,
        epochAuthenticator: NOTHING,
        initSecret: NOTHING,
      },
      secretTree: [],
      privatePath: { leafIndex: privatePath.leafIndex, privateKeys: {} },
      signaturePrivateKey: NOTHING,
      unappliedProposals: {},
      confirmationTag: NOTHING,
      historicalReceiverData: new Map(),
      groupActiveState: { kind: "removedFromGroup" },
    },
    clients,
    endedAt: new Map(),
  };
}
