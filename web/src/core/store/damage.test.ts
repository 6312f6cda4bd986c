/** The store under attack and in trouble: moved rows, full disks, aborts everywhere, old and newer schemas. */
import "fake-indexeddb/auto";
import { IDBFactory, IDBObjectStore } from "fake-indexeddb";
import { openDB } from "idb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ZajilError } from "../../protocol/errors.ts";
import { KEYED, ORDERED, type Store, type Tx, openStore } from "./index.ts";
import { UPGRADES, databaseName } from "./schema.ts";

const NOW = 1_790_000_000_000;

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
});

afterEach(() => {
  vi.restoreAllMocks();
});

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function text(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : new TextDecoder().decode(value);
}

async function leading(): Promise<Store> {
  const store = await openStore("main");
  await store.takeLead();
  return store;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (problem) {
    if (problem instanceof ZajilError) return problem.code;
    throw problem;
  }
  return "no error";
}

/** Filled and closed; then changed behind its back. */
async function tamper(work: (db: Awaited<ReturnType<typeof openDB>>) => Promise<void>): Promise<Store> {
  vi.stubGlobal("indexedDB", new IDBFactory());
  const store = await leading();
  await store.step("fill", NOW, async (tx) => {
    for (const name of ["a", "b"]) {
      await tx.put("chat", bytes(name), bytes(`chat ${name}`));
      await tx.put("account", bytes(name), bytes(`account ${name}`));
      await tx.append("message", bytes("o"), bytes(name), bytes(`message ${name}`));
      await tx.append("outbox", bytes("o"), bytes(name), bytes(`outbox ${name}`));
    }
  });
  store.close();
  const db = await openDB(databaseName("main"));
  await work(db);
  db.close();
  return openStore("main");
}

describe("rows that were changed outside of the store are refused, the others are read", () => {
  test("two rows of a keyed table swapped", async () => {
    const store = await tamper(async (db) => {
      const [first, second] = await db.getAll("chat");
      await db.put("chat", { ...first, iv: second.iv, ct: second.ct });
    });
    expect(await codeOf(store.look((tx) => tx.scan("chat")))).toBe("home-damaged");
    expect((await store.look((tx) => tx.scan("account"))).length).toBe(2);
  });

  test("a row re-dated", async () => {
    const store = await tamper(async (db) => {
      const [first] = await db.getAll("chat");
      await db.put("chat", { ...first, at: first.at + 1 });
    });
    expect(await codeOf(store.look((tx) => tx.scan("chat")))).toBe("home-damaged");
  });

  test("a row moved to another table, though its key would be another there", async () => {
    const store = await tamper(async (db) => {
      const [first] = await db.getAll("chat");
      await db.clear("account");
      await db.put("account", first);
    });
    expect(await codeOf(store.look((tx) => tx.scan("account")))).toBe("home-damaged");
  });

  test("two rows of an ordered table swapped, one renumbered, one given to another owner", async () => {
    const swapped = await tamper(async (db) => {
      const [first, second] = await db.getAll("message");
      await db.put("message", { ...first, iv: second.iv, ct: second.ct });
    });
    expect(await codeOf(swapped.look((tx) => tx.rows("message")))).toBe("home-damaged");
    const renumbered = await tamper(async (db) => {
      const [first] = await db.getAll("outbox");
      await db.delete("outbox", first.n);
      await db.put("outbox", { ...first, n: 99 });
    });
    expect(await codeOf(renumbered.look((tx) => tx.row("outbox", 99)))).toBe("home-damaged");
    const given = await tamper(async (db) => {
      const [first] = await db.getAll("outbox");
      await db.put("outbox", { ...first, owner: new Uint8Array(16) });
    });
    expect(await codeOf(given.look((tx) => tx.rows("outbox")))).toBe("home-damaged");
  });

  test("a wrapped key changed", async () => {
    const store = await leading();
    store.close();
    const db = await openDB(databaseName("main"));
    const keys = await db.get("vault", "keys");
    const ct = keys.data.ct.slice();
    ct[0] ^= 1;
    await db.put("vault", { ...keys, data: { ...keys.data, ct } }, "keys");
    db.close();
    expect(await codeOf(openStore("main"))).toBe("home-damaged");
  });
});

