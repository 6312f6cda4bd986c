/** App lock: switch on, open, change, close, switch off (docs/decisions/0015-app-lock.md). Loaded where it is used. */
import { error } from "../../protocol/errors.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { type Database, type Kek, type LockRow, type LockWay, eraseDatabase, openDatabase } from "../store/index.ts";
import type { Handlers } from "../verbs/handlers.ts";
import type { CoreEvent, Status } from "../api.ts";
import type { Device } from "../device.ts";
import { guess, leftOf } from "./guesses.ts";
import { openByPasskey, preparePasskey } from "./passkey.ts";
import { openByPassphrase, preparePassphrase, SHORTEST } from "./passphrase.ts";
import { findGuesses, findLock } from "./row.ts";
import { isOver, type Presence } from "./share.ts";
import { changeLock, isDeviceCovered, switchLockOff, switchLockOn } from "./vault.ts";
import type { LockAfter, LockCalls, LockKind, LockProof, LockView, NewWay } from "./view.ts";

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
  /** Outlives this leader, as the KEK does; undefined: nobody counts. */
  presence: Presence | undefined;
  /** Unix milliseconds. */
  now(): number;
  open(kek: Kek | undefined): Promise<void>;
  close(): void;
  /** The KEK of the lock from now on; undefined: it is off. */
  keep(kek: Kek | undefined): void;
  emit(event: CoreEvent): void;
  /** Nothing goes on in any tab. */
  erased(): void;
}

export class AppLock {
  readonly #gate: Gated;
  #watching: ReturnType<typeof setInterval> | undefined;
  /** The end of the last call in the queue: each finds the lock as the one before left it. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(gate: Gated) {
    this.#gate = gate;
  }

  readonly verbs: Handlers<keyof LockCalls> = {
    lock: () => this.#inTurn(() => this.#view()),
    unlock: ({ proof }) => this.#inTurn(() => this.#unlock(proof)),
    lock_on: ({ way, after_min }) => this.#inTurn(() => this.#switchOn(way, after_min)),
    lock_set: ({ proof, way }) => this.#inTurn(() => this.#set(proof, way)),
    lock_drop: ({ proof, kind }) => this.#inTurn(() => this.#drop(proof, kind)),
    lock_after: ({ after_min }) => this.#inTurn(() => this.#setAfter(after_min)),
    lock_off: ({ proof }) => this.#inTurn(() => this.#switchOff(proof)),
    lock_now: () => this.#inTurn(() => Promise.resolve(this.#close())),
    lock_touch: () => Promise.resolve(this.#touch()),
    lock_erase: () => this.#inTurn(() => this.#erase()),
  };

  /** The lock is open: count the time on from where the leader before this one stood, else from now. */
  async watch(): Promise<void> {
    const lock = await this.#withVault(findLock);
    if (lock !== undefined && this.#gate.state === "open") this.#count(lock.after_ms, this.#gate.presence?.seen);
  }

  #count(afterMs: number, seen = this.#gate.now()): void {
    this.#gate.presence = { seen, afterMs };
    clearInterval(this.#watching);
    this.#watching = afterMs === 0 ? undefined : setInterval(() => this.#look(), LOOK_MS);
    this.#look();
  }

  #look(): void {
    const { presence, state, device } = this.#gate;
    // Without a device another tab leads by now, and counts.
    if (state !== "open" || device === undefined || presence === undefined) return;
    const now = this.#gate.now();
    // A clock that was set back would make the time longer.
    if (now < presence.seen) this.#gate.presence = { ...presence, seen: now };
    else if (isOver(presence, now)) this.#close();
  }

