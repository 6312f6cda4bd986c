/** What is asked for ahead is what the first screen needs, with all it stands on, and nothing that comes with the entry. */
import { expect, test } from "vitest";
import { filesAhead } from "./ahead.ts";

const chunk = (
  name: string,
  imports: readonly string[],
  facadeModuleId: string | null,
  css: readonly string[] = [],
) => ({
  fileName: `assets/${name}.js`,
  imports: imports.map((one) => `assets/${one}.js`),
  isEntry: name === "index",
  facadeModuleId,
  viteMetadata: { importedCss: new Set(css) },
});

const CHUNKS = [
  chunk("index", ["shared"], "/web/index.html", ["assets/index.css"]),
  chunk("shared", [], null),
  chunk("Start", ["index", "Field"], "/web/src/ui/start/Start.svelte", ["assets/Start.css"]),
  chunk("Field", ["shared", "Icon"], null, ["assets/Field.css"]),
  chunk("Icon", ["Field"], null),
  chunk("Chat", ["Field"], "/web/src/ui/chat/Chat.svelte", ["assets/Chat.css"]),
  chunk("messages-en-first", ["runtime"], "\0virtual:messages/en/first"),
  chunk("messages-ar-start", [], "\0virtual:messages/ar/start"),
  chunk("keys-errors", [], "\0virtual:messages/keys/errors"),
  chunk("messages-en-later", [], "\0virtual:messages/en/later"),
  chunk("runtime", [], null),
];

test("scripts and styles of the start, and its words in each language", () => {
  expect(new Set(filesAhead(CHUNKS))).toEqual(
    new Set([
      ...["Start", "Field", "Icon", "messages-en-first", "runtime", "messages-ar-start", "keys-errors"].map(
        (name) => `assets/${name}.js`,
      ),
      "assets/Start.css",
      "assets/Field.css",
    ]),
  );
});

test("nothing where there is no start", () => {
  expect(filesAhead(CHUNKS.slice(0, 2))).toEqual([]);
});
