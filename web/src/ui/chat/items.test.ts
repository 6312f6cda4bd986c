/** Runs, days and the unread line. */
import { expect, test } from "vitest";
import type { MessageView } from "../../core/api.ts";
import { buildItems, type Item } from "./items.ts";

const NOON = new Date(2026, 2, 6, 12, 0).getTime();
const MINUTE = 60_000;

function message(id: string, who: string, minutes: number, more: Partial<MessageView> = {}): MessageView {
  return {
    id,
    chat: "c",
    n: minutes,
    at: NOON + minutes * MINUTE,
    sender: { account: who, name: who },
    own: who === "me",
    state: "received",
    text: id,
    files: [],
    mentions: [],
    reactions: [],
    edited: false,
    deleted: false,
    may: { edit: false, delete_for_all: false, react: true, reply: true, report: false },
    ...more,
  };
}

const show = (item: Item): string =>
  item.kind === "message" ? `${item.message.id}${item.first ? "<" : ""}${item.last ? ">" : ""}` : item.kind;

test("messages of one person stand in a run until somebody else speaks or time passes", () => {
  const items = buildItems(
    [message("1", "anna", 0), message("2", "anna", 1), message("3", "omar", 2), message("4", "omar", 30)],
    undefined,
  );
  expect(items.map(show)).toEqual(["day", "1<", "2>", "3<>", "4<>"]);
});

test("a notice, a day and the unread line end a run", () => {
  const notice = message("n", "anna", 2, { notice: { code: "joined" } });
  const items = buildItems(
    [message("1", "anna", 0), notice, message("2", "anna", 3), message("3", "anna", 4), message("4", "anna", 1000)],
    "3",
  );
  expect(items.map(show)).toEqual(["day", "1<>", "notice", "2<>", "unread", "3<>", "day", "4<>"]);
});

test("keys are unique, also where a day comes twice", () => {
  const items = buildItems([message("1", "a", 0), message("2", "a", -1500), message("3", "a", 5)], "2");
  const keys = items.map(({ key }) => key);
  expect(new Set(keys).size).toBe(keys.length);
});

test("no messages, no items", () => {
  expect(buildItems([], "x")).toEqual([]);
});
