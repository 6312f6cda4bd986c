/** App lock over a real store: what opens it, what a wrong guess costs, what the disk shows, and ends in the middle. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { openDB } from "idb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ZajilError } from "../../protocol/errors.ts";
import type { CoreEvent } from "../api.ts";
import { type Kek, LostLead, type Store, openStore } from "../store/index.ts";
import { AppLock, type Gated } from "./lock.ts";
import type { Presence } from "./share.ts";
import type { LockView } from "./view.ts";

const GOOD = "drei kleine Birnen";
const NEXT = "أربع تفاحات حمراء";
const by = (passphrase: string): { kind: "passphrase"; passphrase: string } => ({ kind: "passphrase", passphrase });
const SEED = new TextEncoder().encode("the seed of the account, 32 byte");

// The cost is judged by argon2.test.ts; here its form counts, and that another passphrase makes another key.
vi.mock("../argon2.ts", () => ({
  argon2id: async (secret: Uint8Array, salt: Uint8Array) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array([...salt, ...secret]))),
}));

let now = 1_790_000_000_000;

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  now = 1_790_000_000_000;
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** The gate of a browser without a device: its store is the real one. */
class Browser implements Gated {
  state: LockView["state"] = "off";
  device: Gated["device"];
  readonly profile = "main";
  readonly events: CoreEvent[] = [];
  store: Store | undefined;
  gone = false;
  presence: Presence | undefined;
  kek: Kek | undefined;
  readonly lock = new AppLock(this);

  static async start(): Promise<Browser> {
    const browser = new Browser();
    try {
      await browser.open(undefined);
    } catch (problem) {
      if (codeOf(problem) !== "app-locked") throw problem;
      browser.state = "closed";
    }
    return browser;
  }

  now(): number {
    return now;
  }

  async open(kek: Kek | undefined): Promise<void> {
    const store = await openStore("main", kek === undefined ? {} : { kek });
    await store.takeLead();
    [this.store, this.kek] = [store, kek];
    this.device = { store, call: () => Promise.resolve({}) };
    this.state = kek === undefined ? "off" : "open";
    if (this.state === "open") await this.lock.watch();
  }

  close(): void {
    this.state = "closed";
    this.store?.close();
    this.store = undefined;
    this.device = undefined;
  }

  keep(kek: Kek | undefined): void {
    this.kek = kek;
  }

  emit(event: CoreEvent): void {
    this.events.push(event);
  }

  erased(): void {
    this.gone = true;
  }

  /** The tab and its worker are gone, and that of another tab leads: it holds what this one shared. */
  async next(): Promise<Browser> {
    this.store?.close();
    const next = new Browser();
    next.presence = this.presence;
    await next.open(this.kek);
    return next;
  }

  /** The tab and its worker are gone; the disk stays. */
  async restart(): Promise<Browser> {
    this.store?.close();
    return Browser.start();
  }
}

function codeOf(problem: unknown): string {
  if (problem instanceof ZajilError) return problem.code;
  throw problem;
}

const refusal = (work: Promise<unknown>): Promise<string> => work.then(() => "no error", codeOf);

async function filled(): Promise<Browser> {
  const browser = await Browser.start();
  const { store } = browser;
  if (store === undefined) throw new Error("closed");
  await store.step("fill", now, (tx) => tx.put("chat", new Uint8Array([1]), new TextEncoder().encode("Anna: salam")));
  await store.secrets.makeDeviceKey();
  await store.secrets.keep("account-seed", SEED.slice());
  return browser;
}

/** Everything that was there is there, and works. */
async function expectWhole({ store }: Browser, publicKey?: Uint8Array): Promise<void> {
  if (store === undefined) throw new Error("closed");
  const row = await store.look((tx) => tx.find("chat", new Uint8Array([1])));
  expect(new TextDecoder().decode(row)).toBe("Anna: salam");
  expect(await store.secrets.open("account-seed")).toEqual(SEED);
  const told = await store.secrets.devicePublicKey();
  if (publicKey !== undefined) expect(told).toEqual(publicKey);
  const data = new Uint8Array([7]);
  const key = await crypto.subtle.importKey("raw", new Uint8Array(told ?? []), "Ed25519", false, ["verify"]);
  const signature = new Uint8Array(await store.secrets.sign(data));
  expect(await crypto.subtle.verify("Ed25519", key, signature, data)).toBe(true);
}

