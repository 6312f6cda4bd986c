/** What the screens of a call do at a press and at a key, over the seed build. */
import type { Server } from "node:http";
import { expect, test, type Page } from "@playwright/test";
import { startSite } from "./screens/site.ts";
import { NOW, idOf } from "./seed/world.ts";

const ANNA = idOf("chat Анна Соколова", 43);

let site: { readonly url: string; readonly server: Server };
test.beforeAll(async () => {
  site = await startSite();
});
test.afterAll(() => {
  site.server.close();
});

test.use({ locale: "en-GB", timezoneId: "UTC", viewport: { width: 1280, height: 800 } });

const errors: string[] = [];
test.beforeEach(async ({ page }) => {
  errors.length = 0;
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.location().url.includes("web-manifest.json"))
      errors.push(message.text());
  });
  await page.clock.setFixedTime(NOW);
});
test.afterEach(() => {
  expect(errors).toEqual([]);
});

const open = (page: Page, scene: string): Promise<unknown> => page.goto(`${site.url}?scene=${scene}#/c/${ANNA}`);

test("keys that were meant for a text do not answer; Escape silences, and the bar still answers", async ({ page }) => {
  await open(page, "call-incoming");
  const ring = page.getByTestId("call-incoming");
  await expect(ring).toBeVisible();
  await page.keyboard.type("a word ");
  await page.keyboard.press("Enter");
  await expect(ring).toBeVisible();
  await expect(page.getByTestId("live")).toContainText("Incoming call");
  await page.keyboard.press("Escape");
  await expect(ring).toHaveCount(0);
  await page.getByTestId("call-bar-answer").click();
  await expect(page.getByTestId("call-time")).toHaveText("12:34");
  await expect(page).toHaveURL(new RegExp(`#/call/${ANNA}$`));
});

test("a declined ring leaves nothing", async ({ page }) => {
  await open(page, "call-incoming-video");
  await page.getByTestId("call-decline").click();
  await expect(page.getByTestId("call-incoming")).toHaveCount(0);
  await expect(page.getByTestId("call-bar")).toHaveCount(0);
  await expect(page.getByTestId("composer")).toBeVisible();
});

test("the call goes on beside the chats; what was written stays; it ends where it began", async ({ page }) => {
  await open(page, "call-video");
  await page.getByTestId("composer").fill("half a sentence");
  await page.getByTestId("call-start-video").click();
  await expect(page.getByTestId("call-time")).toBeVisible();
  await expect(page.getByTestId("composer")).toBeHidden();
  await page.keyboard.press("m");
  await expect(page.getByTestId("call-mute")).toHaveAttribute("data-on", "false");
  await page.keyboard.press("v");
  await expect(page.getByTestId("call-camera")).toHaveAttribute("data-on", "false");
  await page.keyboard.press("Escape");
  await expect(page.getByTestId("call-bar")).toBeVisible();
  await expect(page.getByTestId("composer")).toHaveValue("half a sentence");
  await page.getByTestId("call-bar-mute").click();
  await page.getByTestId("call-mini").click();
  await expect(page.getByTestId("call-mute")).toHaveAttribute("data-on", "true");
  await page.getByTestId("call-hang-up").click();
  await expect(page.getByTestId("call")).toHaveCount(0);
  await expect(page).toHaveURL(new RegExp(`#/c/${ANNA}$`));
  await expect(page.getByTestId("composer")).toHaveValue("half a sentence");
});

