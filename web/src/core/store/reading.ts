/** Reads of what is durable: rows fetched from IndexedDB, opened, cached. Overlays of steps lie above this. */
import { Cache, type KeyedValue, type OrderedValue, nameOf } from "./cache.ts";
import type { Database, KeyedRow, OrderedRow } from "./schema.ts";
import { type Sealer, owned } from "./sealing.ts";
import type { Keyed, Ordered, Page, Table } from "./types.ts";

export class Reader {
  readonly cache = new Cache();

  constructor(
    readonly db: Database,
    readonly sealer: Sealer,
  ) {}

  async find(table: Keyed, key: Uint8Array): Promise<KeyedValue | undefined> {
    const held = this.cache.keyed(table, nameOf(key));
    if (held !== undefined) return held;
    const row = await this.db.get(table, owned(key));
    return row === undefined ? undefined : this.openKeyed(table, row);
  }

  async has(table: Keyed, key: Uint8Array): Promise<boolean> {
    return (
      this.cache.keyed(table, nameOf(key)) !== undefined || (await this.db.getKey(table, owned(key))) !== undefined
    );
  }

  async scan(table: Keyed): Promise<KeyedValue[]> {
    const rows = await this.db.getAll(table);
    return Promise.all(
      rows.map((row) => this.cache.keyed(table, nameOf(new Uint8Array(row.key))) ?? this.openKeyed(table, row)),
    );
  }

  /** Keys of the rows last written before `at`. */
  async olderKeys(table: Keyed, at: number): Promise<Uint8Array[]> {
    const keys = await this.db.getAllKeysFromIndex(table, "at", IDBKeyRange.upperBound(at, true));
    return keys.map((key) => new Uint8Array(key));
  }

  async count(table: Table): Promise<number> {
    return this.db.count(table);
  }

  async row(table: Ordered, n: number): Promise<OrderedValue | undefined> {
    const held = this.cache.ordered(table, n);
    if (held !== undefined) return held;
    const row = await this.db.get(table, n);
    return row === undefined ? undefined : this.openOrdered(table, row);
  }

  /** The number of the row with this key. */
  async numberOf(table: Ordered, key: Uint8Array): Promise<number | undefined> {
    return this.db.getKeyFromIndex(table, "key", owned(key));
  }

  async lookup(table: Ordered, key: Uint8Array): Promise<OrderedValue | undefined> {
    const n = await this.numberOf(table, key);
    return n === undefined ? undefined : this.row(table, n);
  }

  /** Numbers of existing rows up to `last`, ascending. */
  async numbersUpTo(table: Ordered, last: number): Promise<number[]> {
    return this.db.getAllKeys(table, IDBKeyRange.upperBound(last));
  }

  /** The highest number of a row, 0 if there is none. */
  async highest(table: Ordered): Promise<number> {
    const cursor = await this.db.transaction(table).store.openKeyCursor(null, "prev");
    return cursor === null ? 0 : cursor.key;
  }

  /** Rows in ascending order, of one owner (16 bytes) or of all. */
  async rows(table: Ordered, owner: Uint8Array | undefined, page: Page): Promise<OrderedValue[]> {
    const after = page.after ?? 0;
    const before = page.before ?? Number.MAX_SAFE_INTEGER;
    if (after >= before - 1) return [];
    const found =
      owner === undefined
        ? await this.fetchAll(table, after, before, page)
        : await this.fetchOwned(table, owner, after, before, page);
    return Promise.all(found.map((row) => this.cache.ordered(table, row.n) ?? this.openOrdered(table, row, page.once)));
  }

  private async fetchAll(
    table: Ordered,
    after: number,
    before: number,
    { newest, limit }: Page,
  ): Promise<OrderedRow[]> {
    const { store } = this.db.transaction(table);
    let range = IDBKeyRange.bound(after, before, true, true);
    if (newest !== undefined) {
      if (newest < 1) return [];
      const last = await store.openKeyCursor(range, "prev");
      const first = newest > 1 ? await last?.advance(newest - 1) : last;
      if (first) range = IDBKeyRange.bound(first.key, before, false, true);
    }
    return limit === undefined ? store.getAll(range) : limit < 1 ? [] : store.getAll(range, limit);
  }

  private async fetchOwned(
    table: Ordered,
    owner: Uint8Array,
    after: number,
    before: number,
    { newest, limit }: Page,
  ): Promise<OrderedRow[]> {
    const index = this.db.transaction(table).store.index("owner");
    const key = owned(owner);
    let range = IDBKeyRange.bound([key, after], [key, before], true, true);
    if (newest !== undefined) {
      if (newest < 1) return [];
      const last = await index.openKeyCursor(range, "prev");
      const first = newest > 1 ? await last?.advance(newest - 1) : last;
      if (first) range = IDBKeyRange.bound([key, first.primaryKey], [key, before], false, true);
    }
    return limit === undefined ? index.getAll(range) : limit < 1 ? [] : index.getAll(range, limit);
  }

  private async openKeyed(table: Keyed, row: KeyedRow): Promise<KeyedValue> {
    const key = new Uint8Array(row.key);
    const opened = { key, at: row.at, value: await this.sealer.open([table, key, row.at], row) };
    this.cache.put(table, nameOf(key), opened);
    return opened;
  }

  private async openOrdered(
    table: Ordered,
    { n, owner, key, iv, ct }: OrderedRow,
    once = false,
  ): Promise<OrderedValue> {
    const opened = { n, owner, key, value: await this.sealer.open([table, n, owner, key], { iv, ct }) };
    if (!once) this.cache.put(table, n, opened);
    return opened;
  }
}