const on = (browser: Browser) => browser.lock.verbs.lock_on({ way: by(GOOD), after_min: 5 });

/** All that lies on the disk, values as they are. */
async function disk(): Promise<unknown[]> {
  const db = await openDB("zajil-main");
  const found: unknown[] = [];
  for (const name of db.objectStoreNames) found.push(...(await db.getAll(name)));
  db.close();
  return found;
}

function deep(value: unknown): unknown[] {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return [value];
  if (value instanceof CryptoKey) return [value];
  return [value, ...Object.values(value).flatMap(deep)];
}

const keysOnDisk = async (): Promise<CryptoKey[]> =>
  (await disk()).flatMap(deep).filter((value): value is CryptoKey => value instanceof CryptoKey);

test("on: after a restart nothing opens without the passphrase, and all opens with it", async () => {
  const browser = await filled();
  const publicKey = await browser.store?.secrets.devicePublicKey();
  expect(await on(browser)).toMatchObject({ state: "open", after_min: 5, covers_device: true });
  await expectWhole(browser, publicKey); // goes on without a break
  const again = await browser.restart();
  expect(again.state).toBe("closed");
  expect(await refusal(openStore("main"))).toBe("app-locked");
  expect(await refusal(again.lock.verbs.unlock({ proof: by("drei kleine Birne") }))).toBe("wrong-passphrase");
  expect(again.state).toBe("closed");
  await again.lock.verbs.unlock({ proof: by(GOOD) });
  await expectWhole(again, publicKey);
  expect(again.events.map(({ event }) => event)).toContain("settings");
});

test("the same letters typed otherwise are the same passphrase; a short one is refused, counted in characters", async () => {
  const browser = await filled();
  const verbs = browser.lock.verbs;
  expect(await refusal(verbs.lock_on({ way: by("1234567"), after_min: 0 }))).toBe("short-passphrase");
  expect(await refusal(verbs.lock_on({ way: by("🔑🔑🔑🔑🔑🔑🔑"), after_min: 0 }))).toBe("short-passphrase");
  expect(browser.state).toBe("off");
  await verbs.lock_on({ way: by("Ärgernisse"), after_min: 0 });
  const again = await browser.restart();
  await again.lock.verbs.unlock({ proof: by("A\u0308rgernisse") });
  await expectWhole(again);
});

test("under lock no key of the browser's own lies on the disk; without it one does", async () => {
  const browser = await filled();
  expect((await keysOnDisk()).map(({ extractable }) => extractable)).toEqual([false]);
  await on(browser);
  expect(await keysOnDisk()).toEqual([]);
  const clear = new TextDecoder("latin1");
  for (const value of (await disk()).flatMap(deep))
    if (ArrayBuffer.isView(value))
      expect(clear.decode(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))).not.toMatch(/Anna|seed/);
});

