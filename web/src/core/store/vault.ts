/**
 * The keys of a profile. A wrapping key (KEK) wraps the data key, the index key, the device key and the account seed.
 * It is generated in place and cannot be exported, or, under app lock, it lies in the vault under a key that somebody
 * has to bring (core/lock): then nothing in the vault opens anything by itself.
 *
 * Without app lock a copied browser profile is readable: the browser stores the KEK beside the database (web.md 4).
 */
import { error } from "../../protocol/errors.ts";
import { namedLike } from "./failures.ts";
import {
  KEYED,
  ORDERED,
  type DeviceKey,
  type Kek,
  type OpenKeys,
  type SecretName,
  type Secrets,
  type VaultKeys,
  type VaultTurn,
  type Wrapped,
  type WrappedKeys,
} from "./types.ts";
import type { Database } from "./schema.ts";
import { Sealer, type StoreKeys, owned } from "./sealing.ts";
import { openWrapped, wrapKey, wrapping } from "./wrapping.ts";
import { raiseFence } from "./writing.ts";

const AES = { name: "AES-GCM", length: 256 } as const;
const HMAC = { name: "HMAC", hash: "SHA-256", length: 256 } as const;
const KEK_USES = ["encrypt", "decrypt", "wrapKey", "unwrapKey"] as const;

/** The opened keys of a profile; made at the first opening. */
export interface Opened {
  readonly kek: Kek;
  readonly keys: StoreKeys;
  /** False where the browser stores no CryptoKey (private windows). */
  readonly durable: boolean;
}

/**
 * Opens the vault or fills it. Where the browser refuses to store a CryptoKey, the keys live in memory alone.
 *
 * kek: of a vault under app lock. Throws `app-locked` where that is missing or of another lock.
 */
export async function openVault(db: Database, kek?: Kek): Promise<Opened> {
  const found = (await db.get("vault", "keys")) as VaultKeys | undefined;
  if (found !== undefined) return openFound(found, kek);
  const made = await makeKeys();
  try {
    return await openFound(await keepKeys(db, made), undefined);
  } catch (problem) {
    if (!namedLike(problem, "DataCloneError")) throw problem;
    await emptyTables(db);
    return unwrapKeys(made.kek, made, false);
  }
}

async function openFound(found: VaultKeys, kek: Kek | undefined): Promise<Opened> {
  if (!("lock" in found)) return unwrapKeys(found.kek, found, true);
  if (kek === undefined) throw error("app-locked");
  return unwrapKeys(kek, found, true);
}

/** The keys in the vault: ours, or those that another tab stored in the meantime. */
async function keepKeys(db: Database, made: VaultKeys): Promise<VaultKeys> {
  const tx = db.transaction("vault", "readwrite", { durability: "strict" });
  const present = (await tx.store.get("keys")) as VaultKeys | undefined;
  try {
    if (present === undefined) await tx.store.put(made, "keys");
  } catch (problem) {
    tx.done.catch(() => undefined);
    throw problem;
  }
  await tx.done;
  return present ?? made;
}

async function makeKeys(): Promise<OpenKeys> {
  const kek = await crypto.subtle.generateKey(AES, false, KEK_USES);
  const data = await crypto.subtle.generateKey(AES, true, ["encrypt", "decrypt"]);
  const index = await crypto.subtle.generateKey(HMAC, true, ["sign"]);
  return { kek, data: await wrapKey(kek, "data", "raw", data), index: await wrapKey(kek, "index", "raw", index) };
}

async function unwrapKeys(kek: Kek, { data, index }: WrappedKeys, durable: boolean): Promise<Opened> {
  const [dataKey, indexKey] = await Promise.all([
    openWrapped(kek, "data", data, { format: "raw", algorithm: AES, uses: ["encrypt", "decrypt"] }),
    openWrapped(kek, "index", index, { format: "raw", algorithm: HMAC, uses: ["sign"] }),
  ]);
  return { kek, keys: { data: dataKey, index: indexKey }, durable };
}

