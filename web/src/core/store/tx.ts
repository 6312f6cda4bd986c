/** Looks and steps: reads through the overlay of a step, writes into it. */
import { type KeyedValue, type OrderedValue, nameOf } from "./cache.ts";
import { Overlay } from "./overlay.ts";
import type { Reader } from "./reading.ts";
import {
  KEYED,
  type Keyed,
  type NumberedRow,
  type Ordered,
  type Page,
  type ReadTx,
  type Table,
  type Tx,
} from "./types.ts";

/** A look. Throws when used after its end. */
export class Look implements ReadTx {
  private open = true;
  /** Calls that have begun and not ended. */
  private running = 0;

  constructor(
    protected readonly reader: Reader,
    protected readonly overlay: Overlay = new Overlay(),
  ) {}

  /** Ends it. Throws where a call was not awaited: its write would be lost without a trace. */
  end(): void {
    this.open = false;
    if (this.running > 0) throw new Error("a call on the transaction was not awaited");
  }

  /** Ends it after a failure: late calls throw. */
  abandon(): void {
    this.open = false;
  }

  find(table: Keyed, name: Uint8Array): Promise<Uint8Array | undefined> {
    return this.run(async () => (await this.findKeyed(table, await this.keyOf(table, name)))?.value);
  }

  has(table: Keyed, name: Uint8Array): Promise<boolean> {
    return this.run(async () => {
      const key = await this.keyOf(table, name);
      const changes = this.overlay.keyed.get(table);
      if (changes?.rows.has(nameOf(key))) return changes.rows.get(nameOf(key)) !== undefined;
      return !changes?.cleared && this.reader.has(table, key);
    });
  }

  scan(table: Keyed): Promise<Uint8Array[]> {
    return this.run(async () => {
      const changes = this.overlay.keyed.get(table);
      const durable = changes?.cleared ? [] : await this.reader.scan(table);
      const kept = durable.filter(({ key }) => !changes?.rows.has(nameOf(key)));
      return [...kept, ...present(changes?.rows)].map(({ value }) => value);
    });
  }

  count(table: Table): Promise<number> {
    return this.run(async () => {
      const changes = isKeyed(table) ? this.overlay.keyed.get(table) : this.overlay.ordered.get(table);
      if (changes === undefined) return this.reader.count(table);
      const added = present<KeyedValue | OrderedValue>(changes.rows).length;
      if (changes.cleared) return added;
      const replaced = isKeyed(table) ? await this.durableKeyed(table) : await this.durableOrdered(table);
      return (await this.reader.count(table)) - replaced + added;
    });
  }

  row(table: Ordered, n: number): Promise<Uint8Array | undefined> {
    return this.run(async () => (await this.findOrdered(table, n))?.value);
  }

  lookup(table: Ordered, name: Uint8Array): Promise<NumberedRow | undefined> {
    return this.run(async () => {
      const row = await this.findByKey(table, await this.keyOf(table, name));
      return row === undefined ? undefined : numbered(row);
    });
  }

  rows(table: Ordered, owner?: Uint8Array, page: Page = {}): Promise<NumberedRow[]> {
    return this.run(async () => {
      const ownerKey = owner === undefined ? undefined : await this.ownerOf(table, owner);
      const changes = this.overlay.ordered.get(table);
      if (changes === undefined) return (await this.reader.rows(table, ownerKey, page)).map(numbered);
      // The changed rows may hide as many durable ones as there are of them: ask for that many more.
      const wider = (n: number | undefined) => (n === undefined ? {} : n + changes.rows.size);
      const { newest, limit, ...range } = page;
      const base = {
        ...range,
        ...(newest === undefined ? {} : { newest: Number(wider(newest)) }),
        ...(limit === undefined ? {} : { limit: Number(wider(limit)) }),
      };
      const durable = changes.cleared ? [] : await this.reader.rows(table, ownerKey, base);
      const kept = durable.filter(({ n }) => !changes.rows.has(n));
      const fitting = present(changes.rows).filter((row) => fits(row, ownerKey, page));
      const merged = [...kept, ...fitting].sort((a, b) => a.n - b.n);
      const cut = limit === undefined ? merged : merged.slice(0, limit);
      return (newest === undefined ? cut : cut.slice(Math.max(0, cut.length - newest))).map(numbered);
    });
  }