test("a device key of an older version is said to lie outside of the lock, and works on", async () => {
  const browser = await filled();
  const pair = (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const db = await openDB("zajil-main");
  await db.put("vault", { privateKey: pair.privateKey, publicKey }, "device");
  db.close();
  expect(await on(browser)).toMatchObject({ covers_device: false });
  const again = await browser.restart();
  await again.lock.verbs.unlock({ proof: by(GOOD) });
  await expectWhole(again, publicKey);
});

test("another passphrase: the old one opens nothing more; only whoever knows the old one may choose it", async () => {
  const browser = await filled();
  await on(browser);
  const { verbs } = browser.lock;
  expect(await refusal(verbs.lock_set({ proof: by(NEXT), way: by(NEXT) }))).toBe("wrong-passphrase");
  expect(await refusal(verbs.lock_set({ proof: by(GOOD), way: by("short") }))).toBe("short-passphrase");
  await verbs.lock_set({ proof: by(GOOD), way: by(NEXT) });
  await verbs.lock_after({ after_min: 60 });
  await expectWhole(browser);
  const again = await browser.restart();
  expect(await refusal(again.lock.verbs.unlock({ proof: by(GOOD) }))).toBe("wrong-passphrase");
  await again.lock.verbs.unlock({ proof: by(NEXT) });
  expect(await again.lock.verbs.lock()).toMatchObject({ state: "open", after_min: 60 });
  await expectWhole(again);
});

test("off: only with the passphrase, and then the vault opens by itself", async () => {
  const browser = await filled();
  await on(browser);
  expect(await refusal(browser.lock.verbs.lock_off({ proof: by(NEXT) }))).toBe("wrong-passphrase");
  expect(browser.state).toBe("open");
  expect(await browser.lock.verbs.lock_off({ proof: by(GOOD) })).toMatchObject({ state: "off" });
  await expectWhole(browser);
  const again = await browser.restart();
  expect(again.state).toBe("off");
  await expectWhole(again);
});

describe("by a passkey", () => {
  const b64 = (byte: number, size = 32): string => Buffer.from(new Uint8Array(size).fill(byte)).toString("base64url");
  const made = (prf: number) => ({ kind: "passkey", credential: b64(9, 20), salt: b64(8), prf: b64(prf) }) as const;
  const shown = (prf: number) => ({ kind: "passkey", prf: b64(prf) }) as const;

  test("its answer opens it, and no other; the page learns which one to ask, and for what", async () => {
    const browser = await filled();
    const view = await browser.lock.verbs.lock_on({ way: made(1), after_min: 0 });
    expect(view).toMatchObject({ ways: ["passkey"], passkey: { credential: b64(9, 20), salt: b64(8) } });
    expect(JSON.stringify(view)).not.toContain(b64(1));
    const again = await browser.restart();
    expect(await refusal(again.lock.verbs.unlock({ proof: shown(2) }))).toBe("wrong-passphrase");
    expect(await refusal(again.lock.verbs.unlock({ proof: by(GOOD) }))).toBe("wrong-passphrase");
    await again.lock.verbs.unlock({ proof: shown(1) });
    await expectWhole(again);
  });

  test("and a passphrase beside it: either opens; one may go, the last may not", async () => {
    const browser = await filled();
    const { verbs } = browser.lock;
    await verbs.lock_on({ way: made(1), after_min: 0 });
    expect(await refusal(verbs.lock_set({ proof: shown(2), way: by(GOOD) }))).toBe("wrong-passphrase");
    expect(await refusal(verbs.lock_drop({ proof: shown(1), kind: "passkey" }))).toBe("wrong-call");
    const both = await verbs.lock_set({ proof: shown(1), way: by(GOOD) });
    expect(both.ways).toEqual(["passkey", "passphrase"]);
    for (const proof of [shown(1), by(GOOD)]) {
      await verbs.lock_now();
      await verbs.unlock({ proof });
      await expectWhole(browser);
    }
    expect((await verbs.lock_drop({ proof: by(GOOD), kind: "passkey" })).ways).toEqual(["passphrase"]);
    const again = await browser.restart();
    expect(await refusal(again.lock.verbs.unlock({ proof: shown(1) }))).toBe("wrong-passphrase");
    await again.lock.verbs.unlock({ proof: by(GOOD) });
    await expectWhole(again);
  });

  test("wrong passphrases do not hold it up", async () => {
    const browser = await filled();
    await browser.lock.verbs.lock_on({ way: made(1), after_min: 0 });
    await browser.lock.verbs.lock_set({ proof: shown(1), way: by(GOOD) });
    const again = await browser.restart();
    for (let n = 0; n < 3; n++) await refusal(again.lock.verbs.unlock({ proof: by(NEXT) }));
    expect(await refusal(again.lock.verbs.unlock({ proof: by(GOOD) }))).toBe("slow-down");
    await again.lock.verbs.unlock({ proof: shown(1) });
    await expectWhole(again);
  });

  test("what a page cannot have made is refused, and the lock stays off", async () => {
    const browser = await filled();
    const bad = [
      { prf: b64(1, 31) },
      { salt: b64(1, 16) },
      { credential: "" },
      { credential: b64(1, 1_024) },
      { prf: "+/=" },
    ];
    for (const part of bad)
      expect(await refusal(browser.lock.verbs.lock_on({ way: { ...made(1), ...part }, after_min: 0 }))).toBe(
        "malformed",
      );
    expect(browser.state).toBe("off");
  });
});

describe("wrong guesses", () => {
  async function guessWrong(browser: Browser): Promise<{ code: string; retryMs: number | undefined }> {
    const problem = await browser.lock.verbs.unlock({ proof: by(NEXT) }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(problem instanceof ZajilError)) throw new Error("opened");
    return { code: problem.code, retryMs: problem.retryMs };
  }

  test("wait longer and longer; nobody saves a wait by a restart, and the right one ends it", async () => {
    const browser = await filled();
    await on(browser);
    let locked = await browser.restart();
    const waits: (number | undefined)[] = [];
    for (let n = 0; n < 11; n++) {
      const { code, retryMs } = await guessWrong(locked);
      expect(code).toBe("wrong-passphrase");
      waits.push(retryMs);
      if (retryMs === undefined) continue;
      locked = await locked.restart();
      now += retryMs - 1;
      expect((await locked.lock.verbs.lock()).wait_ms).toBe(1);
      // Too early: not even the right one is looked at.
      expect(await refusal(locked.lock.verbs.unlock({ proof: by(GOOD) }))).toBe("slow-down");
      now += 1;
    }
    const seconds = [undefined, undefined, 5, 15, 30, 60, 60, 120, 300, 300, 300];
    expect(waits).toEqual(seconds.map((s) => (s === undefined ? undefined : s * 1_000)));
    await locked.lock.verbs.unlock({ proof: by(GOOD) });
    expect((await guessWrong(await locked.restart())).retryMs).toBeUndefined();
  });

  test("a guess counts before it is looked at: ending the worker meanwhile saves nothing", async () => {
    const browser = await filled();
    await on(browser);
    const locked = await browser.restart();
    await guessWrong(locked);
    await guessWrong(locked);
    const ended = vi.spyOn(crypto.subtle, "unwrapKey").mockReturnValueOnce(new Promise(() => undefined));
    void locked.lock.verbs.unlock({ proof: by(NEXT) });
    await vi.waitFor(() => expect(ended).toHaveBeenCalled());
    expect(await refusal((await locked.restart()).lock.verbs.unlock({ proof: by(GOOD) }))).toBe("slow-down");
  });

  test("a clock set back waits no longer than the longest wait", async () => {
    const browser = await filled();
    await on(browser);
    const locked = await browser.restart();
    for (let n = 0; n < 3; n++) await guessWrong(locked);
    now -= 86_400_000;
    expect((await locked.lock.verbs.lock()).wait_ms).toBe(300_000);
  });

  test("they count as well where an open lock asks for the passphrase", async () => {
    const browser = await filled();
    await on(browser);
    for (let n = 0; n < 3; n++) await refusal(browser.lock.verbs.lock_off({ proof: by(NEXT) }));
    expect(await refusal(browser.lock.verbs.lock_off({ proof: by(GOOD) }))).toBe("slow-down");
  });
});

describe("it closes", () => {
  test("by a press, and then opens for nobody without the passphrase", async () => {
    const browser = await filled();
    await on(browser);
    await browser.lock.verbs.lock_now();
    expect(browser.state).toBe("closed");
    expect(await refusal(browser.lock.verbs.lock_off({ proof: by(GOOD) }))).toBe("app-locked");
    expect(await refusal(browser.lock.verbs.lock_set({ proof: by(GOOD), way: by(NEXT) }))).toBe("app-locked");
    await browser.lock.verbs.unlock({ proof: by(GOOD) });
    await expectWhole(browser);
  });

  test("after its time without anybody, not before; a sign of somebody begins it anew", async () => {
    const browser = await filled();
    await on(browser);
    const pass = (ms: number): void => {
      now += ms;
      vi.advanceTimersByTime(5_000);
    };
    pass(290_000);
    await browser.lock.verbs.lock_touch();
    pass(290_000);
    expect(browser.state).toBe("open");
    pass(10_000);
    expect(browser.state).toBe("closed");
    await browser.lock.verbs.unlock({ proof: by(GOOD) });
    // Frozen longer than that: the first touch after it closes, it does not prolong.
    now += 301_000;
    await browser.lock.verbs.lock_touch();
    expect(browser.state).toBe("closed");
  });

  test("after its time where the lead went from tab to tab, too: taking it is no sign of somebody", async () => {
    let browser = await filled();
    await on(browser);
    for (let n = 0; n < 3; n++) {
      now += 99_000;
      browser = await browser.next();
      expect(browser.state).toBe("open");
    }
    now += 3_000;
    vi.advanceTimersByTime(5_000);
    expect(browser.state).toBe("closed");
    await browser.lock.verbs.unlock({ proof: by(GOOD) });
    now += 200_000;
    await browser.lock.verbs.lock_touch();
    browser = await browser.next();
    now += 299_000;
    vi.advanceTimersByTime(5_000);
    expect(browser.state).toBe("open");
    now += 1_000;
    // Over before anybody leads again: closed before anything else.
    expect((await browser.next()).state).toBe("closed");
  });

  test("never by itself where nobody wants that, or once the lock is off", async () => {
    const browser = await filled();
    await on(browser);
    await browser.lock.verbs.lock_after({ after_min: 0 });
    now += 86_400_000;
    vi.advanceTimersByTime(60_000);
    expect(browser.state).toBe("open");
    await browser.lock.verbs.lock_off({ proof: by(GOOD) });
    await browser.lock.verbs.lock_touch();
    await browser.lock.verbs.lock_now();
    expect(browser.state).toBe("off");
  });
});

test("erase: of a closed lock alone, and nothing is left", async () => {
  const browser = await filled();
  await on(browser);
  expect(await refusal(browser.lock.verbs.lock_erase())).toBe("wrong-call");
  const locked = await browser.restart();
  await locked.lock.verbs.lock_erase();
  expect(locked.gone).toBe(true);
  expect((await indexedDB.databases()).map(({ name }) => name)).toEqual([]);
});

/** Ends the work at its n-th await on the browser: everything after that never happens. */
function endAt(n: number): () => number {
  let calls = 0;
  for (const name of [
    "wrapKey",
    "unwrapKey",
    "encrypt",
    "decrypt",
    "exportKey",
    "importKey",
    "generateKey",
    "digest",
  ] as const) {
    const real = crypto.subtle[name].bind(crypto.subtle) as (...args: unknown[]) => Promise<unknown>;
    vi.spyOn(crypto.subtle, name).mockImplementation((...args: unknown[]): never => {
      calls += 1;
      if (calls === n) throw new LostLead();
      return real(...args) as never;
    });
  }
  for (const name of ["put", "get"] as const) {
    const real = IDBObjectStore.prototype[name] as (...args: unknown[]) => IDBRequest;
    vi.spyOn(IDBObjectStore.prototype, name).mockImplementation(function (this: IDBObjectStore, ...args: unknown[]) {
      calls += 1;
      if (calls === n) throw new LostLead();
      return real.apply(this, args) as never;
    });
  }
  return () => calls;
}

describe("ended anywhere in the middle, the vault opens the old way or the new one, with all that was in it", () => {
  const acts: Record<string, { before: boolean; act: (browser: Browser) => Promise<unknown>; opens: string[] }> = {
    on: { before: false, act: on, opens: [GOOD] },
    change: {
      before: true,
      act: (b) => b.lock.verbs.lock_set({ proof: by(GOOD), way: by(NEXT) }),
      opens: [GOOD, NEXT],
    },
    off: { before: true, act: (b) => b.lock.verbs.lock_off({ proof: by(GOOD) }), opens: [GOOD] },
    after: { before: true, act: (b) => b.lock.verbs.lock_after({ after_min: 1 }), opens: [GOOD] },
  };

  test.each(Object.entries(acts))("%s", async (name, { before, act, opens }) => {
    const outcomes = new Set<string>();
    for (let n = 1; ; n++) {
      vi.stubGlobal("indexedDB", new IDBFactory());
      const browser = await filled();
      const publicKey = await browser.store?.secrets.devicePublicKey();
      if (before) await on(browser);
      const count = endAt(n);
      const ended = await act(browser).then(
        () => false,
        () => true,
      );
      const reached = count() >= n;
      vi.restoreAllMocks();
      const again = await browser.restart();
      outcomes.add(again.state);
      if (again.state === "closed") {
        now += 300_000;
        const opened: string[] = [];
        for (const passphrase of opens) {
          const answer = await refusal(again.lock.verbs.unlock({ proof: by(passphrase) }));
          if (answer !== "no error") continue;
          opened.push(passphrase);
          break;
        }
        expect(opened).toHaveLength(1);
        outcomes.add(opened[0] ?? "");
      }
      await expectWhole(again, publicKey);
      again.store?.close();
      if (!reached) {
        expect(ended).toBe(false);
        expect(n).toBeGreaterThan(4);
        break;
      }
    }
    // Both sides of the change were seen: the loop ended before it and after it.
    expect(outcomes.size).toBe(name === "after" ? 2 : 3);
  });
});
