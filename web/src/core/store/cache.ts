/** Opened rows of a store, the least recently used leave first. Holds durable values only; steps write to overlays. */
import type { Keyed, Ordered, Table } from "./types.ts";

/** An opened row of a keyed table. */
export interface KeyedValue {
  readonly key: Uint8Array;
  readonly at: number;
  readonly value: Uint8Array;
}

/** An opened row of an ordered table. */
export interface OrderedValue {
  readonly n: number;
  readonly owner: Uint8Array;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

const LIMIT_BYTES = 16 * 1024 * 1024;
const ROW_BYTES = 200;

export class Cache {
  private readonly rows = new Map<string, KeyedValue | OrderedValue>();
  private bytes = 0;

  constructor(private readonly limit = LIMIT_BYTES) {}

  keyed(table: Keyed, id: string): KeyedValue | undefined {
    return this.find(`${table}:${id}`) as KeyedValue | undefined;
  }

  ordered(table: Ordered, n: number): OrderedValue | undefined {
    return this.find(`${table}:${n}`) as OrderedValue | undefined;
  }

  put(table: Table, id: string | number, row: KeyedValue | OrderedValue): void {
    this.drop(table, id);
    this.rows.set(`${table}:${id}`, row);
    this.bytes += row.value.length + ROW_BYTES;
    for (const [name, oldest] of this.rows) {
      if (this.bytes <= this.limit) break;
      this.rows.delete(name);
      this.bytes -= oldest.value.length + ROW_BYTES;
    }
  }

  drop(table: Table, id: string | number): void {
    const row = this.rows.get(`${table}:${id}`);
    if (row === undefined) return;
    this.rows.delete(`${table}:${id}`);
    this.bytes -= row.value.length + ROW_BYTES;
  }

  clear(table?: Table): void {
    if (table === undefined) {
      this.rows.clear();
      this.bytes = 0;
      return;
    }
    for (const name of [...this.rows.keys()]) {
      if (name.startsWith(`${table}:`)) this.drop(table, name.slice(table.length + 1));
    }
  }

  private find(name: string): KeyedValue | OrderedValue | undefined {
    const row = this.rows.get(name);
    if (row !== undefined) {
      this.rows.delete(name);
      this.rows.set(name, row);
    }
    return row;
  }
}

/** A row key as a name for maps. */
export function nameOf(key: Uint8Array): string {
  return String.fromCharCode(...key);
}