test("no id, name or text lies in clear, and the keys cannot be exported", async () => {
  const secret = "Anna's very private words";
  const store = await leading();
  await store.secrets.keep("account-seed", bytes("account seed, thirty-two bytes!!"));
  await store.secrets.makeDeviceKey();
  await store.step("fill", NOW, async (tx) => {
    await tx.put("chat", bytes("group id 1234567"), bytes(secret));
    await tx.append("message", bytes("group id 1234567"), bytes("message id"), bytes(secret));
  });
  store.close();
  const db = await openDB(databaseName("main"));
  let all = "";
  for (const name of db.objectStoreNames) {
    for (const value of [...(await db.getAll(name)), ...(await db.getAllKeys(name))]) all += clearText(value);
  }
  for (const word of ["Anna", "group id", "message id", "account seed"]) expect(all).not.toContain(word);
  expect(all).toContain("fence");
  const { kek } = await db.get("vault", "keys");
  await expect(crypto.subtle.exportKey("raw", kek)).rejects.toThrow();
  const { privateKey } = await db.get("vault", "device");
  await expect(crypto.subtle.exportKey("pkcs8", privateKey)).rejects.toThrow();
  db.close();
});

/** Everything of a value as Latin-1, buffers included. */
function clearText(value: unknown): string {
  if (value instanceof ArrayBuffer) return String.fromCharCode(...new Uint8Array(value));
  if (value instanceof Uint8Array) return String.fromCharCode(...value);
  if (typeof value === "object" && value !== null) return Object.entries(value).flat().map(clearText).join(" ");
  return String(value);
}

test("secrets: the device key signs, the account seed is kept, both survive a restart", async () => {
  const store = await leading();
  const publicKey = await store.secrets.makeDeviceKey();
  await store.secrets.keep("account-seed", bytes("seed"));
  store.close();
  const again = await leading();
  expect(await again.secrets.devicePublicKey()).toEqual(publicKey);
  const key = await crypto.subtle.importKey("raw", publicKey as Uint8Array<ArrayBuffer>, "Ed25519", false, ["verify"]);
  const signature = (await again.secrets.sign(bytes("data"))) as Uint8Array<ArrayBuffer>;
  expect(await crypto.subtle.verify("Ed25519", key, signature, new TextEncoder().encode("data"))).toBe(true);
  expect(text(await again.secrets.open("account-seed"))).toBe("seed");
  await again.secrets.forget("account-seed");
  expect(await again.secrets.open("account-seed")).toBeUndefined();
  await again.erase();
  expect(await codeOf((await leading()).secrets.sign(bytes("data")))).toBe("no-home");
});

test("100 crash points: nothing acknowledged is lost, nothing is doubled", async () => {
  let left = 0;
  const crash = new Error("the worker was killed");
  const hook = (point: string) => {
    if (point.startsWith("send") && left-- === 0) throw crash;
  };
  const acknowledged = new Set<string>();
  for (let round = 0; round < 100; round++) {
    left = round % 7;
    const store = await openStore("main", { hook });
    await store.takeLead();
    for (let message = 0; message < 3; message++) {
      const name = `${round}/${message}`;
      try {
        await store.step("send", NOW, async (tx) => {
          await tx.append("message", bytes("o"), bytes(name), bytes(name));
          const total = Number(text(await tx.find("meta", bytes("total"))) ?? 0);
          await tx.put("meta", bytes("total"), bytes(String(total + 1)));
        });
        acknowledged.add(name);
      } catch (problem) {
        expect(problem).toBe(crash);
        // Killed behind the transaction: it is durable though nobody was told.
        if (left < 0 && (round % 7) % 2 === 1) acknowledged.add(name);
        break;
      }
    }
    store.close();
  }
  const store = await leading();
  const rows = await store.look((tx) => tx.rows("message"));
  const names = rows.map(([, value]) => text(value) ?? "");
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(names)).toEqual(acknowledged);
  expect(rows.map(([n]) => n)).toEqual([...rows.map(([n]) => n)].sort((a, b) => a - b));
  expect(text(await store.look((tx) => tx.find("meta", bytes("total"))))).toBe(String(names.length));
});

