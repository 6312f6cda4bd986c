/** The database of a profile: object stores, indexes, numbered upgrades (web.md 4). */
import {
  type DBSchema,
  type IDBPDatabase,
  type IDBPTransaction,
  type StoreNames,
  deleteDB,
  openDB,
  unwrap,
  wrap,
} from "idb";
import { error } from "../../protocol/errors.ts";
import { namedLike } from "./failures.ts";
import { KEYED, type Keyed, ORDERED, type Ordered } from "./types.ts";

/** A sealed row of a keyed table. key: 16 bytes, HMAC of the id. at: Unix ms of the last write. iv: 12 bytes. */
export interface KeyedRow {
  readonly key: Uint8Array;
  readonly at: number;
  readonly iv: Uint8Array;
  readonly ct: Uint8Array;
}

/** A sealed row of an ordered table. n: its number. owner, key: 16 bytes each, HMACs of ids. iv: 12 bytes. */
export interface OrderedRow {
  readonly n: number;
  readonly owner: Uint8Array;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly ct: Uint8Array;
}

/** Numbers in the clear: `fence` counts leads, `next:<table>` is the next number of an ordered table. */
export type Counter = "fence" | `next:${Ordered}`;

type Schema = DBSchema & {
  counter: { key: string; value: number };
  vault: { key: string; value: unknown };
  /** Keys `[blob, n]`: the ciphertexts of files are under keys of their own and lie here as they are. */
  chunk: { key: [Uint8Array, number]; value: Uint8Array };
} & {
  [T in Keyed]: { key: Uint8Array; value: KeyedRow; indexes: { at: number } };
} & {
  [T in Ordered]: { key: number; value: OrderedRow; indexes: { key: Uint8Array; owner: [Uint8Array, number] } };
};

export type Database = IDBPDatabase<Schema>;
export type StoreName = StoreNames<Schema>;
export type Upgrade = (db: Database, tx: IDBPTransaction<Schema, StoreName[], "versionchange">) => void;

/** The stores that are missing. */
const create: Upgrade = (db) => {
  const missing = (name: StoreName): boolean => !db.objectStoreNames.contains(name);
  for (const name of ["counter", "vault", "chunk"] as const) if (missing(name)) db.createObjectStore(name);
  for (const table of KEYED.filter(missing)) {
    db.createObjectStore(table, { keyPath: "key" }).createIndex("at", "at");
  }
  for (const table of ORDERED.filter(missing)) {
    const store = db.createObjectStore(table, { keyPath: "n" });
    store.createIndex("key", "key", { unique: true });
    store.createIndex("owner", ["owner", "n"]);
  }
};

/** Upgrade i leads from version i to i + 1. Version 2 has `file`, `upload` and `chunk` besides, 3 `deadline`. */
export const UPGRADES: readonly Upgrade[] = [create, create, create];

export interface Opening {
  readonly upgrades?: readonly Upgrade[];
  /** Called when another tab wants to upgrade or erase the database; this connection is closed already. */
  readonly onTaken?: () => void;
  /** Called when the browser ended the connection by itself: site data was cleared (erased), or its storage failed. */
  readonly onLost?: (erased: boolean) => void;
}

export function databaseName(profile: string): string {
  return `zajil-${profile}`;
}

/**
 * The open database of a profile, brought to the newest version.
 *
 * Throws `newer-schema` and touches nothing when a later version of Zajil wrote it, `no-browser-support` where there is
 * no IndexedDB.
 */
export async function openDatabase(
  profile: string,
  { upgrades = UPGRADES, onTaken, onLost }: Opening = {},
): Promise<Database> {
  if (typeof indexedDB === "undefined") throw error("no-browser-support", "no IndexedDB");
  try {
    const db = await openDB<Schema>(databaseName(profile), upgrades.length, {
      upgrade(opened, from, _to, tx) {
        for (const upgrade of upgrades.slice(from)) upgrade(opened, tx);
      },
      blocking(_current, _wanted, event) {
        (event.target as IDBDatabase).close();
        onTaken?.();
      },
      terminated() {
        void isThere(profile).then((there) => onLost?.(!there));
      },
    });
    silenceEnds(unwrap(db));
    return db;
  } catch (problem) {
    if (namedLike(problem, "VersionError")) throw error("newer-schema");
    throw problem;
  }
}

/**
 * idb makes a promise of each transaction's end. That of a read is nobody's: its request fails as well, and is told.
 * Where site data is cleared under a tab, those promises would be reported as bugs.
 */
function silenceEnds(db: IDBDatabase): void {
  const begin = db.transaction.bind(db);
  db.transaction = (...args) => {
    const tx = begin(...args);
    (wrap(tx) as IDBPTransaction).done.catch(() => undefined);
    return tx;
  };
}

/** Whether the profile's database exists; where the browser cannot tell, it does. */
export async function isThere(profile: string): Promise<boolean> {
  if (typeof indexedDB.databases !== "function") return true;
  const found = await indexedDB.databases().catch(() => undefined);
  return found === undefined || found.some(({ name }) => name === databaseName(profile));
}

/** Deletes the database; other connections of this origin are asked to close first. */
export async function eraseDatabase(profile: string): Promise<void> {
  await deleteDB(databaseName(profile));
}
