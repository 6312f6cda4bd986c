/** What the store promises to the core: tables, steps and looks (docs/design: web.md 3 and 4). Nothing here does I/O. */

/** One row per thing, found by its id. */
export const KEYED = [
  "meta",
  "account",
  "chat",
  "mls_epoch",
  "mls_ratchet",
  "mls_staged",
  "key_package",
  "sealing",
  "known",
  "helper",
  "draft",
  "file",
  "deadline",
] as const;
/** Rows that keep their order of insertion; `owner` groups them (the chat, mostly). */
export const ORDERED = ["outbox", "message", "held", "upload"] as const;

export type Keyed = (typeof KEYED)[number];
export type Ordered = (typeof ORDERED)[number];
export type Table = Keyed | Ordered;

/** Which rows of an ordered table: numbers above `after`, below `before`; the first `limit` or the `newest` ones. */
export interface Page {
  readonly after?: number;
  readonly before?: number;
  readonly limit?: number;
  readonly newest?: number;
  /** They are looked at once: they do not stay in the cache. */
  readonly once?: boolean;
}

export type NumberedRow = readonly [n: number, value: Uint8Array];

/** Reads at one moment. Values are shared with the cache: never write into them. */
export interface ReadTx {
  /** The value of an id in a keyed table. */
  find(table: Keyed, name: Uint8Array): Promise<Uint8Array | undefined>;
  /** Whether the id has a row, without opening it. */
  has(table: Keyed, name: Uint8Array): Promise<boolean>;
  /** All values of a keyed table, in no order that means anything. */
  scan(table: Keyed): Promise<Uint8Array[]>;
  /** Rows of a table. */
  count(table: Table): Promise<number>;
  /** The value of row `n` of an ordered table. */
  row(table: Ordered, n: number): Promise<Uint8Array | undefined>;
  /** Number and value of the row of an ordered table with this id. */
  lookup(table: Ordered, name: Uint8Array): Promise<NumberedRow | undefined>;
  /** Numbers and values in ascending order, of one owner or of all. */
  rows(table: Ordered, owner?: Uint8Array, page?: Page): Promise<NumberedRow[]>;
  /** Numbers and values after number `n`, ascending. */
  rowsAfter(table: Ordered, n: number): Promise<NumberedRow[]>;
}

/** Reads and writes of one step; its reads see its writes. Every promise must be awaited before the step's work ends. */
export interface Tx extends ReadTx {
  /** Unix milliseconds. */
  readonly now: number;
  /** n random bytes. */
  rng(n: number): Uint8Array;
  /** Insert or replace. */
  put(table: Keyed, name: Uint8Array, value: Uint8Array): Promise<void>;
  /** Remove; harmless when there is none. */
  delete(table: Keyed, name: Uint8Array): Promise<void>;
  /** Remove the rows last written before `at` (Unix milliseconds). */
  deleteOlder(table: Keyed, at: number): Promise<void>;
  /** Remove every row of a table; numbers of an ordered one are not given again. */
  clear(table: Table): Promise<void>;
  /** Insert into an ordered table; its number, higher than every number the table ever gave. Names are unique. */
  append(table: Ordered, owner: Uint8Array, name: Uint8Array, value: Uint8Array): Promise<number>;
  /** Give row `n` another value. Throws when there is no such row. */
  replace(table: Ordered, n: number, value: Uint8Array): Promise<void>;
  /** Give row `n` another owner. Throws when there is no such row. */
  move(table: Ordered, n: number, owner: Uint8Array): Promise<void>;
  /** Delete row `n`; harmless when there is none. */
  remove(table: Ordered, n: number): Promise<void>;
  /** Remove all but the `keep` newest numbers. */
  removeOlder(table: Ordered, keep: number): Promise<void>;
  /** Issues requests on the store of chunks, awaiting nothing, in the transaction that makes the step durable. */
  beside(work: (chunks: IDBObjectStore) => void): void;
}

export interface TableUsage {
  readonly table: Table | "chunk";
  readonly rows: number;
  /** Sealed bytes with their keys; the database's own overhead is not counted. */
  readonly bytes: number;
}

/** The wrapping key of the vault: AES-GCM, 256 bits, for `encrypt`, `decrypt`, `wrapKey` and `unwrapKey`. */
export type Kek = CryptoKey;

export interface Wrapped {
  /** 12 random bytes. */
  readonly iv: Uint8Array;
  readonly ct: Uint8Array;
}

/** The KEK under a key made of a passphrase: Argon2id of its UTF-8 in NFC, 32 bytes. */
export interface PassphraseWay {
  readonly kind: "passphrase";
  /** 16 random bytes. */
  readonly salt: Uint8Array;
  /** Argon2's m, t and p. */
  readonly memory_kib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly kek: Wrapped;
}

