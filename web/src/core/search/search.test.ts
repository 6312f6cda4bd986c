/** Search over a store that is real: what is found, in which order, page by page, and what never is. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import type { SearchPage } from "../api.ts";
import * as chats from "../rules/chats.ts";
import * as rows from "../state/rows.ts";
import { tabOf } from "../testing/host.ts";
import { World } from "../testing/people.ts";

type Tab = ReturnType<typeof tabOf>;

async function all(tab: Tab, query: string, chat?: string): Promise<SearchPage["messages"]> {
  const found = [];
  let from: number | undefined;
  do {
    const page: SearchPage = await tab.call.search({
      query,
      ...(chat === undefined ? {} : { chat }),
      ...(from === undefined ? {} : { from }),
    });
    found.push(...page.messages);
    from = page.next;
  } while (from !== undefined);
  return found;
}

const texts = async (tab: Tab, query: string, chat?: string): Promise<string[]> =>
  (await all(tab, query, chat)).map(({ text }) => text.text);

async function scene() {
  const world = new World();
  const anna = await world.person("Anna");
  const omar = await world.person("عُمر");
  await anna.meet(omar);
  const dm = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  const group = await anna.core.step("group", (step) => chats.openGroup(step, "Ёлки-палки", [omar.id]));
  await world.settle();
  return { world, anna, omar, dm, group, tab: tabOf(anna) };
}

test("a message is found in another spelling, in all chats and in one; edited by its newest text; deleted never", async () => {
  const { world, dm, group, tab } = await scene();
  await tab.call.send({ chat: dm, text: "قال أحمَد للناس" });
  await tab.call.send({ chat: group, text: "Новогодняя Ёлка" });
  await tab.call.send({ chat: dm, text: "le café noir" });
  await tab.call.send({ chat: group, text: "cafe closed" });
  const wrong = await tab.call.send({ chat: dm, text: "cafe at noon" });
  const gone = await tab.call.send({ chat: dm, text: "cafe secret" });
  await world.settle();
  await tab.call.edit({ chat: dm, id: wrong, text: "tea at noon" });
  await tab.call.delete_message({ chat: dm, id: gone, for: "all" });
  await world.settle();
  expect(await texts(tab, "احمد")).toEqual(["قال أحمَد للناس"]);
  expect(await texts(tab, "елка")).toEqual(["Новогодняя Ёлка"]);
  expect(await texts(tab, "CAFE")).toEqual(["cafe closed", "le café noir"]);
  expect(await texts(tab, "CAFE", dm)).toEqual(["le café noir"]);
  expect(await texts(tab, "tea noon")).toEqual(["tea at noon"]);
  const [hit] = await all(tab, "ёлк");
  expect(hit).toMatchObject({ chat: group, kind: "group", title: "Ёлки-палки", own: true, sender: { name: "Anna" } });
  expect(hit?.text).toEqual({ text: "Новогодняя Ёлка", marks: [[11, 14]] });
});

test("chats come first by their names, with the first page alone; a short query finds nothing and says so", async () => {
  const { dm, group, omar, tab } = await scene();
  const page = await tab.call.search({ query: "елки", self: "Note to self" });
  expect(page.chats).toEqual([{ id: group, kind: "group", title: { text: "Ёлки-палки", marks: [[0, 4]] } }]);
  expect((await tab.call.search({ query: "عمر" })).chats).toMatchObject([{ id: dm, kind: "dm", peer: omar.id }]);
  expect((await tab.call.search({ query: "note", self: "Note to self" })).chats).toMatchObject([{ kind: "self" }]);
  expect((await tab.call.search({ query: "елки", chat: dm })).chats).toEqual([]);
  expect(await tab.call.search({ query: "ё" })).toEqual({ short: true, chats: [], people: [], messages: [] });
  await expect(tab.call.search({ query: "елки", chat: rows.idOf(new Uint8Array(16)) })).rejects.toThrow("unknown-chat");
});

test("hundreds of messages come in pages, each once and the newest first", async () => {
  const { anna, dm, tab } = await scene();
  await anna.core.step("fill", async (step) => {
    for (let n = 0; n < 450; n++) {
      const id = crypto.getRandomValues(new Uint8Array(32));
      const message = {
        ...rows.EMPTY_MESSAGE,
        ...{ message_id: rows.idOf(id), gid: dm, account: anna.id, device: 1, sent: n, state: "sent" as const },
        expires_at: n === 448 ? 1 : 0,
        text: n === 448 || n % 3 === 0 ? `needle ${String(n)}` : `straw ${String(n)}`,
      };
      await step.tx.append("message", rows.bytesOf(dm), id, rows.encodeRow(message));
    }
  });
  const first = await tab.call.search({ query: "needle" });
  expect(first.next).toBeDefined();
  const found = await texts(tab, "needle");
  expect(found).toHaveLength(150);
  expect(found.slice(0, 2)).toEqual(["needle 447", "needle 444"]);
  expect(found.at(-1)).toBe("needle 0");
});

test("a long text is cut to the words around the mark; what steers directions is gone", async () => {
  const { dm, tab } = await scene();
  await tab.call.send({ chat: dm, text: `${"слово ".repeat(100)}\u202eиголка\u202c\n${"ещё ".repeat(100)}` });
  const [hit] = await all(tab, "иголка");
  const { text = "", marks = [] } = hit?.text ?? {};
  expect(text.length).toBeLessThan(250);
  expect(text).toMatch(/^…слово.*…$/);
  expect(marks.map(([start, end]) => text.slice(start, end))).toEqual(["иголка"]);
  expect(text).not.toMatch(/[\u202a-\u202e\n]/);
});

test("of a request, and of a chat in which nobody wrote yet, nothing is found until it shows", async () => {
  const { anna, dm, tab, omar } = await scene();
  await tab.call.send({ chat: dm, text: "a word of mine" });
  const found = async (): Promise<number> => {
    const { chats: named } = await tab.call.search({ query: omar.profile.name });
    return named.length + (await texts(tab, "word")).length + (await texts(tab, "word", dm)).length;
  };
  expect(await found()).toBe(3);
  await anna.core.step("request", (step) => step.changeChat(dm, { request: "incoming" }));
  expect(await found()).toBe(0);
  await anna.core.step("quiet", (step) => step.changeChat(dm, { request: "", quiet: true }));
  expect(await found()).toBe(0);
  await anna.core.step("shown", (step) => step.changeChat(dm, { quiet: false }));
  expect(await found()).toBe(3);
});
