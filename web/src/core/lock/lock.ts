/** App lock: switch on, open, change, close, switch off (docs/decisions/0015-app-lock.md). Loaded where it is used. */
import { error } from "../../protocol/errors.ts";
import { type Database, type Kek, type LockRow, eraseDatabase, openDatabase } from "../store/index.ts";
import type { Handlers } from "../verbs/handlers.ts";
import type { CoreEvent, Status } from "../api.ts";
import type { Device } from "../device.ts";
import { guess, leftOf } from "./guesses.ts";
import { openByPassphrase, preparePassphrase, SHORTEST } from "./passphrase.ts";
import { findGuesses, findLock } from "./row.ts";
import { changeLock, isDeviceCovered, switchLockOff, switchLockOn } from "./vault.ts";
import type { LockAfter, LockCalls, LockView } from "./view.ts";

const MINUTE_MS = 60_000;
/** How often it is looked whether the time is over. After sleep or frost, the first look closes. */
const LOOK_MS = 5_000;
const AFTER: readonly LockAfter[] = [0, 1, 5, 15, 60];

/** What the lock uses of the gate that it closes. */
export interface Gated {
  state: LockView["state"];
  /** Absent while it is closed. */
  readonly device: Pick<Device, "store" | "call"> | undefined;
  readonly profile: string;
  /** Unix milliseconds. */
  now(): number;
  open(kek: Kek | undefined): Promise<void>;
  close(): void;
  emit(event: CoreEvent): void;
  /** Nothing goes on in any tab. */
  erased(): void;
}

export class AppLock {
  readonly #gate: Gated;
  /** When somebody was last there, Unix ms. */
  #seen = 0;
  #afterMs = 0;
  #watching: ReturnType<typeof setInterval> | undefined;
  /** The end of the last call in the queue: each finds the lock as the one before left it. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(gate: Gated) {
    this.#gate = gate;
  }

  readonly verbs: Handlers<keyof LockCalls> = {
    lock: () => this.#inTurn(() => this.#view()),
    unlock: ({ passphrase }) => this.#inTurn(() => this.#unlock(passphrase)),
    lock_on: ({ passphrase, after_min }) => this.#inTurn(() => this.#switchOn(passphrase, after_min)),
    lock_change: ({ passphrase, next }) => this.#inTurn(() => this.#change(passphrase, next)),
    lock_after: ({ after_min }) => this.#inTurn(() => this.#setAfter(after_min)),
    lock_off: ({ passphrase }) => this.#inTurn(() => this.#switchOff(passphrase)),
    lock_now: () => this.#inTurn(() => Promise.resolve(this.#close())),
    lock_touch: () => Promise.resolve(this.#touch()),
    lock_erase: () => this.#inTurn(() => this.#erase()),
  };

  /** The lock was opened: count the time from now on. */
  async watch(): Promise<void> {
    const lock = await this.#withVault(findLock);
    if (lock !== undefined && this.#gate.state === "open") this.#count(lock.after_ms);
  }

  #count(afterMs: number): void {
    this.#seen = this.#gate.now();
    this.#afterMs = afterMs;
    clearInterval(this.#watching);
    this.#watching = afterMs === 0 ? undefined : setInterval(() => this.#look(), LOOK_MS);
  }

  #isOver(): boolean {
    const now = this.#gate.now();
    // A clock that was set back would make the time longer.
    if (now < this.#seen) this.#seen = now;
    return this.#afterMs > 0 && now - this.#seen >= this.#afterMs;
  }

  #look(): void {
    if (this.#gate.state === "open" && this.#isOver()) this.#close();
  }

  #touch(): void {
    this.#look();
    this.#seen = this.#gate.now();
  }

