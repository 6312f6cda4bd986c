/**
 * What a device keeps of its recovery key, and the moves between the states of one. Twin of zajil.client.state.recovery.
 *
 * none -> shown -> confirmed -> rotated -> confirmed: a key is *shown* once it was made, *confirmed* once the person typed
 * it back, and *rotated* where a new one took its place and was not typed back yet. The backup is kept from *shown* on.
 */
import { error } from "../../protocol/errors.ts";
import { parseUint } from "../../protocol/bytes.ts";
import { encodeRow, parseRow } from "../state/rows.ts";
import type { Step } from "../state/step.ts";
import type { ReadTx, Tx } from "../store/types.ts";
import { RECOVERY } from "./row.ts";

/** Within so long a backup is stored again where the server went back: at once it would tell the server whose it is. */
const AGAIN_MS = 86_400_000;

export type RecoveryState = "none" | "shown" | "confirmed" | "rotated";
export type RecoveryMove = "show" | "confirm" | "rotate";

const MOVES: Readonly<Record<RecoveryState, Partial<Record<RecoveryMove, RecoveryState>>>> = {
  none: { show: "shown" },
  shown: { show: "shown", confirm: "confirmed", rotate: "rotated" },
  confirmed: { show: "confirmed", confirm: "confirmed", rotate: "rotated" },
  rotated: { show: "rotated", confirm: "confirmed", rotate: "rotated" },
};

/** A key that was replaced and whose backup is still to be deleted. version: of that backup. */
export interface OldKey {
  readonly key: Uint8Array;
  readonly version: number;
}

/**
 * key: 20 bytes, empty before there is one. version: of the newest backup we know the server to hold. digest: of what
 * that one holds, empty where none of this key is stored yet. stored_at: Unix ms. again_at: Unix ms from which it is stored
 * again since the server went back, 0 where it did not. problem: error code of the last try, empty when it succeeded.
 */
export interface Recovery {
  readonly key: Uint8Array;
  readonly state: RecoveryState;
  readonly version: number;
  readonly digest: Uint8Array;
  readonly stored_at: number;
  readonly again_at: number;
  readonly problem: string;
  readonly old: readonly OldKey[];
}

const NONE = new Uint8Array();
export const EMPTY_RECOVERY: Recovery = {
  key: NONE,
  state: "none",
  version: 0,
  digest: NONE,
  stored_at: 0,
  again_at: 0,
  problem: "",
  old: [],
};

/** Where a move leads. Throws HomeError `no-recovery-key` for one that needs a key where there is none. */
export function nextState(state: RecoveryState, move: RecoveryMove): RecoveryState {
  const after = MOVES[state][move];
  if (after === undefined) throw error("no-recovery-key");
  return after;
}

/** What is kept. */
export async function loadRecovery(tx: ReadTx): Promise<Recovery> {
  const data = await tx.find("meta", RECOVERY);
  return data === undefined ? EMPTY_RECOVERY : parseRow<Recovery>(data, EMPTY_RECOVERY);
}

/** Write some fields of it; the new value. */
export async function changeRecovery(tx: Tx, fields: Partial<Recovery>): Promise<Recovery> {
  const after = { ...(await loadRecovery(tx)), ...fields };
  await tx.put("meta", RECOVERY, encodeRow(after));
  return after;
}

/** The server went back, to an older backup or to none: without this one the recovery key would lead to nobody. */
export async function storeAgain(step: Step): Promise<void> {
  const { key, again_at } = await loadRecovery(step.tx);
  if (key.length > 0 && again_at === 0)
    await changeRecovery(step.tx, { again_at: step.now + 1 + (parseUint(step.rng(6)) % AGAIN_MS) });
}
