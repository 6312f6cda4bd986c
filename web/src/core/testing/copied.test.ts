/** A copied IndexedDB holds what was stored, goes on by itself, and leaves the first one alone. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { type IDBPDatabase, wrap } from "idb";
import { expect, test } from "vitest";
import { copyOf } from "./copied.ts";

function open(factory: IDBFactory): Promise<IDBPDatabase> {
  const request = factory.open("one", 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("lines", { autoIncrement: true }).createIndex("by text", "text");
  };
  return wrap(request as unknown as IDBOpenDBRequest) as Promise<IDBPDatabase>;
}

test("both go on from the same content, each by itself", async () => {
  const first = new IDBFactory();
  const before = await open(first);
  const bytes = new Uint8Array([1, 2, 3]);
  await before.add("lines", { text: "said", bytes });
  await before.delete("lines", await before.add("lines", { text: "deleted", bytes }));
  const after = await open(copyOf(first));
  expect(await after.getAllFromIndex("lines", "by text")).toEqual([{ text: "said", bytes }]);
  expect(await after.add("lines", { text: "later", bytes })).toBe(3);
  await after.put("lines", { text: "changed", bytes }, 1);
  expect((await before.getAll("lines")).map(({ text }: { text: string }) => text)).toEqual(["said"]);
  expect(await before.add("lines", { text: "own", bytes })).toBe(3);
  expect(await after.getAllKeysFromIndex("lines", "by text", "own")).toEqual([]);
});
