/** The inventory as a file: readable by programs, and each side says what it is. */
import { expect, test } from "vitest";
import type { Inventory } from "../core/api.ts";
import { inventoryFile } from "./inventory.svelte.ts";

const both: Inventory = {
  server: [{ table: "message", column: "body", class: "ciphertext", purpose: "p", retention: "r", rows: 3 }],
  browser: [{ store: "message", rows: 2, bytes: 512 }],
  used_bytes: 600,
  persisted: true,
};
const made = new Date("2026-10-14T15:42:00Z");

test("the server's side holds its rows and nothing of the browser", () => {
  expect(JSON.parse(inventoryFile("server", both, made))).toEqual({
    zajil: "data-inventory",
    side: "server",
    made_at: "2026-10-14T15:42:00.000Z",
    rows: both.server,
  });
});

test("the browser's side says how much it holds and whether that is safe", () => {
  const file = JSON.parse(inventoryFile("browser", both, made)) as Record<string, unknown>;
  expect(file).toMatchObject({ side: "browser", used_bytes: 600, persisted: true, rows: both.browser });
});
