/** What can be read of a group at one moment, alike for the current epoch and for a staged one. */
import { mlsExporter } from "ts-mls/keySchedule.js";
import { PastEpoch } from "./errors.ts";
import { type Snapshot, checkHere, endedTree, ownLeafOf } from "./snapshot.ts";
import { cryptoOf } from "./suites.ts";
import type { MemberLeaf } from "./types.ts";

/** What a Commit leads to, verified and not applied. */
export interface Outcome {
  /** MLSMessage bytes of our own Commit. */
  readonly message: Uint8Array | undefined;
  /** MLSMessage bytes of the Welcome; undefined without Adds. */
  readonly welcome: Uint8Array | undefined;
  readonly following: Snapshot;
  readonly committer: number;
  readonly aad: Uint8Array;
  /** With the leaves they have in the next epoch. */
  readonly added: readonly MemberLeaf[];
  /** With the leaves they had. */
  readonly removed: readonly MemberLeaf[];
  readonly own: boolean;
  /** Secrets that nobody needs once the next epoch is durable. */
  readonly consumed: readonly Uint8Array[];
}

/** length bytes that all members of this epoch derive alike (RFC 9420 8.5). Throws Removed. */
export async function exportSecret(
  snapshot: Snapshot,
  label: string,
  context: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  checkHere(snapshot);
  const { keySchedule, groupContext } = snapshot.state;
  return mlsExporter(keySchedule.exporterSecret, label, context, length, await cryptoOf(groupContext.cipherSuite));
}

/**
 * The next epoch with the ratchets of the ended one as they are by now, not as they were at the Commit's making.
 * Without this, messages received between a Commit of ours and its echo would open once more. Throws PastEpoch for a
 * Commit of another epoch than the group's: the race was lost, and applying it would wind the group back.
 */
export function carryOver(group: Snapshot, following: Snapshot): Snapshot {
  const ended = group.state.groupContext.epoch;
  if (following.state.groupContext.epoch !== ended + 1n) throw new PastEpoch("Commit of another epoch");
  const held = new Map([...group.state.historicalReceiverData].map(([epoch, data]) => [epoch, data.secretTree]));
  held.set(ended, endedTree(group.state.secretTree, ownLeafOf(group)));
  const kept = [...following.state.historicalReceiverData].flatMap(([epoch, data]) => {
    const secretTree = held.get(epoch);
    return secretTree === undefined ? [] : [[epoch, { ...data, secretTree }] as const];
  });
  return { ...following, state: { ...following.state, historicalReceiverData: new Map(kept) } };
}