/** The KEK under HKDF-SHA-256 of what a passkey's PRF extension answers to `salt`. */
export interface PasskeyWay {
  readonly kind: "passkey";
  /** Id of the credential; nothing else of it is known here. */
  readonly credential: Uint8Array;
  /** 32 random bytes. */
  readonly salt: Uint8Array;
  readonly kek: Wrapped;
}

export type LockWay = PassphraseWay | PasskeyWay;

export interface LockRow {
  readonly ways: readonly LockWay[];
  /** Locks by itself after so long without a sign of anybody; 0: never. */
  readonly after_ms: number;
}

export interface WrappedKeys {
  readonly data: Wrapped;
  readonly index: Wrapped;
}
/** Row `keys` of the vault without app lock. */
export interface OpenKeys extends WrappedKeys {
  readonly kek: Kek;
}
/** The same under app lock: the KEK is in `lock`, wrapped once for each way to open it. */
export interface LockedKeys extends WrappedKeys {
  readonly lock: LockRow;
}
export type VaultKeys = OpenKeys | LockedKeys;

/** Row `device` of the vault. */
export interface DeviceKey {
  /** PKCS #8 under the KEK. Devices of older versions have `privateKey` in its place: app lock cannot cover it. */
  readonly sealed?: Wrapped;
  readonly privateKey?: CryptoKey;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** A turn at the vault. */
export interface VaultTurn {
  readonly kek: Kek;
  find(name: string): Promise<unknown>;
  /**
   * Replaces these rows in one durable transaction. kek: opens all rows from then on. Throws `no-browser-support` where
   * nothing is kept.
   */
  write(rows: ReadonlyMap<string, unknown>, kek?: Kek): Promise<void>;
}

/** Wrong guesses one after another. until: Unix ms before which no further one is looked at. */
export interface Guesses {
  readonly wrong: number;
  readonly until: number;
}

/** The device key and other secrets, wrapped by the key of the vault, and its app lock. Writes check the fence. */
export interface Secrets {
  /** Makes the device key (Ed25519), replacing an older one; its public key, 32 bytes. It leaves the vault in use alone. */
  makeDeviceKey(): Promise<Uint8Array>;
  /** Public half of the device key, 32 bytes. */
  devicePublicKey(): Promise<Uint8Array | undefined>;
  /** Ed25519 signature (64 bytes) by the device key. Throws `no-home` where there is none. */
  sign(data: Uint8Array): Promise<Uint8Array>;
  /** Keeps a secret wrapped. The account seed is opened to sign lists, certificates, links, and to seal backups. */
  keep(name: SecretName, secret: Uint8Array): Promise<void>;
  /** A kept secret; zero it after use. */
  open(name: SecretName): Promise<Uint8Array | undefined>;
  forget(name: SecretName): Promise<void>;

  /** The vault itself, while no other call reads or changes what is in it: how app lock puts all under another KEK. */
  turn<T>(work: (turn: VaultTurn) => Promise<T>): Promise<T>;
}

export type SecretName = "account-seed" | "account-seed-next";

/** One profile's database. One step at a time; looks run beside it and see only what is durable. */
export interface Store {
  readonly secrets: Secrets;
  /** False in a private window: the browser keeps no keys, so nothing survives this tab and people must be told. */
  readonly durable: boolean;
  /**
   * Runs `work` and makes all its writes durable together, or none of them. Steps do not nest.
   * now: Unix milliseconds. Throws LostLead, `storage-full`, `home-damaged`, and whatever `work` throws.
   */
  step<T>(name: string, now: number, work: (tx: Tx) => Promise<T>): Promise<T>;
  /** A read-only view at one moment of what is durable. A step ends only when no look runs: never await one inside. */
  look<T>(work: (tx: ReadTx) => Promise<T>): Promise<T>;
  /**
   * The answer to a request on the chunks of files: ciphertext of attachments as it is, by `[blob, n]`, blob 16 random
   * bytes. Undefined bytes where there is none.
   */
  chunks<T>(ask: (chunks: IDBObjectStore) => IDBRequest<T>): Promise<T>;
  /** Makes this the only store of the profile that may write: every other one gets LostLead from then on. */
  takeLead(): Promise<void>;
  /** Rows and bytes per table, for the data page. */
  usage(): Promise<TableUsage[]>;
  /** Whether the database is gone: after a lost lead it tells cleared site data from another tab. */
  isErased(): Promise<boolean>;
  /** Deletes the database with its keys. The store is closed then. */
  erase(): Promise<void>;
  close(): void;
}
