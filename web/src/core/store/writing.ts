/** Fenced, durable write transactions: rows are sealed first, then written in one go (web.md 4, "Transaction"). */
import { unwrap } from "idb";
import { type Cache, type KeyedValue, type OrderedValue, nameOf } from "./cache.ts";
import { LostLead, explainFailure } from "./failures.ts";
import type { Overlay } from "./overlay.ts";
import type { Counter, Database, KeyedRow, OrderedRow, StoreName } from "./schema.ts";
import type { Sealer } from "./sealing.ts";
import type { Ordered, Table } from "./types.ts";

/** One table's part of a transaction, sealed. */
export interface Batch {
  readonly table: Table;
  readonly cleared: boolean;
  readonly deletes: readonly (Uint8Array | number)[];
  readonly puts: readonly (KeyedRow | OrderedRow)[];
}

/**
 * One `readwrite` transaction with `durability: "strict"`: resolves when it is on disk, rejects when none of it is.
 *
 * fence: the value that this store wrote when it took the lead; another one there means that another tab leads by now
 * (LostLead). work: issues requests and awaits nothing. Throws `storage-full`.
 */
export function writeFenced(
  db: Database,
  fence: number | undefined,
  stores: readonly StoreName[],
  work: (tx: IDBTransaction) => void,
): Promise<void> {
  if (fence === undefined) return Promise.reject(new LostLead());
  return write(db, stores, (tx, found) => {
    if (found !== fence) throw new LostLead();
    work(tx);
  });
}

/** Counts one more lead and returns its number: from now on every other store of the profile is fenced off. */
export async function raiseFence(
  db: Database,
  stores: readonly StoreName[] = [],
  work: (tx: IDBTransaction) => void = () => undefined,
): Promise<number> {
  let fence = 0;
  await write(db, stores, (tx, found) => {
    fence = found + 1;
    tx.objectStore("counter").put(fence, "fence" satisfies Counter);
    work(tx);
  });
  return fence;
}

/** The sealed form of everything a step wrote. */
export async function sealChanges(sealer: Sealer, overlay: Overlay): Promise<Batch[]> {
  const keyed = [...overlay.keyed].map(async ([table, { cleared, rows }]): Promise<Batch> => {
    const puts = present(rows).map(async ({ key, at, value }: KeyedValue): Promise<KeyedRow> => {
      return { key, at, ...(await sealer.seal([table, key, at], value)) };
    });
    const deletes = absent(rows).map((name) => Uint8Array.from(name, (character) => character.charCodeAt(0)));
    return { table, cleared, deletes, puts: await Promise.all(puts) };
  });
  const ordered = [...overlay.ordered].map(async ([table, { cleared, rows }]): Promise<Batch> => {
    const puts = present(rows).map(async ({ n, owner, key, value }: OrderedValue): Promise<OrderedRow> => {
      return { n, owner, key, ...(await sealer.seal([table, n, owner, key], value)) };
    });
    return { table, cleared, deletes: absent(rows), puts: await Promise.all(puts) };
  });
  return Promise.all([...keyed, ...ordered]);
}

/** Issues the requests of sealed changes. */
export function issue(tx: IDBTransaction, batches: readonly Batch[], next: ReadonlyMap<Ordered, number>): void {
  for (const { table, cleared, deletes, puts } of batches) {
    const store = tx.objectStore(table);
    if (cleared) store.clear();
    for (const key of deletes) store.delete(key as IDBValidKey);
    for (const row of puts) store.put(row);
  }
  for (const [table, number] of next) tx.objectStore("counter").put(number, `next:${table}` satisfies Counter);
}

/** Brings the cache to what has just become durable. */
export function refresh(cache: Cache, overlay: Overlay): void {
  for (const [table, { cleared, rows }] of overlay.keyed) {
    if (cleared) cache.clear(table);
    for (const name of absent(rows)) cache.drop(table, name);
    for (const row of present(rows)) cache.put(table, nameOf(row.key), row);
  }
  for (const [table, { cleared, rows }] of overlay.ordered) {
    if (cleared) cache.clear(table);
    for (const n of absent(rows)) cache.drop(table, n);
    for (const row of present(rows)) cache.put(table, row.n, row);
  }
}

function write(
  db: Database,
  stores: readonly StoreName[],
  work: (tx: IDBTransaction, fence: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const tx = unwrap(db).transaction(["counter", ...stores], "readwrite", { durability: "strict" });
    let stopped: unknown;
    const reading = tx.objectStore("counter").get("fence" satisfies Counter);
    reading.onsuccess = () => {
      try {
        work(tx, typeof reading.result === "number" ? reading.result : 0);
      } catch (problem) {
        stopped = problem;
        tx.abort();
      }
    };
    tx.oncomplete = () => {
      resolve();
    };
    tx.onabort = () => {
      reject(explainFailure(stopped ?? tx.error ?? new Error("the transaction was aborted")) as Error);
    };
  });
}

function present<Row>(rows: ReadonlyMap<unknown, Row | undefined>): Row[] {
  return [...rows.values()].filter((row): row is Row & {} => row !== undefined);
}

function absent<Id>(rows: ReadonlyMap<Id, unknown>): Id[] {
  return [...rows].filter(([, row]) => row === undefined).map(([id]) => id);
}
