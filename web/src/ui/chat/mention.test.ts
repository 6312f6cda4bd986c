/** The "@" list and the ranges it leads to. */
import { expect, test } from "vitest";
import type { MemberView } from "../../core/api.ts";
import { findQuery, fitting, mentionRanges } from "./mention.ts";

const member = (name: string, self = false): MemberView => ({
  account: `id ${name}`,
  name,
  role: "member",
  devices: 1,
  self,
  contact: true,
  verified: false,
});
const MEMBERS = [member("Anna Соколова"), member("عمر نصّار"), member("Annika"), member("Me", true), member("Алёна")];

test("a search begins at an @ that begins a word", () => {
  expect(findQuery("hi @an", 6)).toEqual({ start: 3, text: "an" });
  expect(findQuery("@", 1)).toEqual({ start: 0, text: "" });
  expect(findQuery("hi @an and", 6)).toEqual({ start: 3, text: "an" });
  expect(findQuery("mail a@b", 8)).toBeUndefined();
  expect(findQuery("@an\nx", 5)).toBeUndefined();
  expect(findQuery("hi", 2)).toBeUndefined();
});

test("members fit by the start of any word of their name, in any script; we ourselves never", () => {
  const names = (typed: string): string[] => fitting(MEMBERS, typed).map(({ name }) => name);
  expect(names("ann")).toEqual(["Anna Соколова", "Annika"]);
  expect(names("сок")).toEqual(["Anna Соколова"]);
  expect(names("نصار")).toEqual(["عمر نصّار"]);
  expect(names("Алена")).toEqual(["Алёна"]);
  expect(names("m")).toEqual([]);
  expect(names("")).toHaveLength(4);
});

test("ranges are where the names stand when the text is sent", () => {
  const chosen = [
    { account: "a", name: "Anna" },
    { account: "b", name: "Anna Sok" },
  ];
  expect(mentionRanges("hey @Anna Sok and @Anna", chosen)).toEqual([
    { start: 4, end: 13, account: "b" },
    { start: 18, end: 23, account: "a" },
  ]);
  expect(mentionRanges("nobody", chosen)).toEqual([]);
});
