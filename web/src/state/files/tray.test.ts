/** The files that will go with the next message, and what becomes of those that do not fit. */
import { beforeEach, expect, test, vi } from "vitest";
import type { Looked } from "../../platform/files/looking.ts";
import type { Host } from "../host.ts";
import { useHost } from "../host.ts";
import { Tray } from "./tray.svelte.ts";

let forgotten: string[];
/** Ends the look at a file. */
let looks: Map<string, (looked: Looked | Promise<Looked>) => void>;

beforeEach(() => {
  forgotten = [];
  looks = new Map();
  const tools = {
    look: (file: File, plain: Looked["plain"]) =>
      file.name.startsWith("slow")
        ? new Promise<Looked>((resolve) => looks.set(file.name, resolve))
        : Promise.resolve({ plain, tells: false, thumb: `blob:${file.name}` }),
    forget: (address: string) => forgotten.push(address),
  };
  useHost({ browser: { openFiles: () => Promise.resolve(tools) } } as unknown as Host); // the parts that a tray touches
});

const named = (...names: string[]): File[] => names.map((name) => new File(["x"], name));
const numbered = (word: string, n: number): File[] => named(...Array.from({ length: n }, (_, at) => `${word}${at}`));

test("what comes back and does not fit beside what came meanwhile is told and forgotten", async () => {
  const tray = new Tray();
  await tray.add(numbered("a", 8));
  const { put } = tray.take();
  await tray.add(numbered("b", 5));
  put();
  expect(tray.items.map(({ name }) => name).join()).toBe("a0,a1,a2,a3,a4,a5,a6,a7,b0,b1");
  expect(tray.problem).toEqual({ code: "too-many", left: 3 });
  await vi.waitFor(() => expect(forgotten).toEqual(["blob:b2", "blob:b3", "blob:b4"]));
});

test("what is taken out while it is looked at is forgotten when it was", async () => {
  const tray = new Tray();
  const adding = tray.add(named("slow"));
  await vi.waitFor(() => expect(looks.size).toBe(1));
  const [item] = tray.items;
  tray.remove(item?.key ?? 0);
  if (item) looks.get("slow")?.({ plain: item.plain, tells: false, thumb: "blob:slow" });
  await adding;
  expect(tray.items).toEqual([]);
  await vi.waitFor(() => expect(forgotten).toEqual(["blob:slow"]));
});

test("what cannot be looked at goes as it is, with a warning", async () => {
  const tray = new Tray();
  const adding = tray.add(named("slow"));
  await vi.waitFor(() => expect(looks.size).toBe(1));
  looks.get("slow")?.(Promise.reject(new Error("unreadable")));
  await adding;
  expect([tray.ready, tray.tells]).toEqual([true, true]);
});
