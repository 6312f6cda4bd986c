/** Folding and matching as in Python: vectors/service/search.json. */
import { expect, test } from "vitest";
import vectors from "../../../../vectors/service/search.json";
import { COMPOSED, DIGITS, fold, foldPlaces, HIDDEN, LETTERS, MARKS } from "./folding.ts";
import { findMarks, matches, parseQuery } from "./matching.ts";

/** From code points to UTF-16 units. */
const unit = (text: string, at: number): number => [...text].slice(0, at).join("").length;

test("the tables are the same", () => {
  expect({ letters: LETTERS, composed: COMPOSED, digits: DIGITS, marks: MARKS, hidden: HIDDEN }).toEqual(vectors.table);
});

test.each(vectors.folded)("folds $text", ({ text, folded, places }) => {
  expect(fold(text)).toBe(folded);
  const [found, at] = foldPlaces(text);
  expect(found).toBe(folded);
  // One place for each unit here, for each code point there.
  const expected = [...folded].flatMap((one, n) =>
    Array.from(one, () => unit(text, places[n] ?? -1)).concat(one.length === 2 ? [unit(text, places[n] ?? -1)] : []),
  );
  expect(at).toEqual([...expected, text.length]);
});

test.each(vectors.found)("looks for $query in $text", ({ query, text, terms, matches: found, marks }) => {
  const parsed = parseQuery(query);
  expect(parsed).toEqual(terms);
  expect(matches(parsed, [text])).toBe(found);
  expect(findMarks(parsed, text)).toEqual(marks.map((mark) => mark.map((at) => unit(text, at))));
});

test("all kinds of texts fold the same as a whole and letter by letter, and find themselves", () => {
  const letters = [..."аеёийcé\u0301\u0306\u0323سٱأىيةهـَٰلا \u200d\u202e\u2067ﬁßĳΣ1١\u{e0061}הָ가😀\ud800"];
  let seed = 1;
  const next = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
  for (let round = 0; round < 2000; round++) {
    const text = Array.from({ length: next(12) }, () => letters[next(letters.length)] ?? "").join("");
    const [folded, places] = foldPlaces(text);
    expect(folded).toBe(fold(text));
    expect(fold(folded)).toBe(folded);
    expect(places).toHaveLength(folded.length + 1);
    const query = parseQuery(text);
    expect(matches(query, [text])).toBe(query.length > 0);
  }
});