test("a transaction aborted at any of its requests leaves nothing behind", async () => {
  const store = await leading();
  const put = IDBObjectStore.prototype.put;
  for (let failing = 0; failing < 6; failing++) {
    let count = 0;
    const spy = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (this: IDBObjectStore, ...args) {
      if (count++ === failing) throw new DOMException("full", "QuotaExceededError");
      return put.apply(this, args);
    });
    const filling = store.step("fill", NOW, async (tx) => {
      for (const name of ["a", "b"]) {
        await tx.put("chat", bytes(`${failing} ${name}`), bytes("x"));
        await tx.append("message", bytes("o"), bytes(`${failing} ${name}`), bytes("x"));
      }
    });
    expect(await codeOf(filling)).toBe(failing < 5 ? "storage-full" : "no error");
    spy.mockRestore();
    expect(await store.look((tx) => tx.count("chat"))).toBe(failing < 5 ? 0 : 2);
    expect(await store.look((tx) => tx.count("message"))).toBe(failing < 5 ? 0 : 2);
  }
  // A number that was not made durable is given again; the table never skips into the unknown.
  expect((await store.look((tx) => tx.rows("message"))).map(([n]) => n)).toEqual([1, 2]);
});

test("a full disk keeps what was there, and the store goes on when there is room again", async () => {
  const store = await leading();
  await store.step("fill", NOW, (tx) => tx.put("chat", bytes("a"), bytes("kept")));
  const spy = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  expect(await codeOf(store.step("more", NOW, (tx) => tx.put("chat", bytes("a"), bytes("lost"))))).toBe("storage-full");
  spy.mockRestore();
  expect(text(await store.look((tx) => tx.find("chat", bytes("a"))))).toBe("kept");
  await store.step("again", NOW, (tx) => tx.put("chat", bytes("a"), bytes("new")));
  expect(text(await store.look((tx) => tx.find("chat", bytes("a"))))).toBe("new");
});

test("a private window: keys stay in memory, the store works and says so, nothing is left after it", async () => {
  const put = IDBObjectStore.prototype.put;
  vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (this: IDBObjectStore, ...args) {
    if (this.name === "vault") throw new DOMException("no CryptoKey here", "DataCloneError");
    return put.apply(this, args);
  });
  const store = await leading();
  expect(store.durable).toBe(false);
  await store.secrets.keep("account-seed", bytes("seed"));
  await store.secrets.makeDeviceKey();
  expect((await store.secrets.sign(bytes("x"))).length).toBe(64);
  await store.step("fill", NOW, (tx) => tx.put("chat", bytes("a"), bytes("x")));
  const second = await openStore("main");
  expect(await second.look((tx) => tx.count("chat"))).toBe(0);
  expect(await codeOf(store.step("late", NOW, (tx) => tx.put("chat", bytes("a"), bytes("x"))))).toBe("lost-lead");
});