test("whoever goes elsewhere at the moment at which the call ends stays there", async ({ page }) => {
  await open(page, "call-active");
  await page.getByTestId("call-start").click();
  await expect(page.getByTestId("call-time")).toBeVisible();
  // In one task: the call has ended before the browser tells the page of its address.
  await page.evaluate(() => {
    document.querySelector<HTMLElement>('[data-testid="call-hang-up"]')?.click();
    location.hash = "#/new/group";
  });
  await expect(page.getByTestId("call")).toHaveCount(0);
  await expect(page.getByTestId("group-title")).toBeVisible();
  await expect(page).toHaveURL(/#\/new\/group$/);
});

for (const width of [390, 1280])
  test(`the small picture leaves free what is above it, also a note with buttons; ${String(width)} wide`, async ({
    page,
  }) => {
    await page.addInitScript(() => localStorage.setItem("zajil.persist-asked", "yes"));
    await page.setViewportSize({ width, height: 844 });
    await open(page, "call-mini-note");
    await page.getByTestId("call-start-video").click();
    await page.getByTestId("call-back").click();
    await expect(page.getByTestId("call-mini")).toBeVisible();
    for (const button of ["persist", "call-bar-mute", "call-start"])
      await page.getByTestId(button).click({ trial: true, timeout: 5_000 });
  });

test("Undo brings the picture back that the network took", async ({ page }) => {
  await open(page, "call-paused");
  await page.getByTestId("call-start").click();
  await page.getByTestId("call-undo").click();
  await expect(page.getByTestId("call-paused")).toHaveCount(0);
  await expect(page.getByTestId("call-camera")).toHaveAttribute("data-on", "true");
});

test("a call without a microphone never begins, and is tried again with a press", async ({ page }) => {
  await open(page, "call-no-device");
  await page.getByTestId("call-start").click();
  await expect(page.getByTestId("call-over")).toHaveAttribute("data-reason", "no-device");
  await page.getByTestId("call-again").click();
  await expect(page.getByTestId("call-over")).toHaveAttribute("data-reason", "no-device");
  await page.getByTestId("call-close").click();
  await expect(page.getByTestId("composer")).toBeVisible();
});

test("after a reload the call is offered, and left with a press", async ({ page }) => {
  await open(page, "call-offered");
  await page.getByTestId("call-bar-open").click();
  await page.getByTestId("call-return").click();
  await expect(page.getByTestId("call-time")).toBeVisible();
  await page.reload();
  await page.getByTestId("call-leave").click();
  await expect(page.getByTestId("call")).toHaveCount(0);
  await expect(page.getByTestId("composer")).toBeVisible();
});

test("only chats of up to four people have the buttons, and the note to self has none", async ({ page }) => {
  await open(page, "busy");
  await expect(page.getByTestId("call-start")).toBeVisible();
  for (const other of ["chat Saturday market", "chat self"]) {
    await page.goto(`${site.url}?scene=busy&again=${encodeURIComponent(other)}#/c/${idOf(other, 43)}`);
    await expect(page.getByTestId("chat-header")).toBeVisible();
    await expect(page.getByTestId("call-start")).toHaveCount(0);
  }
});

test("the switch that hides the address stays as it was put", async ({ page }) => {
  await page.goto(`${site.url}?scene=busy#/settings/privacy`);
  const toggle = page.getByTestId("hide-address-switch");
  await expect(toggle).not.toBeChecked();
  await toggle.check({ force: true });
  await page.reload();
  await expect(page.getByTestId("hide-address-switch")).toBeChecked();
});

for (const locale of ["en-GB", "ar-EG", "ru-RU"]) {
  test.describe(`on a phone, ${locale}`, () => {
    test.use({ locale, viewport: { width: 390, height: 780 } });

    test("what stands under a name beside the buttons is whole, and the line is as high as ever", async ({ page }) => {
      await open(page, "busy");
      await expect(page.getByTestId("call-start")).toBeVisible();
      const header = page.getByTestId("chat-header");
      const line = header.locator(".line > span");
      const wider = await line.evaluate((span) =>
        [span, span.parentElement].map((e) => e && e.scrollWidth - e.clientWidth),
      );
      expect(Math.max(...wider.map((by) => by ?? 0))).toBeLessThanOrEqual(0);
      expect((await header.boundingBox())?.height).toBeLessThanOrEqual(61);
    });
  });
}
