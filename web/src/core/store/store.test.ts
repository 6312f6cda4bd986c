/** The store over fake-indexeddb: durability, the fence, crash points, damaged rows, full disk, private windows. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, expect, test, vi } from "vitest";
import { LostLead, type Store, type Tx, openStore } from "./index.ts";

const NOW = 1_790_000_000_000;

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
});

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function text(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : new TextDecoder().decode(value);
}

async function leading(profile = "main"): Promise<Store> {
  const store = await openStore(profile);
  await store.takeLead();
  return store;
}

function put(store: Store, name: string, value: string, now = NOW): Promise<void> {
  return store.step("put", now, (tx) => tx.put("chat", bytes(name), bytes(value)));
}

test("a step's reads see its writes, others see them after it, and they survive", async () => {
  const store = await leading();
  await put(store, "a", "one");
  await store.step("change", NOW, async (tx) => {
    await tx.put("chat", bytes("b"), bytes("two"));
    await tx.delete("chat", bytes("a"));
    expect(await tx.has("chat", bytes("a"))).toBe(false);
    expect(await tx.has("chat", bytes("b"))).toBe(true);
    expect(text(await tx.find("chat", bytes("b")))).toBe("two");
    expect((await tx.scan("chat")).map(text)).toEqual(["two"]);
    expect(await tx.count("chat")).toBe(1);
    expect(await store.look((look) => look.find("chat", bytes("b")))).toBeUndefined();
  });
  expect(text(await store.look((tx) => tx.find("chat", bytes("b"))))).toBe("two");
  store.close();
  const again = await openStore("main");
  expect(await again.look((tx) => tx.find("chat", bytes("a")))).toBeUndefined();
  expect(text(await again.look((tx) => tx.find("chat", bytes("b"))))).toBe("two");
});

test("a failed step changes nothing, neither in the database nor in what is read from memory", async () => {
  const store = await leading();
  await put(store, "a", "one");
  await expect(
    store.step("fails", NOW, async (tx) => {
      await tx.put("chat", bytes("a"), bytes("changed"));
      await tx.append("message", bytes("o"), bytes("m"), bytes("lost"));
      throw new Error("on purpose");
    }),
  ).rejects.toThrow("on purpose");
  expect(text(await store.look((tx) => tx.find("chat", bytes("a"))))).toBe("one");
  expect(await store.look((tx) => tx.count("message"))).toBe(0);
});

test("a write that nobody awaited fails the step", async () => {
  const store = await leading();
  await expect(
    store.step("hasty", NOW, async (tx) => {
      void tx.put("chat", bytes("a"), bytes("one")).catch(() => undefined);
    }),
  ).rejects.toThrow("not awaited");
  expect(await store.look((tx) => tx.has("chat", bytes("a")))).toBe(false);
});

test("a transaction is of no use after its step", async () => {
  const store = await leading();
  let kept: Tx | undefined;
  await store.step("keeps", NOW, async (tx) => {
    kept = tx;
  });
  await expect(kept?.find("chat", bytes("a"))).rejects.toThrow("over");
});

test("rows older than a moment go, those written since stay", async () => {
  const store = await leading();
  await put(store, "old", "x", NOW);
  await put(store, "new", "y", NOW + 10);
  await store.step("sweep", NOW + 20, async (tx) => {
    await tx.put("chat", bytes("now"), bytes("z"));
    await tx.deleteOlder("chat", NOW + 5);
  });
  expect((await store.look((tx) => tx.scan("chat"))).map(text).sort()).toEqual(["y", "z"]);
});

test("ordered rows: numbers only grow, pages from both ends, owners, replacing, moving, removing", async () => {
  const store = await leading();
  const numbers = await store.step("fill", NOW, async (tx) => {
    const made: number[] = [];
    for (let i = 0; i < 10; i++)
      made.push(await tx.append("message", bytes(i % 2 ? "odd" : "even"), bytes(`m${i}`), bytes(`${i}`)));
    return made;
  });
  expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const read = async (owner?: string, page = {}) =>
    (await store.look((tx) => tx.rows("message", owner === undefined ? undefined : bytes(owner), page)))
      .map(([, value]) => text(value))
      .join("");
  expect(await read()).toBe("0123456789");
  expect(await read("even")).toBe("02468");
  expect(await read("even", { newest: 2 })).toBe("68");
  expect(await read("even", { newest: 2, before: 9 })).toBe("46");
  expect(await read("even", { newest: 99 })).toBe("02468");
  expect(await read("odd", { after: 4, limit: 2 })).toBe("57");
  expect(await read("odd", { after: 3, before: 5 })).toBe("3");
  expect(await read("odd", { after: 4, before: 5 })).toBe("");
  expect(await read(undefined, { newest: 3 })).toBe("789");
  await store.step("edit", NOW, async (tx) => {
    await tx.replace("message", 1, bytes("A"));
    await tx.move("message", 3, bytes("odd"));
    await tx.remove("message", 10);
    await tx.append("message", bytes("even"), bytes("new"), bytes("N"));
    const inside = async (owner: string, page = {}) =>
      (await tx.rows("message", bytes(owner), page)).map(([, value]) => text(value)).join("");
    expect(await inside("even")).toBe("A468N");
    expect(await inside("odd")).toBe("12357");
    expect(await inside("odd", { newest: 1 })).toBe("7");
    expect(await inside("even", { newest: 2 })).toBe("8N");
    expect(await inside("even", { limit: 2 })).toBe("A4");
    expect(await tx.count("message")).toBe(10);
    expect((await tx.lookup("message", bytes("new")))?.[0]).toBe(11);
    expect(await tx.lookup("message", bytes("m9"))).toBeUndefined();
  });
  expect(await read("even")).toBe("A468N");
  expect(await read("odd")).toBe("12357");
  expect((await store.look((tx) => tx.rowsAfter("message", 8))).map(([n]) => n)).toEqual([9, 11]);
  await store.step("trim", NOW, (tx) => tx.removeOlder("message", 3));
  expect((await store.look((tx) => tx.rows("message"))).map(([n]) => n)).toEqual([9, 11]);
  await store.step("empty", NOW, async (tx) => {
    await tx.clear("message");
    expect(await tx.append("message", bytes("o"), bytes("m1"), bytes("again"))).toBe(12);
  });
  store.close();
  const later = await leading();
  expect(await later.step("more", NOW, (tx) => tx.append("message", bytes("o"), bytes("x"), bytes("x")))).toBe(13);
});

test("an id has one row in an ordered table, and may come back after its row is gone", async () => {
  const store = await leading();
  const append = (value: string) =>
    store.step("append", NOW, (tx) => tx.append("message", bytes("o"), bytes("same"), bytes(value)));
  const n = await append("first");
  await expect(append("second")).rejects.toThrow("row already");
  await store.step("replace", NOW, async (tx) => {
    await tx.remove("message", n);
    await tx.append("message", bytes("o"), bytes("same"), bytes("third"));
  });
  expect(text((await store.look((tx) => tx.lookup("message", bytes("same"))))?.[1])).toBe("third");
});

test("steps run one after another; a look sees one moment", async () => {
  const store = await leading();
  await put(store, "a", "0");
  await put(store, "b", "0");
  const bump = (tx: Tx) =>
    Promise.all(
      ["a", "b"].map(async (name) => {
        const value = Number(text(await tx.find("chat", bytes(name))));
        await tx.put("chat", bytes(name), bytes(String(value + 1)));
      }),
    );
  const steps = Array.from({ length: 20 }, () => store.step("bump", NOW, bump));
  const looks = Array.from({ length: 20 }, () =>
    store.look(async (tx) => {
      const first = text(await tx.find("chat", bytes("a")));
      await tx.scan("known");
      return [first, text(await tx.find("chat", bytes("b")))];
    }),
  );
  for (const [a, b] of await Promise.all(looks)) expect(a).toBe(b);
  await Promise.all(steps);
  expect(text(await store.look((tx) => tx.find("chat", bytes("a"))))).toBe("20");
});

test("a store without the lead writes nothing, and none of its secrets", async () => {
  const store = await openStore("main");
  await expect(put(store, "a", "x")).rejects.toThrow(LostLead);
  await expect(store.secrets.makeDeviceKey()).rejects.toThrow(LostLead);
});

test("a store that was closed neither reads nor writes: its worker has stopped", async () => {
  const store = await leading();
  store.close();
  await expect(store.look((tx) => tx.scan("chat"))).rejects.toThrow(LostLead);
  await expect(put(store, "a", "x")).rejects.toThrow(LostLead);
});

test("fence: of two stores the one that took the lead later writes, the thawed one never again", async () => {
  const first = await leading();
  await put(first, "a", "first");
  const second = await leading();
  await put(second, "a", "second");
  await expect(put(first, "a", "stale")).rejects.toThrow(LostLead);
  await expect(first.secrets.keep("account-seed", new Uint8Array(32))).rejects.toThrow(LostLead);
  expect(text(await second.look((tx) => tx.find("chat", bytes("a"))))).toBe("second");
  await first.takeLead();
  expect(text(await first.look((tx) => tx.find("chat", bytes("a"))))).toBe("second");
  await put(first, "a", "third");
  await expect(put(second, "a", "stale")).rejects.toThrow(LostLead);
});

test("fence: frozen in the middle of a step, the old leader loses it whole", async () => {
  const first = await leading();
  let second: Store | undefined;
  const frozen = first.step("frozen", NOW, async (tx) => {
    await tx.put("mls_ratchet", bytes("g"), bytes("generation 7"));
    second = await leading();
    await second.step("other", NOW, (other) =>
      other.put("mls_ratchet", bytes("g"), bytes("generation 7 of the other")),
    );
  });
  await expect(frozen).rejects.toThrow(LostLead);
  expect(text(await second?.look((tx) => tx.find("mls_ratchet", bytes("g"))))).toBe("generation 7 of the other");
});