describe("schema", () => {
  test("an unknown newer version is told and not touched", async () => {
    const store = await leading();
    await store.step("fill", NOW, (tx) => tx.put("chat", bytes("a"), bytes("x")));
    store.close();
    const newer = await openDB(databaseName("main"), UPGRADES.length + 1, {
      upgrade: (db) => db.createObjectStore("of_the_future"),
    });
    const before = await newer.getAll("chat");
    newer.close();
    expect(await codeOf(openStore("main"))).toBe("newer-schema");
    const untouched = await openDB(databaseName("main"));
    expect([...untouched.objectStoreNames]).toContain("of_the_future");
    expect(await untouched.getAll("chat")).toEqual(before);
    untouched.close();
  });

  test("numbered upgrades run in order on what an older version wrote", async () => {
    const store = await leading();
    await store.step("fill", NOW, (tx) => tx.put("chat", bytes("a"), bytes("old")));
    store.close();
    const ran: number[] = [];
    const upgrades = [...UPGRADES, () => ran.push(UPGRADES.length + 1), () => ran.push(UPGRADES.length + 2)];
    const upgraded = await openStore("main", {
      upgrades: upgrades.map(
        (upgrade) =>
          (...args) =>
            void upgrade(...args),
      ),
    });
    expect(ran).toEqual([UPGRADES.length + 1, UPGRADES.length + 2]);
    expect(text(await upgraded.look((tx) => tx.find("chat", bytes("a"))))).toBe("old");
  });

  /** Version 1 had these alone; version 2 has `file`, `upload` and `chunk` besides, version 3 `deadline`. */
  const FIRST_KEYED = KEYED.filter((name) => name !== "file" && name !== "deadline");
  const FIRST_ORDERED = ORDERED.filter((name) => name !== "upload");

  async function shapeOf(version: number): Promise<unknown[]> {
    const db = await openDB(databaseName("main"), version);
    const shape = [...db.objectStoreNames].map((name) => {
      const store = db.transaction(name).store;
      return [
        name,
        store.keyPath,
        ...[...store.indexNames].map((index) => [index, store.index(index).keyPath, store.index(index).unique]),
      ];
    });
    db.close();
    return shape;
  }

  const shaped = (plain: readonly string[], keyed: readonly string[], ordered: readonly string[]) =>
    [
      ...plain.map((name) => [name, null]),
      ...keyed.map((name) => [name, "key", ["at", "at", false]]),
      ...ordered.map((name) => [name, "n", ["key", "key", true], ["owner", ["owner", "n"], false]]),
    ].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));

  test("version 3 is what its fixture says: changing it breaks databases that exist", async () => {
    (await leading()).close();
    expect(await shapeOf(3)).toEqual(shaped(["counter", "vault", "chunk"], KEYED, ORDERED));
  });

  test("a database of version 1 gets the stores of files, and keeps its rows", async () => {
    const old = await openDB(databaseName("main"), 1, {
      upgrade(db) {
        for (const name of ["counter", "vault"]) db.createObjectStore(name);
        for (const name of FIRST_KEYED) db.createObjectStore(name, { keyPath: "key" }).createIndex("at", "at");
        for (const name of FIRST_ORDERED) {
          const store = db.createObjectStore(name, { keyPath: "n" });
          store.createIndex("key", "key", { unique: true });
          store.createIndex("owner", ["owner", "n"]);
        }
      },
    });
    await old.put("counter", 7, "fence");
    old.close();
    const store = await openStore("main");
    await store.takeLead();
    await store.step("files", NOW, async (tx) => {
      await tx.put("file", bytes("f"), bytes("row"));
      tx.beside((chunks) => chunks.put(bytes("data"), [bytes("blob"), 0] as IDBValidKey));
    });
    expect(text(await store.look((tx) => tx.find("file", bytes("f"))))).toBe("row");
    store.close();
    expect(await shapeOf(3)).toEqual(shaped(["counter", "vault", "chunk"], KEYED, ORDERED));
    const after = await openDB(databaseName("main"));
    expect(await after.get("counter", "fence")).toBe(8);
    after.close();
  });

  test("chunks become durable with the rows of their step, or not at all", async () => {
    const store = await leading();
    const read = () => store.chunks<Uint8Array | undefined>((chunks) => chunks.get([bytes("b"), 0] as IDBValidKey));
    const put = (tx: Tx) => tx.beside((chunks) => chunks.put(bytes("data"), [bytes("b"), 0] as IDBValidKey));
    const failing = store.step("files", NOW, async (tx) => {
      put(tx);
      await Promise.reject(new Error("no"));
    });
    await expect(failing).rejects.toThrow("no");
    expect(await read()).toBeUndefined();
    await store.step("files", NOW, (tx) => Promise.resolve(put(tx)));
    expect(text(new Uint8Array((await read()) ?? []))).toBe("data");
    expect((await store.usage()).find(({ table }) => table === "chunk")).toEqual({ table: "chunk", rows: 1, bytes: 4 });
    // A lost lead writes no chunk either.
    const other = await openStore("main");
    await other.takeLead();
    const late = store.step("files", NOW, (tx) => Promise.resolve(tx.beside((chunks) => chunks.clear())));
    expect(await codeOf(late)).toBe("lost-lead");
    expect(text(new Uint8Array((await read()) ?? []))).toBe("data");
  });
});

/** Many pages and an odd rest; ZAJIL_LONG=1 takes five times as many rows. */
const MANY = process.env["ZAJIL_LONG"] === "1" ? 10_000 : 2000;

test(`${String(MANY)} messages are read page by page`, async () => {
  const store = await leading();
  for (let batch = 0; batch < MANY / 100; batch++) {
    await store.step("fill", NOW, async (tx) => {
      for (let i = 0; i < 100; i++)
        await tx.append("message", bytes("o"), bytes(`${batch}/${i}`), bytes(`${batch * 100 + i}`));
    });
  }
  const seen: string[] = [];
  let before = Number.MAX_SAFE_INTEGER;
  for (;;) {
    const page = await store.look((tx) => tx.rows("message", bytes("o"), { newest: 150, before }));
    if (page.length === 0) break;
    seen.unshift(...page.map(([, value]) => text(value) ?? ""));
    before = page[0]?.[0] ?? 0;
  }
  expect(seen).toEqual(Array.from({ length: MANY }, (_, i) => String(i)));
  const usage = (await store.usage()).find(({ table }) => table === "message");
  expect(usage?.rows).toBe(MANY);
  expect(usage?.bytes).toBeGreaterThan(MANY * 40);
});
