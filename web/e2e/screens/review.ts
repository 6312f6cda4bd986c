/** The moderators' console, screen by screen. */
import type { Page } from "@playwright/test";
import type { Screen } from "./steps.ts";

type Steps = (page: Page) => Promise<void>;

async function logIn(page: Page): Promise<void> {
  await page.getByTestId("log-in").click();
  await page.getByTestId("me").waitFor();
  await page.locator('[data-testid="items"], [data-testid="queue-empty"]').first().waitFor();
}

/** Presses one after the other, the last thing waited for. */
const then =
  (...ids: readonly string[]): Steps =>
  async (page) => {
    await logIn(page);
    for (const id of ids.slice(0, -1)) await page.getByTestId(id).first().click();
    await page
      .getByTestId(ids.at(-1) ?? "")
      .first()
      .waitFor();
  };

async function over(page: Page): Promise<void> {
  await page.getByTestId("log-in").click();
  await page.getByTestId("session-over").waitFor();
}

async function removal(page: Page): Promise<void> {
  await logIn(page);
  await page.getByTestId("item").nth(1).click();
  await page.getByTestId("do-remove").click();
  await page.getByTestId("decide-dialog").getByTestId("category-violence_incitement").check();
  await page.getByTestId("decide-dialog").getByTestId("sub-threat").waitFor();
}

async function partly(page: Page): Promise<void> {
  await then("place-appeals", "appeal", "show", "appeal-words")(page);
  await page.getByTestId("outcome-partly").check();
}

const review = (name: string, steps?: Steps, scene = ""): Screen => ({
  name: `review-${name}`,
  page: "review",
  scene,
  ready: "entry",
  ...(steps && { steps }),
});

export const REVIEW: readonly Screen[] = [
  review("entry"),
  { ...review("join"), fragment: "#/join/abcdefghABCDEFGH12345678" },
  review("over", over, "over"),
  review("queue", then("item")),
  review("empty", logIn, "empty"),
  review("item", then("item", "subject")),
  review("item-shown", then("item", "show", "as-read")),
  review("item-name", then("queue-senior", "item", "do-suspend_persona")),
  review("blind", then("queue-audit", "item", "item-view")),
  review("decide", removal),
  review("cluster", then("item", "show", "cluster", "do-remove_cluster")),
  review("cluster-remove", then("item", "cluster", "do-remove_cluster", "confirm")),
  review("appeals", then("place-appeals", "appeal")),
  review("appeal", then("place-appeals", "appeal", "appeal-view")),
  review("appeal-partly", partly),
  review("private", then("place-private", "private-report")),
  review("private-report", then("place-private", "private-report", "show", "private-text")),
  review("suspended", then("place-suspended", "suspended")),
  review("suspended-lift", then("place-suspended", "show", "lift", "lift-reason")),
  review("keys", then("keys", "keys-dialog")),
];
