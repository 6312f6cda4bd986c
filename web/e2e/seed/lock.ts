/** The app lock of the seed: off, or, by scene, open or closed. One passphrase opens it; a wrong one makes one wait. */
import type { Answer, Arguments, CallName, LockProof, LockView, NewWay } from "../../src/core/api.ts";
import { Refused } from "./answers.ts";
import type { World } from "./world.ts";

type LockCalls =
  | "lock"
  | "unlock"
  | "lock_on"
  | "lock_set"
  | "lock_drop"
  | "lock_after"
  | "lock_off"
  | "lock_now"
  | "lock_touch"
  | "lock_erase";
type Table = { [N in LockCalls & CallName]: (args: Arguments<N>) => Answer<N> };

const PASSKEY = { credential: "Y3JlZGVudGlhbA", salt: "c2FsdA" };
/** What opens it where a scene begins. */
const WAYS: Readonly<Record<string, Pick<LockView, "ways" | "passkey">>> = {
  locked: { ways: ["passphrase"] },
  "locked-waits": { ways: ["passphrase"] },
  "lock-on": { ways: ["passphrase"] },
  "locked-both": { ways: ["passkey", "passphrase"], passkey: PASSKEY },
  "lock-on-both": { ways: ["passkey", "passphrase"], passkey: PASSKEY },
  "locked-passkey": { ways: ["passkey"], passkey: PASSKEY },
  "lock-on-passkey": { ways: ["passkey"], passkey: PASSKEY },
};

/** changed: tell the tab how it stands. */
export function lockCalls(world: World, changed: () => void): Table {
  let view: LockView = {
    state: world.lock ?? "off",
    ways: [],
    possible: world.scene !== "memory-only",
    after_min: 5,
    ...WAYS[world.scene],
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
  const check = (proof: LockProof): void => {
    if (proof.kind === "passphrase" && proof.passphrase.startsWith("wrong")) throw new Refused("wrong-passphrase");
  };
  const checkNew = (way: NewWay): void => {
    if (way.kind === "passphrase" && way.passphrase.length < view.shortest) throw new Refused("short-passphrase");
  };
  return {
    lock: () => view,
    unlock: ({ proof }) => {
      check(proof);
      become("open");
    },
    lock_on: ({ way, after_min }) => {
      checkNew(way);
      return become("open", { after_min, ways: [way.kind] });
    },
    lock_set: ({ proof, way }) => {
      check(proof);
      checkNew(way);
      return become("open", { ways: [...new Set([...view.ways, way.kind])] });
    },
    lock_drop: ({ proof, kind }) => {
      check(proof);
      return become("open", { ways: view.ways.filter((one) => one !== kind) });
    },
    lock_after: ({ after_min }) => become("open", { after_min }),
    lock_off: ({ proof }) => {
      check(proof);
      return become("off", { ways: [] });
    },
    lock_now: () => void become("closed"),
    lock_touch: () => undefined,
    lock_erase: () => undefined,
  };
}
