/** History that goes from device to device, above the chats: on its way, waiting, there with what did not come, lost. */
import type { Page } from "@playwright/test";
import type { HistoryProgress } from "../../src/core/api.ts";
import type { Screen } from "./steps.ts";

const told =
  (progress: HistoryProgress) =>
  async (page: Page): Promise<void> => {
    await page.evaluate((one) => globalThis.zajilSeed?.history(one), progress);
    await page.getByTestId("history").waitFor();
  };

const screen = (name: string, progress: HistoryProgress): Screen => ({
  name: `history-${name}`,
  scene: "busy",
  ready: "chat-row",
  steps: told(progress),
});

const whole = 8_000_000;

export const HISTORY: readonly Screen[] = [
  screen("comes", { way: "in", state: "moves", done: 3_400_000, whole }),
  screen("waits", { way: "in", state: "waits", done: 0, whole, code: "gone" }),
  screen("line", { way: "in", state: "waits", done: 3_400_000, whole, code: "unreachable" }),
  screen("came", { way: "in", state: "done", done: whole, whole, came: 1_204, over: 3, strange: 11 }),
  screen("lost", { way: "in", state: "lost", done: 0, whole, code: "hash-mismatch" }),
  screen("sent", { way: "out", state: "done", done: whole, whole }),
  screen("unsent", { way: "out", state: "lost", done: 0, whole, code: "gone" }),
];
