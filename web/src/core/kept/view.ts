/** What crosses between a tab and the worker about the recovery key, the export and the end of an account. */

/** How the key stands. stored_at: Unix ms of the last backup at the server, 0 for none. */
export interface RecoveryView {
  readonly state: "none" | "shown" | "confirmed" | "rotated";
  readonly stored_at: number;
  /** What the server holds is what it should hold. */
  readonly current: boolean;
  /** Code of why the last try to store it failed; empty where it did not. */
  readonly problem: string;
  /** This device holds the account key; a limited one can make no recovery key. */
  readonly able: boolean;
}

/** Words of the page of an export, in the language of the person: the worker has none of its own. */
export interface ArchiveWords {
  /** Of the `lang` attribute and of dates; digits and calendar are in it. */
  readonly locale: string;
  readonly direction: "ltr" | "rtl";
  readonly title: string;
  readonly made: string;
  readonly contents: string;
  readonly members: string;
  readonly empty: string;
  readonly self: string;
  readonly deleted: string;
  readonly unsupported: string;
  readonly edited: string;
  readonly earlier: string;
  readonly gone: string;
  readonly call: string;
  readonly file: string;
}

/** The calls about what outlives this browser. */
export interface RecoveryCalls {
  recovery(): RecoveryView;
  /** The key, 8 groups of 4; made at the first call. Throws `not-permitted` on a device without the account key. */
  show_recovery_key(): string;
  /** The person wrote one group of it, number from 0. Throws `no-recovery-key`, `bad-recovery-key`. */
  confirm_recovery_key(a: { group: number; text: string }): void;
  /** A new key in its place. Throws `no-recovery-key`. */
  rotate_recovery_key(): string;
  /**
   * This browser becomes a device of the account behind a key; its chats come back one by one. Again after a failure is
   * safe. Throws `bad-recovery-key`, `no-backup`, `bad-backup`, `not-this-server`, `list-fork`, `key-changed`,
   * `not-allowed` for a deleted account, `suspended`, `not-permitted` for a ninth device, `slow-down`, `unreachable`.
   */
  restore_account(a: { key: string; keep_devices: boolean }): void;
  /** All chats of this browser as one file, as `zajil export` writes them; of files their names alone. */
  export_chats(a: { format: "html" | "json"; words: ArchiveWords }): Blob;
  /** Leave all groups, end the account at the server, erase this browser. Throws `stale-list`, `unreachable`. */
  delete_account(): void;
}

/** How the recovery key or its backup stands changed. */
export interface RecoveryEvent {
  readonly event: "recovery";
}