  rowsAfter(table: Ordered, n: number): Promise<NumberedRow[]> {
    return this.rows(table, undefined, { after: n });
  }

  protected async run<T>(call: () => Promise<T>): Promise<T> {
    if (!this.open) throw new Error("the transaction is over");
    this.running += 1;
    try {
      return await call();
    } finally {
      this.running -= 1;
    }
  }

  protected keyOf(table: Table, name: Uint8Array): Promise<Uint8Array> {
    return this.reader.sealer.hashId(table, name);
  }

  protected ownerOf(table: Ordered, owner: Uint8Array): Promise<Uint8Array> {
    return this.reader.sealer.hashId(`${table}.owner`, owner);
  }

  protected async findKeyed(table: Keyed, key: Uint8Array): Promise<KeyedValue | undefined> {
    const changes = this.overlay.keyed.get(table);
    if (changes?.rows.has(nameOf(key))) return changes.rows.get(nameOf(key));
    return changes?.cleared ? undefined : this.reader.find(table, key);
  }

  protected async findOrdered(table: Ordered, n: number): Promise<OrderedValue | undefined> {
    const changes = this.overlay.ordered.get(table);
    if (changes?.rows.has(n)) return changes.rows.get(n);
    return changes?.cleared ? undefined : this.reader.row(table, n);
  }

  protected async findByKey(table: Ordered, key: Uint8Array): Promise<OrderedValue | undefined> {
    const changed = this.overlay.findByKey(table, key);
    const changes = this.overlay.ordered.get(table);
    if (changed !== undefined || changes?.cleared) return changed;
    const row = await this.reader.lookup(table, key);
    return row === undefined || changes?.rows.has(row.n) ? undefined : row;
  }

  private async durableKeyed(table: Keyed): Promise<number> {
    const names = [...(this.overlay.keyed.get(table)?.rows.keys() ?? [])];
    const found = await Promise.all(
      names.map((name) =>
        this.reader.has(
          table,
          Uint8Array.from(name, (c) => c.charCodeAt(0)),
        ),
      ),
    );
    return found.filter(Boolean).length;
  }

  private async durableOrdered(table: Ordered): Promise<number> {
    const numbers = [...(this.overlay.ordered.get(table)?.rows.keys() ?? [])];
    const found = await Promise.all(numbers.map((n) => this.reader.row(table, n)));
    return found.filter((row) => row !== undefined).length;
  }
}

/** A step. Its writes reach the database when the store commits its overlay. */
export class StepTx extends Look implements Tx {
  constructor(
    reader: Reader,
    readonly changes: Overlay,
    readonly now: number,
    private readonly nextNumbers: ReadonlyMap<Ordered, number>,
  ) {
    super(reader, changes);
  }

  rng(n: number): Uint8Array {
    return crypto.getRandomValues(new Uint8Array(n));
  }

  put(table: Keyed, name: Uint8Array, value: Uint8Array): Promise<void> {
    return this.run(async () => {
      const key = await this.keyOf(table, name);
      this.changes.ofKeyed(table).rows.set(nameOf(key), { key, at: this.now, value: value.slice() });
    });
  }

  delete(table: Keyed, name: Uint8Array): Promise<void> {
    return this.run(async () => {
      const key = await this.keyOf(table, name);
      this.changes.ofKeyed(table).rows.set(nameOf(key), undefined);
    });
  }

