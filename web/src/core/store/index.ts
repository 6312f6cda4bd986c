/** The store's public face. */
export { LostLead } from "./failures.ts";
export { type Hook, type StoreOptions, openStore } from "./store.ts";
export type {
  Keyed,
  NumberedRow,
  Ordered,
  Page,
  ReadTx,
  SecretName,
  Secrets,
  Store,
  Table,
  TableUsage,
  Tx,
} from "./types.ts";
export { KEYED, ORDERED } from "./types.ts";
