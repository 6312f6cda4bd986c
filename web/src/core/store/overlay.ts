/** What one step has written and not yet made durable, above what is durable. */
import { type KeyedValue, type OrderedValue, nameOf } from "./cache.ts";
import type { Keyed, Ordered } from "./types.ts";

/** Changes to one table. `undefined` in the map: the row is deleted. cleared: nothing durable of the table remains. */
export interface Changes<Id, Row> {
  cleared: boolean;
  readonly rows: Map<Id, Row | undefined>;
}

export type KeyedChanges = Changes<string, KeyedValue>;
export type OrderedChanges = Changes<number, OrderedValue>;

export class Overlay {
  readonly keyed = new Map<Keyed, KeyedChanges>();
  readonly ordered = new Map<Ordered, OrderedChanges>();
  /** Next number of each ordered table that grew. */
  readonly next = new Map<Ordered, number>();
  /** What is asked of the store of chunks. */
  readonly beside: ((chunks: IDBObjectStore) => void)[] = [];

  ofKeyed(table: Keyed): KeyedChanges {
    return ensure(this.keyed, table);
  }

  ofOrdered(table: Ordered): OrderedChanges {
    return ensure(this.ordered, table);
  }

  get isEmpty(): boolean {
    return this.keyed.size + this.ordered.size + this.next.size + this.beside.length === 0;
  }

  /** The changed row with this id (16 bytes), `undefined` where the step changed none. */
  findByKey(table: Ordered, key: Uint8Array): OrderedValue | undefined {
    const wanted = nameOf(key);
    for (const row of this.ordered.get(table)?.rows.values() ?? []) {
      if (row !== undefined && nameOf(row.key) === wanted) return row;
    }
    return undefined;
  }
}

function ensure<Table, Id, Row>(tables: Map<Table, Changes<Id, Row>>, table: Table): Changes<Id, Row> {
  let changes = tables.get(table);
  if (changes === undefined) {
    changes = { cleared: false, rows: new Map() };
    tables.set(table, changes);
  }
  return changes;
}
