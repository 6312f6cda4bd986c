/** Search on screen: above the list and in a chat, with what is found in three scripts, nothing, too little. */
import type { Page } from "@playwright/test";
import { idOf } from "../seed/world.ts";
import type { Screen } from "./steps.ts";

const MARKET = idOf("chat Saturday market", 43);

const find =
  (words: string, until: string) =>
  async (page: Page): Promise<void> => {
    await page.getByTestId("find").fill(words);
    await page.getByTestId(until).first().waitFor();
  };

async function inChat(page: Page): Promise<void> {
  await page.getByTestId("find-in-chat").click();
  await page.getByTestId("find-inside").fill("the");
  await page.getByTestId("found").first().waitFor();
}

export const SEARCH: readonly Screen[] = [
  { name: "search", scene: "busy", ready: "chat-row", steps: find("ma", "found") },
  { name: "search-russian", scene: "busy", ready: "chat-row", steps: find("по", "found") },
  { name: "search-arabic", scene: "busy", ready: "chat-row", steps: find("ال", "found") },
  { name: "search-none", scene: "busy", ready: "chat-row", steps: find("zzzz", "search-none") },
  { name: "search-short", scene: "busy", ready: "chat-row", steps: find("z", "search-short") },
  { name: "search-in-chat", scene: "busy", fragment: `#/c/${MARKET}`, ready: "message", steps: inChat },
];
