/** Messages that disappear: the timer of a chat, its choice, and what a message shows of it. */
import type { Page } from "@playwright/test";
import { idOf } from "../seed/world.ts";
import { seeing, type Screen } from "./steps.ts";

const chat = (title: string): string => `#/c/${idOf(`chat ${title}`, 43)}`;
const RUSSIAN = chat("Анна Соколова");
const ARABIC = chat("عمر نصّار");
const LATIN = chat("Marta Lindqvist");

const choice = seeing("info-timer", "timer-dialog");

async function other(page: Page): Promise<void> {
  await choice(page);
  await page.getByTestId("timer--1").check();
  await page.getByTestId("timer-count").fill("400");
  await page.getByTestId("timer-unit").selectOption("day");
  await page.getByRole("alert").waitFor();
}

const timer = (name: string, fragment: string, ready: string): Screen => ({
  ...{ name: `timer-${name}`, scene: "disappearing" },
  ...{ fragment, ready },
});

export const DISAPPEARING: readonly Screen[] = [
  timer("chat", RUSSIAN, "expires"),
  timer("chat-arabic", ARABIC, "expires"),
  timer("chat-seconds", LATIN, "expires"),
  timer("info", `${ARABIC}/info`, "info-timer"),
  { ...timer("choice", `${RUSSIAN}/info`, "info-timer"), steps: choice },
  { ...timer("other", `${RUSSIAN}/info`, "info-timer"), steps: other },
  { ...timer("own", `${ARABIC}/info`, "info-timer"), steps: choice },
];
