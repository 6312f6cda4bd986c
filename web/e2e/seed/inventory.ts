/** The data inventory as a server of this version tells it, with counts of a small account. */
import type { Inventory } from "../../src/core/api.ts";

type Row = readonly [table: string, column: string, kind: string, purpose: string, retention: string, rows: number];

const SERVER: readonly Row[] = [
  [
    "account",
    "id",
    "identifier",
    "whose row this is: a hash of the first account key",
    "until the account is deleted",
    1,
  ],
  [
    "account",
    "state",
    "flag",
    "0 active, 1 suspended, 2 deleted (tombstone)",
    "kept, so that an id is never reused",
    1,
  ],
  [
    "account",
    "created_day",
    "time",
    "day of registration, for limits of young accounts",
    "until the account is deleted",
    1,
  ],
  ["contact_token", "hash", "key", "SHA-256 of a contact token", "until used up or expired", 3],
  ["contact_token", "uses_left", "counter", "claims it still allows", "until used up or expired", 3],
  ["device", "device_id", "identifier", "number of the device within its account", "until the device is revoked", 3],
  [
    "device",
    "sig_pub",
    "key",
    "public key that a login of this device must verify under",
    "until the device is revoked",
    3,
  ],
  ["device", "last_day", "time", "last day with a login, to find devices long gone", "until the device is revoked", 3],
  [
    "device_list",
    "object",
    "key",
    "the signed list: device numbers, public keys, days added",
    "kept, so that forks can be shown",
    4,
  ],
  ["key_package", "body", "key", "public keys, opaque to the server", "until claimed, at most 90 days", 93],
  ["mailbox", "next_seq", "counter", "number of the next entry", "until the device is revoked", 3],
  ["mailbox_item", "seq", "counter", "place in the queue, without gaps", "last acknowledgement, or 30 days", 6],
  ["mailbox_item", "size", "counter", "bytes of the body, for the cap", "last acknowledgement, or 30 days", 6],
  ["message", "ts", "time", "Unix ms of acceptance, shown to receivers", "last acknowledgement, or 30 days", 6],
  [
    "message",
    "body",
    "ciphertext",
    "MLS ciphertext and group id, sealed again under a key of the day",
    "last acknowledgement, or 30 days",
    6,
  ],
  ["session_token", "hash", "key", "SHA-256 of a login token", "1 hour", 1],
];

const BROWSER: readonly (readonly [store: string, rows: number, bytes: number])[] = [
  ["meta", 4, 412],
  ["vault", 1, 640],
  ["account", 9, 5_310],
  ["chat", 13, 31_204],
  ["message", 387, 288_412],
  ["mls_epoch", 13, 214_880],
  ["mls_ratchet", 13, 96_114],
  ["key_package", 31, 120_402],
  ["known", 402, 38_592],
  ["draft", 1, 212],
  ["outbox", 0, 0],
  ["held", 0, 0],
];

export const INVENTORY: Inventory = {
  server: SERVER.map(([table, column, kind, purpose, retention, rows]) => ({
    table,
    column,
    class: kind,
    purpose,
    retention,
    rows,
  })),
  browser: BROWSER.map(([store, rows, bytes]) => ({ store, rows, bytes })),
  used_bytes: 1_482_752,
  persisted: true,
};
