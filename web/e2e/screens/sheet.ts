/** The contact sheet: every picture of web/artifacts/screens on one page, a row per screen, for people to look at. */
import { readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const SCREENS = resolve(import.meta.dirname, "../../artifacts/screens");

/** Writes index.html over the pictures that are there. columns: the ends of their names, in order. */
export function writeSheet(columns: readonly string[]): void {
  const pictures = new Set(readdirSync(SCREENS).filter((name) => name.endsWith(".png")));
  const rows = new Map<string, string[]>();
  for (const picture of [...pictures].sort()) {
    const end = columns.find((column) => picture.endsWith(`-${column}.png`));
    if (end === undefined) continue;
    const screen = picture.slice(0, -end.length - 5);
    rows.set(screen, [...(rows.get(screen) ?? []), end]);
  }
  const body = [...rows].map(([screen, ends]) => {
    const shots = columns
      .filter((column) => ends.includes(column))
      .map((column) => {
        const file = `${screen}-${column}.png`;
        return `<a href="${file}"><img src="${file}" alt="${screen}, ${column}" title="${column}" loading="lazy" height="320"></a>`;
      });
    return `<h2>${screen}</h2><p>${shots.join("\n")}</p>`;
  });
  const style =
    "body{font:14px system-ui;margin:24px;background:#ddd}img{margin:0 8px 8px 0;box-shadow:0 1px 4px #0004}h2{font-size:14px}";
  const page = `<!doctype html><meta charset="utf-8"><title>Zajil: screens</title><style>${style}</style><h1>${String(rows.size)} screens</h1>${body.join("\n")}\n`;
  writeFileSync(join(SCREENS, "index.html"), page);
}