  deleteOlder(table: Keyed, at: number): Promise<void> {
    return this.run(async () => {
      const changes = this.changes.ofKeyed(table);
      const durable = changes.cleared ? [] : await this.reader.olderKeys(table, at);
      for (const name of durable.map(nameOf)) {
        if (!changes.rows.has(name)) changes.rows.set(name, undefined);
      }
      for (const [name, row] of changes.rows) {
        if (row !== undefined && row.at < at) changes.rows.set(name, undefined);
      }
    });
  }

  clear(table: Table): Promise<void> {
    return this.run(async () => {
      const changes = isKeyed(table) ? this.changes.ofKeyed(table) : this.changes.ofOrdered(table);
      changes.cleared = true;
      changes.rows.clear();
    });
  }

  append(table: Ordered, owner: Uint8Array, name: Uint8Array, value: Uint8Array): Promise<number> {
    return this.run(async () => {
      const key = await this.keyOf(table, name);
      const ownerKey = await this.ownerOf(table, owner);
      if (await this.isTaken(table, key)) throw new Error(`${table}: this id has a row already`);
      const n = this.changes.next.get(table) ?? this.nextNumbers.get(table) ?? 1;
      this.changes.next.set(table, n + 1);
      this.changes.ofOrdered(table).rows.set(n, { n, owner: ownerKey, key, value: value.slice() });
      return n;
    });
  }

  replace(table: Ordered, n: number, value: Uint8Array): Promise<void> {
    return this.change(table, n, async (row) => ({ ...row, value: value.slice() }));
  }

  move(table: Ordered, n: number, owner: Uint8Array): Promise<void> {
    return this.change(table, n, async (row) => ({ ...row, owner: await this.ownerOf(table, owner) }));
  }

  remove(table: Ordered, n: number): Promise<void> {
    return this.run(async () => {
      this.changes.ofOrdered(table).rows.set(n, undefined);
    });
  }

  removeOlder(table: Ordered, keep: number): Promise<void> {
    return this.run(async () => {
      const changes = this.changes.ofOrdered(table);
      const written = present(changes.rows).map(({ n }) => n);
      const highest = Math.max(changes.cleared ? 0 : await this.reader.highest(table), ...written);
      const last = highest - keep;
      const durable = changes.cleared ? [] : await this.reader.numbersUpTo(table, last);
      for (const n of [...durable, ...written.filter((number) => number <= last)]) changes.rows.set(n, undefined);
    });
  }

  beside(work: (chunks: IDBObjectStore) => void): void {
    this.changes.beside.push(work);
  }

  private async isTaken(table: Ordered, key: Uint8Array): Promise<boolean> {
    const changes = this.changes.ordered.get(table);
    if (this.changes.findByKey(table, key) !== undefined) return true;
    const n = changes?.cleared ? undefined : await this.reader.numberOf(table, key);
    return n !== undefined && !changes?.rows.has(n);
  }

  private change(table: Ordered, n: number, edit: (row: OrderedValue) => Promise<OrderedValue>): Promise<void> {
    return this.run(async () => {
      const row = await this.findOrdered(table, n);
      if (row === undefined) throw new Error(`${table}: no such row`);
      this.changes.ofOrdered(table).rows.set(n, await edit(row));
    });
  }
}

function isKeyed(table: Table): table is Keyed {
  return (KEYED as readonly string[]).includes(table);
}

function present<Row>(rows: ReadonlyMap<unknown, Row | undefined> | undefined): Row[] {
  return [...(rows?.values() ?? [])].filter((row): row is Row => row !== undefined);
}

function numbered({ n, value }: OrderedValue): NumberedRow {
  return [n, value];
}

function fits(
  row: OrderedValue,
  owner: Uint8Array | undefined,
  { after = 0, before = Number.MAX_SAFE_INTEGER }: Page,
): boolean {
  return row.n > after && row.n < before && (owner === undefined || nameOf(row.owner) === nameOf(owner));
}
