/** Finding people by what was typed, whatever the case, the marks and the script. */
import { expect, test } from "vitest";
import { byName, filterPeople } from "./contacts.svelte.ts";

const people = ["Zoë", "أحمد", "Семён", "anna", "Анна Соколова"].map((name) => ({ name }));
const found = (typed: string): string[] => filterPeople(people, typed).map(({ name }) => name);

test.each([
  ["zoe", ["Zoë"]],
  ["احمد", ["أحمد"]],
  ["семен", ["Семён"]],
  ["СОКОЛ", ["Анна Соколова"]],
  ["nobody", []],
])("%s", (typed, names) => {
  expect(found(typed)).toEqual(names);
});

test("nothing typed: everybody", () => {
  expect(found("  ")).toHaveLength(people.length);
});

test("sorted whatever the case, and the list itself is left alone", () => {
  const list = [{ name: "b" }, { name: "A" }, { name: "c" }];
  expect(byName(list).map(({ name }) => name)).toEqual(["A", "b", "c"]);
  expect(list[0]?.name).toBe("b");
});
