/** Puts the vault under app lock and out of it: all that its KEK wraps goes under another one, in one transaction. */
import { error } from "../../protocol/errors.ts";
import {
  type DeviceKey,
  type Kek,
  type LockRow,
  type LockWay,
  type SecretName,
  type Secrets,
  type VaultKeys,
  type VaultTurn,
  type Wrapped,
  type WrappedKeys,
  wrapping,
} from "../store/index.ts";

const AES = { name: "AES-GCM", length: 256 } as const;
const KEK_USES = ["encrypt", "decrypt", "wrapKey", "unwrapKey"] as const;
const SECRETS: readonly SecretName[] = ["account-seed", "account-seed-next"];

/**
 * From now on the vault opens by these ways alone.
 *
 * makeWays: wraps a KEK that is extractable for so long. Answers the one that opens the vault from now on. Throws `no-browser-support` where nothing is kept.
 */
export function switchLockOn(
  secrets: Secrets,
  after_ms: number,
  makeWays: (kek: Kek) => Promise<readonly LockWay[]>,
): Promise<Kek> {
  return secrets.turn(async (turn) => {
    const made = await crypto.subtle.generateKey(AES, true, KEK_USES);
    const lock: LockRow = { ways: await makeWays(made), after_ms };
    const raw = new Uint8Array(await crypto.subtle.exportKey("raw", made));
    const kek = await crypto.subtle.importKey("raw", raw, AES, false, KEK_USES);
    raw.fill(0);
    await rewrap(turn, kek, (keys) => ({ lock, ...keys }));
    return kek;
  });
}

/** Other ways to the same KEK, or another time. Throws `wrong-call` where the lock is off. */
export function changeLock(secrets: Secrets, change: (lock: LockRow) => LockRow): Promise<void> {
  return secrets.turn(async (turn) => {
    const keys = (await turn.find("keys")) as VaultKeys;
    if (!("lock" in keys)) throw error("wrong-call", "app lock is off");
    await turn.write(new Map([["keys", { ...keys, lock: change(keys.lock) }]]));
  });
}

/** From now on the vault opens by itself. */
export function switchLockOff(secrets: Secrets): Promise<void> {
  return secrets.turn(async (turn) => {
    const kek = await crypto.subtle.generateKey(AES, false, KEK_USES);
    await rewrap(turn, kek, (keys) => ({ kek, ...keys }));
  });
}

/** Whether app lock covers the device key: one that an older version made lies there as the browser keeps keys. */
export async function isDeviceCovered(secrets: Secrets): Promise<boolean> {
  const device = (await secrets.turn((turn) => turn.find("device"))) as DeviceKey | undefined;
  return device === undefined || device.sealed !== undefined;
}

/** Before its end the old KEK opens all, after it the new one. */
async function rewrap(turn: VaultTurn, kek: Kek, row: (keys: WrappedKeys) => VaultKeys): Promise<void> {
  const { data, index } = (await turn.find("keys")) as VaultKeys;
  const over = { from: turn.kek, to: kek };
  const keys = row({ data: await wrapAgain(over, "data", data), index: await wrapAgain(over, "index", index) });
  const rows = new Map<string, unknown>([["keys", keys]]);
  const device = (await turn.find("device")) as DeviceKey | undefined;
  if (device?.sealed !== undefined)
    rows.set("device", { ...device, sealed: await wrapAgain(over, "device", device.sealed) });
  for (const name of SECRETS) {
    const wrapped = (await turn.find(name)) as Wrapped | undefined;
    if (wrapped !== undefined) rows.set(name, await wrapAgain(over, name, wrapped));
  }
  await turn.write(rows, kek);
}

/** What lies under one KEK, under another. Throws `home-damaged`. */
async function wrapAgain(
  { from, to }: { readonly from: Kek; readonly to: Kek },
  name: string,
  { iv, ct }: Wrapped,
): Promise<Wrapped> {
  let clear: Uint8Array<ArrayBuffer>;
  try {
    clear = new Uint8Array(await crypto.subtle.decrypt(wrapping(iv, name), from, new Uint8Array(ct)));
  } catch {
    throw error("home-damaged", "", { detail: { table: "vault" } });
  }
  const fresh = crypto.getRandomValues(new Uint8Array(12));
  try {
    return { iv: fresh, ct: new Uint8Array(await crypto.subtle.encrypt(wrapping(fresh, name), to, clear)) };
  } finally {
    clear.fill(0);
  }
}