  #touch(): void {
    this.#look();
    const { presence, state } = this.#gate;
    if (state === "open" && presence !== undefined) this.#gate.presence = { ...presence, seen: this.#gate.now() };
  }

  #close(): void {
    if (this.#gate.state !== "open") return;
    clearInterval(this.#watching);
    this.#watching = undefined;
    this.#gate.presence = undefined;
    this.#gate.close();
  }

  async #view(): Promise<LockView> {
    return this.#withVault(async (db) => {
      const { state, device } = this.#gate;
      const lock = await findLock(db);
      return {
        state,
        ways: (lock?.ways ?? []).map(({ kind }) => kind),
        ...passkeyOf(lock),
        possible: device?.store.durable ?? true,
        after_min: AFTER.find((minutes) => minutes * MINUTE_MS === lock?.after_ms) ?? 0,
        shortest: SHORTEST,
        wait_ms: leftOf(await findGuesses(db), this.#gate.now()),
        covers_device: device === undefined || (await isDeviceCovered(device.store.secrets)),
      };
    });
  }

  async #unlock(proof: LockProof): Promise<void> {
    if (this.#gate.state !== "closed") return;
    const kek = await this.#withVault(async (db) => {
      const lock = await findLock(db);
      // Another window of this browser erased the profile meanwhile.
      return lock === undefined ? undefined : this.#prove(db, lock, proof, false);
    });
    this.#gate.presence = undefined;
    await this.#gate.open(kek);
    this.#tell();
    // What the tabs asked of the closed lock was refused.
    this.#gate.emit({ event: "chats" });
    this.#gate.emit({ event: "settings" });
  }

  async #switchOn(way: NewWay, after: LockAfter): Promise<LockView> {
    const { store } = this.#openDevice("off");
    const afterMs = checkedAfter(after) * MINUTE_MS;
    const makeWay = await prepare(way);
    const kek = await switchLockOn(store.secrets, afterMs, async (kek) => [await makeWay(kek)]);
    this.#gate.state = "open";
    this.#gate.keep(kek);
    this.#count(afterMs);
    this.#tell();
    return this.#view();
  }

  async #set(proof: LockProof, next: NewWay): Promise<LockView> {
    const { store } = this.#openDevice("open");
    const makeWay = await prepare(next);
    const kek = await this.#withVault(async (db) => this.#prove(db, await found(db), proof, true));
    const way = await makeWay(kek);
    await changeLock(store.secrets, (lock) => ({
      ...lock,
      ways: [...lock.ways.filter(({ kind }) => kind !== next.kind), way],
    }));
    return this.#view();
  }

  async #drop(proof: LockProof, gone: LockKind): Promise<LockView> {
    const { store } = this.#openDevice("open");
    await this.#withVault(async (db) => this.#prove(db, await found(db), proof, false));
    await changeLock(store.secrets, (lock) => {
      const ways = lock.ways.filter(({ kind }) => kind !== gone);
      if (ways.length === 0) throw error("wrong-call", "the last way");
      return { ...lock, ways };
    });
    return this.#view();
  }

  async #setAfter(after: LockAfter): Promise<LockView> {
    const after_ms = checkedAfter(after) * MINUTE_MS;
    await changeLock(this.#openDevice("open").store.secrets, (lock) => ({ ...lock, after_ms }));
    this.#count(after_ms);
    return this.#view();
  }

  async #switchOff(proof: LockProof): Promise<LockView> {
    const { store } = this.#openDevice("open");
    await this.#withVault(async (db) => this.#prove(db, await found(db), proof, false));
    await switchLockOff(store.secrets);
    this.#gate.state = "off";
    this.#gate.keep(undefined);
    clearInterval(this.#watching);
    this.#gate.presence = undefined;
    this.#tell();
    return this.#view();
  }

  async #erase(): Promise<void> {
    if (this.#gate.state !== "closed") throw error("wrong-call", "the lock is open");
    await eraseDatabase(this.#gate.profile);
    this.#gate.erased();
  }

  async #prove(db: Database, lock: LockRow, proof: LockProof, extractable: boolean): Promise<Kek> {
    if (proof.kind === "passkey") return openByPasskey(lock, proof.prf, extractable);
    const { passphrase } = proof;
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

function prepare(way: NewWay): Promise<(kek: Kek) => Promise<LockWay>> {
  return way.kind === "passkey" ? preparePasskey(way) : preparePassphrase(way.passphrase);
}

function passkeyOf(lock: LockRow | undefined): Pick<LockView, "passkey"> {
  const way = lock?.ways.find(({ kind }) => kind === "passkey");
  if (way?.kind !== "passkey") return {};
  return { passkey: { credential: encodeB64(way.credential), salt: encodeB64(way.salt) } };
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
