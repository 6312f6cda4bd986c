/** The store's public face. */
export { LostLead } from "./failures.ts";
export { type Database, eraseDatabase, openDatabase } from "./schema.ts";
export { type Hook, type StoreOptions, openStore } from "./store.ts";
export type {
  DeviceKey,
  Guesses,
  Kek,
  Keyed,
  LockRow,
  LockWay,
  NumberedRow,
  Ordered,
  Page,
  PasskeyWay,
  PassphraseWay,
  ReadTx,
  SecretName,
  Secrets,
  Store,
  Table,
  TableUsage,
  Tx,
  VaultKeys,
  VaultTurn,
  Wrapped,
  WrappedKeys,
} from "./types.ts";
export { KEYED, ORDERED } from "./types.ts";
export { wrapKey, wrapping } from "./wrapping.ts";
