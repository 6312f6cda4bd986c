/** Where the focus lands when a question opens: keys go to the page, as from a real keyboard, over seeded data. */
import type { Server } from "node:http";
import { expect, type Page, test } from "@playwright/test";
import { startSite } from "./screens/site.ts";
import { prepareMessenger } from "./screens/list.ts";
import { seedReview } from "./seed/review.ts";
import { idOf } from "./seed/world.ts";

const MARKET = idOf("chat Saturday market", 43);
let site: { readonly url: string; readonly server: Server };
test.beforeAll(async () => {
  test.setTimeout(300_000); // the seed may have to be built
  site = await startSite();
});
test.afterAll(() => site.server.close());

/** The test id of what has the focus. */
const focused = (page: Page): Promise<string | undefined> =>
  page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset["testid"]);

/** Opens a post of the main queue. at: 1 has a category, 3 has none. */
async function openPost(page: Page, at: 1 | 3): Promise<void> {
  await seedReview(page);
  await page.goto(`${site.url.replace("127.0.0.1", "localhost")}review`);
  await page.getByTestId("log-in").click();
  await page.getByTestId("item").nth(at).click();
  await page.getByTestId("item-view").waitFor();
}

/** Resolves with the body of the decision that the page sends. */
async function decided(page: Page): Promise<Record<string, unknown>> {
  const request = await page.waitForRequest((one) => one.method() === "POST" && one.url().includes("/decide"));
  return request.postDataJSON() as Record<string, unknown>;
}

test("A and Enter allow a post", async ({ page }) => {
  await openPost(page, 1);
  await page.keyboard.press("a");
  await expect(page.getByTestId("decide-dialog")).toBeVisible();
  const sent = decided(page);
  await page.keyboard.press("Enter");
  expect(await sent).toMatchObject({ action: "allow" });
});

test("R, 7 and Enter remove a post as spam; before a category is chosen Enter does nothing", async ({ page }) => {
  await openPost(page, 3);
  await page.keyboard.press("r");
  const dialog = page.getByTestId("decide-dialog");
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(dialog).toBeVisible();
  await page.keyboard.press("7");
  await expect(dialog.getByTestId("category-spam")).toBeChecked();
  const sent = decided(page);
  await page.keyboard.press("Enter");
  expect(await sent).toMatchObject({ action: "remove", category: "spam" });
});

test("a dialog that asks for words has the cursor in its field", async ({ page }) => {
  await prepareMessenger(page);
  await page.goto(`${site.url}?scene=busy#/c/${MARKET}/info`);
  await page.getByTestId("group-rename").click();
  await expect(page.getByTestId("rename-dialog")).toBeVisible();
  await expect.poll(() => focused(page)).toBe("rename-title");
});

test("after files were chosen Enter sends them: the composer has the focus, not the button that asked", async ({
  page,
}) => {
  await prepareMessenger(page);
  await page.goto(`${site.url}?scene=busy#/c/${MARKET}`);
  await page.getByTestId("composer").waitFor();
  const asked = page.waitForEvent("filechooser");
  await page.getByTestId("attach").focus();
  await page.keyboard.press("Enter");
  await (await asked).setFiles({ name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("a note") });
  await page.getByTestId("tray").waitFor();
  await expect.poll(() => focused(page)).toBe("composer");
  let again = false;
  page.on("filechooser", () => (again = true));
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("tray")).toHaveCount(0);
  expect(again).toBe(false);
});