  #close(): void {
    if (this.#gate.state !== "open") return;
    clearInterval(this.#watching);
    this.#watching = undefined;
    this.#gate.close();
  }

  async #view(): Promise<LockView> {
    return this.#withVault(async (db) => {
      const { state, device } = this.#gate;
      const lock = await findLock(db);
      return {
        state,
        possible: device?.store.durable ?? true,
        after_min: AFTER.find((minutes) => minutes * MINUTE_MS === lock?.after_ms) ?? 0,
        shortest: SHORTEST,
        wait_ms: leftOf(await findGuesses(db), this.#gate.now()),
        covers_device: device === undefined || (await isDeviceCovered(device.store.secrets)),
      };
    });
  }

  async #unlock(passphrase: string): Promise<void> {
    if (this.#gate.state !== "closed") return;
    const kek = await this.#withVault(async (db) => {
      const lock = await findLock(db);
      // Another window of this browser erased the profile meanwhile.
      return lock === undefined ? undefined : this.#guess(db, lock, passphrase);
    });
    await this.#gate.open(kek);
    this.#tell();
    // What the tabs asked of the closed lock was refused.
    this.#gate.emit({ event: "chats" });
    this.#gate.emit({ event: "settings" });
  }

  async #switchOn(passphrase: string, after: LockAfter): Promise<LockView> {
    const { store } = this.#openDevice("off");
    const afterMs = checkedAfter(after) * MINUTE_MS;
    const makeWay = await preparePassphrase(passphrase);
    await switchLockOn(store.secrets, afterMs, async (kek) => [await makeWay(kek)]);
    this.#gate.state = "open";
    this.#count(afterMs);
    this.#tell();
    return this.#view();
  }

  async #change(passphrase: string, next: string): Promise<LockView> {
    const { store } = this.#openDevice("open");
    const makeWay = await preparePassphrase(next);
    const kek = await this.#withVault(async (db) => this.#guess(db, await found(db), passphrase, true));
    const way = await makeWay(kek);
    await changeLock(store.secrets, (lock) => ({
      ...lock,
      ways: [...lock.ways.filter(({ kind }) => kind !== "passphrase"), way],
    }));
    return this.#view();
  }

  async #setAfter(after: LockAfter): Promise<LockView> {
    const after_ms = checkedAfter(after) * MINUTE_MS;
    await changeLock(this.#openDevice("open").store.secrets, (lock) => ({ ...lock, after_ms }));
    this.#count(after_ms);
    return this.#view();
  }

  async #switchOff(passphrase: string): Promise<LockView> {
    const { store } = this.#openDevice("open");
    await this.#withVault(async (db) => this.#guess(db, await found(db), passphrase));
    await switchLockOff(store.secrets);
    this.#gate.state = "off";
    this.#count(0);
    this.#tell();
    return this.#view();
  }

  async #erase(): Promise<void> {
    if (this.#gate.state !== "closed") throw error("wrong-call", "the lock is open");
    await eraseDatabase(this.#gate.profile);
    this.#gate.erased();
  }

  #guess(db: Database, lock: LockRow, passphrase: string, extractable = false): Promise<Kek> {
    return guess(
      db,
      () => this.#gate.now(),
      () => openByPassphrase(lock, passphrase, extractable),
    );
  }

  /** The device of a lock that stands so. */
  #openDevice(state: LockView["state"]): Pick<Device, "store"> {
    const { device } = this.#gate;
    if (this.#gate.state === "closed") throw error("app-locked");
    if (device === undefined || this.#gate.state !== state) throw error("wrong-call", `app lock is not ${state}`);
    return device;
  }

  /** Tell every tab how the lock stands. */
  #tell(): void {
    const turn = this.#gate.device;
    turn?.call("status", undefined).then(
      (status) => {
        if (turn === this.#gate.device) this.#gate.emit({ event: "status", status: status as Status });
      },
      () => undefined, // the device has ended, which was told by itself
    );
  }

  /** A connection of its own: the store of a closed lock is not open. */
  async #withVault<T>(work: (db: Database) => Promise<T>): Promise<T> {
    const db = await openDatabase(this.#gate.profile);
    try {
      return await work(db);
    } finally {
      db.close();
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

async function found(db: Database): Promise<LockRow> {
  const lock = await findLock(db);
  if (lock === undefined) throw error("wrong-call", "app lock is off");
  return lock;
}

function checkedAfter(minutes: LockAfter): LockAfter {
  if (!AFTER.includes(minutes)) throw error("wrong-call", "no such time");
  return minutes;
}