/** Rows sealed under keys that were never stored can never be opened again; whoever wrote them is fenced off. */
async function emptyTables(db: Database): Promise<void> {
  const stores = [...KEYED, ...ORDERED];
  await raiseFence(db, stores, (tx) => {
    for (const table of stores) tx.objectStore(table).clear();
  });
}

/** How the vault writes: one fenced transaction over the store `vault`. */
export type WriteVault = (work: (vault: IDBObjectStore) => void) => Promise<void>;

/** The device key and the wrapped secrets of a profile. One call after another. */
export class Vault implements Secrets {
  /** Where nothing can be stored. */
  private readonly memory = new Map<string, DeviceKey | Wrapped>();
  private kek: Kek;
  /** The device key, once it was used. */
  private device: CryptoKey | undefined;
  /** The end of the last call in the queue. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly db: Database,
    private readonly opened: Opened,
    private readonly write: WriteVault,
  ) {
    this.kek = opened.kek;
  }

  makeDeviceKey(): Promise<Uint8Array> {
    return this.inTurn(async () => {
      const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
      const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
      await this.put("device", { sealed: await wrapKey(this.kek, "device", "pkcs8", pair.privateKey), publicKey });
      this.device = undefined;
      return publicKey;
    });
  }

  devicePublicKey(): Promise<Uint8Array | undefined> {
    return this.inTurn(async () => ((await this.find("device")) as DeviceKey | undefined)?.publicKey);
  }

  sign(data: Uint8Array): Promise<Uint8Array> {
    return this.inTurn(async () => {
      this.device ??= await this.openDevice();
      return new Uint8Array(await crypto.subtle.sign("Ed25519", this.device, owned(data)));
    });
  }

  keep(name: SecretName, secret: Uint8Array): Promise<void> {
    return this.inTurn(async () => {
      const iv = crypto.getRandomValues(new Uint8Array(12));
      const ct = await crypto.subtle.encrypt(wrapping(iv, name), this.kek, owned(secret));
      await this.put(name, { iv, ct: new Uint8Array(ct) });
    });
  }

  open(name: SecretName): Promise<Uint8Array | undefined> {
    return this.inTurn(async () => {
      const wrapped = (await this.find(name)) as Wrapped | undefined;
      if (wrapped === undefined) return undefined;
      try {
        return new Uint8Array(await crypto.subtle.decrypt(wrapping(wrapped.iv, name), this.kek, owned(wrapped.ct)));
      } catch {
        throw error("home-damaged", "", { detail: { table: "vault" } });
      }
    });
  }

  forget(name: SecretName): Promise<void> {
    return this.inTurn(async () => {
      this.memory.delete(name);
      await this.write((vault) => vault.delete(name));
    });
  }

  turn<T>(work: (turn: VaultTurn) => Promise<T>): Promise<T> {
    return this.inTurn(() =>
      work({
        kek: this.kek,
        find: (name) => this.find(name),
        write: async (rows, kek = this.kek) => {
          if (!this.opened.durable) throw error("no-browser-support", "nothing is kept here");
          await this.write((vault) => {
            for (const [name, row] of rows) vault.put(row, name);
          });
          this.kek = kek;
        },
      }),
    );
  }

  private async openDevice(): Promise<CryptoKey> {
    const device = (await this.find("device")) as DeviceKey | undefined;
    if (device?.privateKey !== undefined) return device.privateKey;
    if (device?.sealed === undefined) throw error("no-home");
    return openWrapped(this.kek, "device", device.sealed, { format: "pkcs8", algorithm: "Ed25519", uses: ["sign"] });
  }

  /** A key that is being put under another KEK is read by nobody meanwhile. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }

  private async find(name: string): Promise<unknown> {
    return this.opened.durable ? this.db.get("vault", name) : this.memory.get(name);
  }

  private async put(name: string, value: DeviceKey | Wrapped): Promise<void> {
    if (this.opened.durable) await this.write((vault) => vault.put(value, name));
    else this.memory.set(name, value);
  }
}

export function sealerOf(opened: Opened): Sealer {
  return new Sealer(opened.keys);
}
