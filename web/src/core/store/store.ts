/** The encrypted store of a profile: steps that become durable as a whole, looks, the lead (web.md 3 and 4). */
import { wrap, unwrap } from "idb";
import { LostLead, explainFailure } from "./failures.ts";
import { Overlay } from "./overlay.ts";
import { Reader } from "./reading.ts";
import {
  type Counter,
  type Database,
  type Opening,
  type StoreName,
  eraseDatabase,
  isThere,
  openDatabase,
} from "./schema.ts";
import { Look, StepTx } from "./tx.ts";
import {
  KEYED,
  ORDERED,
  type Kek,
  type Ordered,
  type ReadTx,
  type Secrets,
  type Store,
  type TableUsage,
  type Tx,
} from "./types.ts";
import { Vault, openVault, sealerOf } from "./vault.ts";
import { issue, raiseFence, refresh, sealChanges, writeFenced } from "./writing.ts";

/** Called with `<step>:before` and `<step>:after` around each write transaction; tests stop the store there. */
export type Hook = (point: string) => void;

export interface StoreOptions extends Opening {
  readonly hook?: Hook;
  /** Opens a vault under app lock. */
  readonly kek?: Kek;
}

/**
 * The store of a profile, made at the first opening. It reads at once; it writes after `takeLead`.
 *
 * Throws `newer-schema` (nothing is touched), `no-browser-support`, `home-damaged`, `storage-full`, and `app-locked`
 * where the vault is under app lock and its KEK is missing.
 */
export async function openStore(profile: string, options: StoreOptions = {}): Promise<Store> {
  const db = await openDatabase(profile, options);
  try {
    const opened = await openVault(db, options.kek);
    const store = new IndexedStore(profile, new Reader(db, sealerOf(opened)), opened.durable, options.hook);
    return store.withSecrets((write) => new Vault(db, opened, write));
  } catch (problem) {
    db.close();
    throw explainFailure(problem);
  }
}

class IndexedStore implements Store {
  private vault: Secrets | undefined;
  private fence: number | undefined;
  private next = new Map<Ordered, number>();
  /** The end of the last step in the queue. */
  private queue: Promise<unknown> = Promise.resolve();
  /** Looks that run now; a commit waits for them, so that each sees one moment. */
  private readonly looks = new Set<Promise<unknown>>();
  /** The commit that looks wait for. */
  private committing: Promise<unknown> | undefined;

  constructor(
    private readonly profile: string,
    private readonly reader: Reader,
    readonly durable: boolean,
    private readonly hook: Hook | undefined,
  ) {}

  withSecrets(make: (write: (work: (vault: IDBObjectStore) => void) => Promise<void>) => Secrets): Store {
    this.vault = make((work) =>
      writeFenced(this.db, this.fence, ["vault"], (tx) => {
        work(tx.objectStore("vault"));
      }),
    );
    return this;
  }

  get secrets(): Secrets {
    if (this.vault === undefined) throw new Error("the store is not open");
    return this.vault;
  }

  private get db(): Database {
    return this.reader.db;
  }

  step<T>(name: string, now: number, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.enqueue(async () => {
      if (this.fence === undefined) throw new LostLead();
      const overlay = new Overlay();
      const tx = new StepTx(this.reader, overlay, now, this.next);
      try {
        const result = await work(tx);
        tx.end();
        await this.commit(name, overlay);
        return result;
      } catch (problem) {
        tx.abandon();
        const explained = explainFailure(problem);
        if (explained instanceof LostLead) this.fence = undefined;
        throw explained;
      }
    });
  }

  async look<T>(work: (tx: ReadTx) => Promise<T>): Promise<T> {
    while (this.committing !== undefined) await this.committing;
    const tx = new Look(this.reader);
    const running = work(tx);
    const settled = running.then(
      () => undefined,
      () => undefined,
    );
    this.looks.add(settled);
    try {
      const result = await running;
      tx.end();
      return result;
    } catch (problem) {
      throw explainFailure(problem);
    } finally {
      tx.abandon();
      this.looks.delete(settled);
    }
  }

  takeLead(): Promise<void> {
    return this.enqueue(() =>
      this.alone(async () => {
        this.fence = await raiseFence(this.db);
        this.reader.cache.clear();
        const counters = ORDERED.map(
          async (table) => [table, (await this.db.get("counter", `next:${table}` satisfies Counter)) ?? 1] as const,
        );
        this.next = new Map(await Promise.all(counters));
      }),
    );
  }

  usage(): Promise<TableUsage[]> {
    return Promise.all([...KEYED, ...ORDERED, "chunk" as const].map((table) => measure(this.db, table)));
  }

  async chunks<T>(ask: (chunks: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    try {
      return await wrap(ask(unwrap(this.db).transaction("chunk").objectStore("chunk")));
    } catch (problem) {
      throw explainFailure(problem);
    }
  }

  async isErased(): Promise<boolean> {
    return !(await isThere(this.profile));
  }

  async erase(): Promise<void> {
    await this.enqueue(async () => {
      this.fence = undefined;
      this.close();
      await eraseDatabase(this.profile);
    });
  }

  close(): void {
    this.fence = undefined;
    this.reader.cache.clear();
    this.db.close();
  }

  /** One after another; a failure stops nobody behind it. */
  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work);
    this.queue = result.catch(() => undefined);
    return result;
  }

  private async commit(name: string, overlay: Overlay): Promise<void> {
    if (overlay.isEmpty) return;
    const batches = await sealChanges(this.reader.sealer, overlay);
    await this.alone(async () => {
      this.hook?.(`${name}:before`);
      const stores: StoreName[] = batches.map(({ table }) => table);
      if (overlay.beside.length > 0) stores.push("chunk");
      await writeFenced(this.db, this.fence, stores, (tx) => {
        issue(tx, batches, overlay.next);
        for (const work of overlay.beside) work(tx.objectStore("chunk"));
      });
      refresh(this.reader.cache, overlay);
      for (const [table, number] of overlay.next) this.next.set(table, number);
    });
    this.hook?.(`${name}:after`);
  }

  /** Runs `work` while no look runs. */
  private async alone(work: () => Promise<void>): Promise<void> {
    while (this.looks.size > 0) await Promise.all(this.looks);
    const running = work();
    this.committing = running.catch(() => undefined);
    try {
      await running;
    } finally {
      this.committing = undefined;
    }
  }
}

async function measure(db: Database, table: TableUsage["table"]): Promise<TableUsage> {
  let rows = 0;
  let bytes = 0;
  for (let cursor = await db.transaction(table).store.openCursor(); cursor !== null; cursor = await cursor.continue()) {
    rows += 1;
    const parts =
      cursor.value instanceof Uint8Array ? [cursor.value] : [cursor.value.key, cursor.value.iv, cursor.value.ct];
    for (const part of parts) bytes += part.byteLength;
  }
  return { table, rows, bytes };
}
