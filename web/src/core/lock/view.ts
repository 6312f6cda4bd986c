/** What crosses between a tab and the worker about the app lock. A passphrase goes to the worker and never comes back. */

/** Minutes after which the lock closes by itself; 0: never. */
export type LockAfter = 0 | 1 | 5 | 15 | 60;

export type LockKind = "passkey" | "passphrase";

/** What is shown to open the lock. prf: b64url of 32 bytes, what the passkey answers to its salt. */
export type LockProof =
  { readonly kind: "passphrase"; readonly passphrase: string } | { readonly kind: "passkey"; readonly prf: string };

/** A passkey that the page made, with its first answer. All of it b64url; salt and prf of 32 bytes. */
export interface NewPasskey {
  readonly kind: "passkey";
  readonly credential: string;
  readonly salt: string;
  readonly prf: string;
}

/** What is to open the lock from now on. */
export type NewWay = Extract<LockProof, { kind: "passphrase" }> | NewPasskey;

export interface LockView {
  /** off: no lock. open: it is on and was opened. closed: nothing can be read. */
  readonly state: "off" | "open" | "closed";
  /** A lock is possible: this browser keeps what it holds. */
  readonly possible: boolean;
  /** What opens it; empty while it is off. */
  readonly ways: readonly LockKind[];
  /** Which passkey to ask, and for what: both b64url. */
  readonly passkey?: { readonly credential: string; readonly salt: string };
  readonly after_min: LockAfter;
  /** Shortest passphrase, in characters. */
  readonly shortest: number;
  /** How long no guess is looked at, after too many wrong ones. */
  readonly wait_ms: number;
  /** False where an older version made this browser's device key: the lock does not cover that one. Known while open. */
  readonly covers_device: boolean;
}

/**
 * Where a proof is asked, a wrong one throws `wrong-passphrase`, after several of them with `retry_ms`; before that
 * time has passed, any passphrase throws `slow-down` with it. Passkeys are not guessed.
 */
export interface LockCalls {
  lock(): LockView;
  /** Opens the lock for all tabs. */
  unlock(a: { proof: LockProof }): void;
  /** Throws `short-passphrase`, `no-browser-support`. */
  lock_on(a: { way: NewWay; after_min: LockAfter }): LockView;
  /** A further way, or another in place of the one of its kind. */
  lock_set(a: { proof: LockProof; way: NewWay }): LockView;
  /** A way less; never the last. */
  lock_drop(a: { proof: LockProof; kind: LockKind }): LockView;
  lock_after(a: { after_min: LockAfter }): LockView;
  lock_off(a: { proof: LockProof }): LockView;
  /** Closes it for all tabs. Each of them is told `closed`, drops what it shows and begins anew. */
  lock_now(): void;
  /** Somebody is there. Closes the lock where its time is over. */
  lock_touch(): void;
  /** Whoever lost the passphrase begins anew: all that this browser holds is erased. Of a closed lock alone. */
  lock_erase(): void;
}
