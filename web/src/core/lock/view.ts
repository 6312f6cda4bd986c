/** What crosses between a tab and the worker about the app lock. A passphrase goes to the worker and never comes back. */

/** Minutes after which the lock closes by itself; 0: never. */
export type LockAfter = 0 | 1 | 5 | 15 | 60;

export interface LockView {
  /** off: no lock. open: it is on and was opened. closed: nothing can be read. */
  readonly state: "off" | "open" | "closed";
  /** A lock is possible: this browser keeps what it holds. */
  readonly possible: boolean;
  readonly after_min: LockAfter;
  /** Shortest passphrase, in characters. */
  readonly shortest: number;
  /** How long no guess is looked at, after too many wrong ones. */
  readonly wait_ms: number;
  /** False where an older version made this browser's device key: the lock does not cover that one. Known while open. */
  readonly covers_device: boolean;
}

/**
 * Where a passphrase is asked, a wrong one throws `wrong-passphrase`, after several of them with `retry_ms`; before that
 * time has passed, any throws `slow-down` with it.
 */
export interface LockCalls {
  lock(): LockView;
  /** Opens the lock for all tabs. */
  unlock(a: { passphrase: string }): void;
  /** Throws `short-passphrase`, `no-browser-support`. */
  lock_on(a: { passphrase: string; after_min: LockAfter }): LockView;
  /** Another passphrase. */
  lock_change(a: { passphrase: string; next: string }): LockView;
  lock_after(a: { after_min: LockAfter }): LockView;
  lock_off(a: { passphrase: string }): LockView;
  /** Closes it for all tabs. Each of them is told `closed`, drops what it shows and begins anew. */
  lock_now(): void;
  /** Somebody is there. Closes the lock where its time is over. */
  lock_touch(): void;
  /** Whoever lost the passphrase begins anew: all that this browser holds is erased. Of a closed lock alone. */
  lock_erase(): void;
}
