/** Whose server a script speaks to. */
import { expect, test } from "vitest";
import { serverOf } from "./network.ts";

test.each([
  ["https://chat.example/assets/worker-1a.js", "https://chat.example/"],
  ["https://chat.example/below/assets/worker-1a.js", "https://chat.example/below/"],
  ["http://127.0.0.1:5173/src/core/worker.ts?worker_file&type=module", "http://127.0.0.1:5173/"],
  // Names that end alike once led to another host: https://net
  ["https://netassets/assets/worker-1a.js", "https://netassets/"],
  ["https://chat.example/src/assets/worker-1a.js", "https://chat.example/src/"],
])("%s", (script, server) => {
  expect(serverOf(script)).toBe(server);
});
