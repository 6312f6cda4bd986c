/** A touch screen keeps the mark of a hover where the finger was, so marks are for pointers that hover. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const SOURCE = resolve(import.meta.dirname, "..");
const HOVERS = /^@media \(hover: hover\)/;

/** The selectors with `:hover` that stand outside `@media (hover: hover)`. */
function bareHovers(css: string): string[] {
  const found: string[] = [];
  const within: string[] = [];
  let from = 0;
  const text = css.replace(/\/\*[\s\S]*?\*\//g, "");
  for (const { 0: mark, index } of text.matchAll(/[{};]/g)) {
    const head = text.slice(from, index).trim();
    from = index + 1;
    if (mark === "}") within.pop();
    if (mark !== "{") continue;
    if (head.includes(":hover") && ![...within, head].some((one) => HOVERS.test(one))) found.push(head);
    within.push(head);
  }
  return found;
}

/** The styles of a file: all of it, or what a component has between its tags. */
function stylesOf(file: string): string {
  const text = readFileSync(file, "utf8");
  return file.endsWith(".css")
    ? text
    : [...text.matchAll(/<style[^>]*>([\s\S]*?)<\/style>/g)].map(([, css]) => css).join("\n");
}

test("every hover mark is for pointers that hover", () => {
  const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.(svelte|css)$/.test(name),
  );
  const styles = files.map((name) => ({ name, css: stylesOf(join(SOURCE, name)) }));
  expect(styles.filter(({ css }) => css.includes(":hover")).length).toBeGreaterThan(20);
  expect(styles.flatMap(({ name, css }) => bareHovers(css).map((head) => `${name}: ${head}`))).toEqual([]);
});

test("a mark outside the query is found, wherever it stands", () => {
  const good = "@media (hover: hover) { a:hover { color: red } }";
  expect(bareHovers(`${good} b:hover { color: red } c { d:hover & { color: red } }`)).toEqual(["b:hover", "d:hover &"]);
  expect(bareHovers("@media (hover: none) { a:hover { color: red } }")).toEqual(["a:hover"]);
});
