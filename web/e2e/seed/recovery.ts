/** The recovery key of the seed: one key, by scene how it stands, and keys that fail in each way. */
import type { Answer, Arguments, CallName, CoreEvent, RecoveryView } from "../../src/core/api.ts";
import { Refused } from "./answers.ts";
import { DAY, NOW, must, type World } from "./world.ts";

type RecoveryCalls =
  | "recovery"
  | "show_recovery_key"
  | "confirm_recovery_key"
  | "rotate_recovery_key"
  | "restore_account"
  | "export_chats"
  | "delete_account";
type Table = { [N in RecoveryCalls & CallName]: (args: Arguments<N>) => Answer<N> };

export const KEY = "R5EN-RF5R-8M2T-04QK-J7WX-1C3D-VBH6-9Z0Y";
const NEXT = "4T7K-0XQM-R21C-W8DN-5HJ3-ZB6V-9PEF-YA4G";
const NONE: RecoveryView = { state: "none", stored_at: 0, current: false, problem: "", able: true };
const STORED = { ...NONE, stored_at: NOW - 2 * DAY, current: true };

/** How it stands where a scene begins. */
const VIEWS: Readonly<Record<string, RecoveryView>> = {
  "key-shown": { ...STORED, state: "shown" },
  "key-confirmed": { ...STORED, state: "confirmed" },
  "key-rotated": { ...STORED, state: "rotated" },
  "key-waits": { ...NONE, state: "shown" },
  "key-problem": { ...STORED, state: "confirmed", current: false, problem: "storage-full" },
  "key-limited": { ...NONE, able: false },
};

/** Keys that a person could type, by their first group, and what becomes of them. */
const REFUSED: Readonly<Record<string, string>> = {
  NONE: "no-backup",
  GONE: "not-allowed",
  FULL: "not-permitted",
  ELSE: "not-this-server",
  SLOW: "slow-down",
  LINE: "unreachable",
};

export function recoveryCalls(world: World, emit: (event: CoreEvent) => void): Table {
  let view = VIEWS[world.scene] ?? NONE;
  let key = KEY;
  const change = (state: RecoveryView["state"]): void => {
    view = { ...STORED, state };
    emit({ event: "recovery" });
  };
  return {
    recovery: () => view,
    show_recovery_key: () => {
      if (view.state === "none") change("shown");
      return key;
    },
    rotate_recovery_key: () => {
      key = NEXT;
      change("rotated");
      return key;
    },
    confirm_recovery_key: ({ group, text }) => {
      if (text.trim().toUpperCase() !== key.split("-")[group]) throw new Refused("bad-recovery-key");
      change("confirmed");
    },
    restore_account: ({ key: typed }) => {
      const code = REFUSED[typed.slice(0, 4).toUpperCase()];
      throw new Refused(code ?? "bad-recovery-key");
    },
    export_chats: ({ format, words }) => new Blob([format === "json" ? "{}" : words.title]),
    delete_account: () => {
      must(world.me);
      throw new Refused("stale-list");
    },
  };
}
