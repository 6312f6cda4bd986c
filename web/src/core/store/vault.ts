/**
 * The keys of a profile. A wrapping key (KEK) is generated in place and cannot be exported; it wraps the data key, the
 * index key and the account seed. The device key is generated in place and cannot be exported either.
 *
 * A copied browser profile is readable all the same: the browser stores key material beside the database (web.md 4).
 */
import { error } from "../../protocol/errors.ts";
import { namedLike } from "./failures.ts";
import { KEYED, ORDERED, type SecretName, type Secrets } from "./types.ts";
import type { Database } from "./schema.ts";
import { Sealer, type StoreKeys, owned } from "./sealing.ts";
import { raiseFence } from "./writing.ts";

/** Wrapped by the KEK: AES-256-GCM, 12-byte iv, AAD = the name of what is wrapped. */
interface Wrapped {
  readonly iv: Uint8Array;
  readonly ct: Uint8Array;
}

interface VaultKeys {
  readonly kek: CryptoKey;
  readonly data: Wrapped;
  readonly index: Wrapped;
}

interface DeviceKey {
  readonly privateKey: CryptoKey;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

const AES = { name: "AES-GCM", length: 256 } as const;
const HMAC = { name: "HMAC", hash: "SHA-256", length: 256 } as const;

/** The opened keys of a profile; made at the first opening. */
export interface Opened {
  readonly kek: CryptoKey;
  readonly keys: StoreKeys;
  /** False where the browser stores no CryptoKey (private windows). */
  readonly durable: boolean;
}

/** Opens the vault or fills it. Where the browser refuses to store a CryptoKey, the keys live in memory alone. */
export async function openVault(db: Database): Promise<Opened> {
  const found = (await db.get("vault", "keys")) as VaultKeys | undefined;
  if (found !== undefined) return unwrapKeys(found, true);
  const made = await makeKeys();
  try {
    return await unwrapKeys(await keepKeys(db, made), true);
  } catch (problem) {
    if (!namedLike(problem, "DataCloneError")) throw problem;
    await emptyTables(db);
    return unwrapKeys(made, false);
  }
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

async function makeKeys(): Promise<VaultKeys> {
  const kek = await crypto.subtle.generateKey(AES, false, ["encrypt", "decrypt", "wrapKey", "unwrapKey"]);
  const data = await crypto.subtle.generateKey(AES, true, ["encrypt", "decrypt"]);
  const index = await crypto.subtle.generateKey(HMAC, true, ["sign"]);
  return { kek, data: await wrap(kek, "data", data), index: await wrap(kek, "index", index) };
}

async function wrap(kek: CryptoKey, name: string, key: CryptoKey): Promise<Wrapped> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  return { iv, ct: new Uint8Array(await crypto.subtle.wrapKey("raw", key, kek, wrapping(iv, name))) };
}

async function unwrapKeys({ kek, data, index }: VaultKeys, durable: boolean): Promise<Opened> {
  try {
    const [dataKey, indexKey] = await Promise.all([
      crypto.subtle.unwrapKey("raw", owned(data.ct), kek, wrapping(data.iv, "data"), AES, false, [
        "encrypt",
        "decrypt",
      ]),
      crypto.subtle.unwrapKey("raw", owned(index.ct), kek, wrapping(index.iv, "index"), HMAC, false, ["sign"]),
    ]);
    return { kek, keys: { data: dataKey, index: indexKey }, durable };
  } catch {
    throw error("home-damaged", "", { detail: { table: "vault" } });
  }
}

function wrapping(iv: Uint8Array, name: string): AesGcmParams {
  return { name: "AES-GCM", iv: owned(iv), additionalData: new TextEncoder().encode(`zajil vault v1 ${name}`) };
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

/** The device key and the wrapped secrets of a profile. */
export class Vault implements Secrets {
  /** Where nothing can be stored. */
  private readonly memory = new Map<string, DeviceKey | Wrapped>();

  constructor(
    private readonly db: Database,
    private readonly opened: Opened,
    private readonly write: WriteVault,
  ) {}

  async makeDeviceKey(): Promise<Uint8Array> {
    const pair = (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;
    const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    await this.put("device", { privateKey: pair.privateKey, publicKey });
    return publicKey;
  }

  async devicePublicKey(): Promise<Uint8Array | undefined> {
    return ((await this.find("device")) as DeviceKey | undefined)?.publicKey;
  }

  async sign(data: Uint8Array): Promise<Uint8Array> {
    const device = (await this.find("device")) as DeviceKey | undefined;
    if (device === undefined) throw error("no-home");
    return new Uint8Array(await crypto.subtle.sign("Ed25519", device.privateKey, owned(data)));
  }

  async keep(name: SecretName, secret: Uint8Array): Promise<void> {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const ct = await crypto.subtle.encrypt(wrapping(iv, name), this.opened.kek, owned(secret));
    await this.put(name, { iv, ct: new Uint8Array(ct) });
  }

  async open(name: SecretName): Promise<Uint8Array | undefined> {
    const wrapped = (await this.find(name)) as Wrapped | undefined;
    if (wrapped === undefined) return undefined;
    try {
      return new Uint8Array(
        await crypto.subtle.decrypt(wrapping(wrapped.iv, name), this.opened.kek, owned(wrapped.ct)),
      );
    } catch {
      throw error("home-damaged", "", { detail: { table: "vault" } });
    }
  }

  async forget(name: SecretName): Promise<void> {
    this.memory.delete(name);
    await this.write((vault) => vault.delete(name));
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
