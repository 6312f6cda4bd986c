/** The app lock of the seed: off, or, by scene, open or closed. One passphrase opens it; a wrong one makes one wait. */
import type { Answer, Arguments, CallName, LockView } from "../../src/core/api.ts";
import { Refused } from "./answers.ts";
import type { World } from "./world.ts";

type LockCalls =
  "lock" | "unlock" | "lock_on" | "lock_change" | "lock_after" | "lock_off" | "lock_now" | "lock_touch" | "lock_erase";
type Table = { [N in LockCalls & CallName]: (args: Arguments<N>) => Answer<N> };

/** changed: tell the tab how it stands. */
export function lockCalls(world: World, changed: () => void): Table {
  let view: LockView = {
    state: world.lock ?? "off",
    possible: world.scene !== "memory-only",
    after_min: 5,
    shortest: 8,
    wait_ms: world.scene === "locked-waits" ? 60_000 : 0,
    covers_device: true,
  };
  const become = (state: LockView["state"], more: Partial<LockView> = {}): LockView => {
    view = { ...view, state, ...more };
    world.lock = state === "off" ? undefined : state;
    changed();
    return view;
  };
  const check = (passphrase: string): void => {
    if (passphrase.startsWith("wrong")) throw new Refused("wrong-passphrase");
  };
  return {
    lock: () => view,
    unlock: ({ passphrase }) => {
      check(passphrase);
      become("open");
    },
    lock_on: ({ passphrase, after_min }) => {
      if (passphrase.length < view.shortest) throw new Refused("short-passphrase");
      return become("open", { after_min });
    },
    lock_change: ({ passphrase }) => {
      check(passphrase);
      return view;
    },
    lock_after: ({ after_min }) => become("open", { after_min }),
    lock_off: ({ passphrase }) => {
      check(passphrase);
      return become("off");
    },
    lock_now: () => void become("closed"),
    lock_touch: () => undefined,
    lock_erase: () => undefined,
  };
}
