/** What a finger does to rows and messages, over seeded data. */
import type { Server } from "node:http";
import { expect, type Locator, test } from "@playwright/test";
import { prepareMessenger } from "./screens/list.ts";
import { startSite } from "./screens/site.ts";
import { idOf } from "./seed/world.ts";

const MARKET = idOf("chat Saturday market", 43);
test.use({ hasTouch: true, isMobile: true, viewport: { width: 390, height: 780 } });

let site: { readonly url: string; readonly server: Server };
test.beforeAll(async () => {
  test.setTimeout(300_000); // the seed may have to be built
  site = await startSite();
});
test.afterAll(() => site.server.close());

/** Puts a finger on an element. */
function touch(element: Locator): Promise<void> {
  return element.evaluate((target) => {
    const { x, y } = target.getBoundingClientRect();
    const touches = [new Touch({ identifier: 1, target, clientX: x + 40, clientY: y + 10 })];
    target.dispatchEvent(new TouchEvent("touchstart", { touches, changedTouches: touches, bubbles: true }));
  });
}

/** Lifts it, as WebKit has it: a click follows, however long it was held, unless the page prevents that. */
function lift(element: Locator): Promise<void> {
  return element.evaluate((target) => {
    const end = new TouchEvent("touchend", { bubbles: true, cancelable: true });
    if (target.dispatchEvent(end)) (target as HTMLElement).click();
  });
}

test("a held row has its menu, and its chat stays shut; a short touch opens it", async ({ page }) => {
  await prepareMessenger(page);
  await page.goto(`${site.url}?scene=busy`);
  const row = page.getByTestId("chat-row").filter({ hasText: "Saturday market" });
  await touch(row);
  await expect(page.getByRole("menu")).toBeVisible();
  await lift(row);
  await expect(page.getByRole("menu")).toBeVisible();
  expect(new URL(page.url()).hash).not.toContain(MARKET);
  await page.keyboard.press("Escape");
  await touch(row);
  await lift(row);
  await expect(page.getByTestId("composer")).toBeVisible();
});

test("a held message has its menu, and nothing under the finger is pressed", async ({ page }) => {
  await prepareMessenger(page);
  await page.goto(`${site.url}?scene=busy#/c/${MARKET}`);
  const message = page.getByTestId("message").last();
  await message.waitFor();
  await message.evaluate((element) => element.addEventListener("click", () => (document.title = "clicked")));
  await touch(message);
  await expect(page.getByRole("menu")).toBeVisible();
  await lift(message);
  await expect(page).not.toHaveTitle("clicked");
});
