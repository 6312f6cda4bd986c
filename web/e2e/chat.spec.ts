/** What the daily screens do, over the seed build: writing, reading back, gestures, the whole of it by keyboard. */
import type { Server } from "node:http";
import { expect, test, type Locator, type Page } from "@playwright/test";
import { startSite } from "./screens/site.ts";
import { NOW, idOf } from "./seed/world.ts";

const chat = (title: string): string => idOf(`chat ${title}`, 43);
const MARKET = chat("Saturday market");
const ANNA = chat("Анна Соколова");
const KOFI = chat("Kofi Mensah");

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
  page.on("dialog", (dialog) => errors.push(`a dialog: ${dialog.message()}`));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.clock.setFixedTime(NOW);
});
test.afterEach(() => {
  expect(errors).toEqual([]);
});

async function open(page: Page, id: string, scene = "busy"): Promise<void> {
  await page.goto(`${site.url}?scene=${scene}#/c/${id}`);
  await expect(page.getByTestId("message").last()).toBeVisible();
}

const last = (page: Page): Locator => page.getByTestId("message").last();

async function choose(page: Page, message: Locator, entry: string): Promise<void> {
  await message.hover();
  await message.getByTestId("message-more").click();
  await page.getByTestId(entry).click();
}

test("a message is written, stands at the end, and tells how far it came", async ({ page }) => {
  await open(page, MARKET);
  await page.getByTestId("composer").fill("One line\nand another");
  await page.getByTestId("composer").press("Enter");
  await expect(last(page).getByTestId("text")).toHaveText("One line\nand another");
  await expect(page.getByTestId("composer")).toHaveValue("");
  await expect(last(page)).toBeInViewport();
  await expect(last(page).getByTestId("state")).toHaveAttribute("data-state", /queued|sending|sent/);
});

test("Shift+Enter makes a line; a blank text is not sent", async ({ page }) => {
  await open(page, MARKET);
  const before = await last(page).getAttribute("data-id");
  await page.getByTestId("composer").press("Shift+Enter");
  await expect(page.getByTestId("composer")).toHaveValue("\n");
  await page.getByTestId("composer").press("Enter");
  expect(await last(page).getAttribute("data-id")).toBe(before);
});

test("a reply hangs on what it answers, and a press leads there", async ({ page }) => {
  await open(page, MARKET);
  // By its id: the fourth from the end is another one once more of them are drawn.
  const id = await page.getByTestId("message").nth(-4).getAttribute("data-id");
  const first = page.locator(`[data-id="${id}"]`);
  const text = await first.getByTestId("text").innerText();
  await choose(page, first, "menu-reply");
  await page.getByTestId("composer").fill("Yes");
  await page.getByTestId("send").click();
  await expect(last(page).getByTestId("quote")).toContainText(text.slice(0, 20));
  await last(page).getByTestId("quote").click();
  await expect(
    page
      .getByTestId("message")
      .filter({ hasText: text.slice(0, 20) })
      .first(),
  ).toBeFocused();
});

test("an old message that is quoted is reached across what is not loaded", async ({ page }) => {
  await open(page, MARKET, "big");
  await page.getByTestId("feed").hover();
  for (let turn = 0; turn < 12; turn++) {
    await page.mouse.wheel(0, -900);
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }
  await expect(page.getByTestId("jump")).toBeVisible();
  const old = await page.evaluate(async () => {
    const frames = async (count: number): Promise<void> => {
      for (let frame = 0; frame < count; frame++) await new Promise(requestAnimationFrame);
    };
    let before: string | undefined;
    for (;;) {
      await frames(10);
      const articles = [...document.querySelectorAll<HTMLElement>("[data-testid=message]")];
      const id = articles.find((article) => article.getBoundingClientRect().top > 200)?.dataset["id"];
      if (id !== undefined && id === before) return id;
      before = id;
    }
  });
  await choose(page, page.locator(`[data-id="${old}"]`), "menu-reply");
  await page.getByTestId("composer").fill("Long ago");
  await page.getByTestId("send").click();
  await expect(last(page).getByTestId("text")).toHaveText("Long ago");
  await expect(page.getByTestId("jump")).toBeHidden();
  await expect(page.locator(`[data-id="${old}"]`)).toHaveCount(0);
  await last(page).getByTestId("quote").click();
  await expect(page.locator(`[data-id="${old}"]`)).toBeFocused();
  await expect(page.locator(`[data-id="${old}"]`)).toBeInViewport();
});

test("reactions come, and the same one again takes it back", async ({ page }) => {
  await open(page, ANNA);
  await last(page).hover();
  await last(page).getByTestId("message-more").click();
  await page.getByTestId("quick-reaction").first().click();
  await expect(last(page).getByTestId("reaction")).toHaveAttribute("aria-pressed", "true");
  await last(page).getByTestId("reaction").click();
  await expect(last(page).getByTestId("reaction")).toHaveCount(0);
});

test("a reaction that is not among the six is chosen from the palette", async ({ page }) => {
  await open(page, ANNA);
  await choose(page, last(page), "more-reactions");
  await page.getByTestId("palette-emoji").filter({ hasText: "🍯" }).click();
  await expect(last(page).getByTestId("reaction")).toContainText("🍯");
  await expect(page.getByTestId("palette")).toHaveCount(0);
});

test("Up edits the last own message; what it said before is kept", async ({ page }) => {
  await open(page, MARKET);
  await page.getByTestId("composer").press("ArrowUp");
  await expect(page.getByTestId("composer")).toHaveValue("Then we are set. See you on Saturday!");
  await page.getByTestId("composer").fill("Then we are set. See you on Sunday!");
  await page.getByTestId("composer").press("Enter");
  await expect(last(page).getByTestId("text")).toContainText("Sunday");
  // A press is heard though the list moves a little meanwhile, as it does while sizes become known.
  await last(page).getByTestId("edited").hover();
  await page.mouse.down();
  await page.getByTestId("feed").evaluate(async (feed) => {
    feed.scrollBy({ top: -4 });
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  });
  await page.mouse.up();
  await expect(page.getByTestId("version")).toContainText("Saturday");
  await page.getByTestId("dialog-close").click();
  // And it stands at its end again.
  const below = (feed: Element): number => feed.scrollHeight - feed.clientHeight - feed.scrollTop;
  await expect.poll(() => page.getByTestId("feed").evaluate(below)).toBeLessThan(2);
});

test("Escape ends editing and gives the draft back, then leaves the chat", async ({ page }) => {
  await open(page, MARKET);
  const composer = page.getByTestId("composer");
  await composer.press("ArrowUp");
  await composer.press("Escape");
  await expect(composer).toHaveValue("");
  await composer.press("Escape");
  await expect(composer).toBeHidden();
});

test("deletion for all leaves a stub, for me nothing", async ({ page }) => {
  await open(page, MARKET);
  const id = await last(page).getAttribute("data-id");
  await choose(page, last(page), "menu-delete");
  await page.getByTestId("delete-for-all").click();
  await expect(last(page).getByTestId("deleted")).toBeVisible();
  await choose(page, last(page), "menu-delete");
  await expect(page.getByTestId("delete-for-all")).toHaveCount(0);
  await page.getByTestId("delete-for-me").click();
  await expect(page.locator(`[data-testid=message][data-id="${id ?? ""}"]`)).toHaveCount(0);
});

test("a member is mentioned with the keys alone", async ({ page }) => {
  await open(page, MARKET);
  const composer = page.getByTestId("composer");
  await composer.pressSequentially("Thanks @so");
  await expect(page.getByTestId("mention")).toHaveCount(1);
  await composer.press("Enter");
  await expect(composer).toHaveValue("Thanks @Sofia Reyes ");
  await expect(page.getByTestId("mention-list")).toHaveCount(0);
  await composer.press("Enter");
  await expect(last(page).getByTestId("text")).toContainText("@Sofia Reyes");
});

test("a draft waits in its chat", async ({ page }) => {
  await open(page, ANNA);
  await page.getByTestId("composer").fill("Half a thou");
  await page.getByTestId("chat-row").first().click();
  await expect(page.getByTestId("chat-header")).toContainText("Saturday market");
  const row = page.locator(`[data-testid=chat-row][data-id="${ANNA}"]`);
  await expect(row).toContainText("Half a thou");
  await row.click();
  await expect(page.getByTestId("composer")).toHaveValue("Half a thou");
});

test("the unread line stands where reading stopped, and the list stops counting", async ({ page }) => {
  await page.goto(`${site.url}?scene=busy`);
  const row = page.locator(`[data-testid=chat-row][data-id="${ANNA}"]`);
  await expect(row.getByTestId("unread")).toContainText("3");
  await row.click();
  await expect(page.getByTestId("unread-line")).toBeVisible();
  await expect(row.getByTestId("unread")).toHaveCount(0);
});

test("what comes in while one reads above is counted on the way down", async ({ page }) => {
  await open(page, MARKET, "big");
  const feed = page.getByTestId("feed");
  await feed.evaluate((element) => element.scrollBy({ top: -1500 }));
  await expect(page.getByTestId("jump")).toBeVisible();
  await page.evaluate((id) => globalThis.zajilSeed?.incoming(id, "Are you there?"), MARKET);
  await expect(page.getByTestId("jump")).toContainText("1");
  await page.getByTestId("jump").click();
  await expect(last(page).getByTestId("text")).toHaveText("Are you there?");
  await expect(last(page)).toBeInViewport();
});

test("whoever scrolls up while sizes are still becoming known is left there", async ({ page }) => {
  await open(page, MARKET, "big");
  // Again and again to the end and up at once: what is drawn on the way up is measured meanwhile.
  const below = await page.getByTestId("feed").evaluate(async (feed) => {
    const rest = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
    const found: number[] = [];
    for (let turn = 1; turn <= 4; turn++) {
      globalThis.document.querySelector<HTMLElement>("[data-testid=jump]")?.click();
      await rest(60);
      // On a busy page the time to rest is over before the page hears that it was moved.
      for (const until = performance.now() + (turn % 2 === 0 ? 300 : 0); performance.now() < until;);
      feed.scrollBy({ top: -1500 });
      await rest(400);
      found.push(feed.scrollHeight - feed.clientHeight - feed.scrollTop);
    }
    return found;
  });
  expect(Math.min(...below)).toBeGreaterThan(600);
});

test("a feed that becomes shorter or higher stays at its newest message, and leaves who reads above", async ({
  page,
}) => {
  await open(page, MARKET, "big");
  const feed = page.getByTestId("feed");
  await expect(last(page)).toBeInViewport();
  const below = () => feed.evaluate((element) => element.scrollHeight - element.clientHeight - element.scrollTop);
  // As a keyboard, a card or a growing composer does.
  for (const height of [520, 800, 640]) {
    await page.setViewportSize({ width: 1280, height });
    await expect.poll(below).toBeLessThan(2);
    await expect(last(page)).toBeInViewport();
  }
  await feed.evaluate((element) => element.scrollBy({ top: -1500 }));
  await expect(page.getByTestId("jump")).toBeVisible();
  const top = await feed.evaluate((element) => element.scrollTop);
  await page.setViewportSize({ width: 1280, height: 520 });
  await expect.poll(() => feed.evaluate((element) => element.clientHeight)).toBeLessThan(500);
  expect(Math.abs((await feed.evaluate((element) => element.scrollTop)) - top)).toBeLessThan(2);
});

test("a chat opens at its newest message while a card takes room from it", async ({ page }) => {
  // The card comes in the very moment in which the feed stands at its end, as the offer of notifications did.
  await page.addInitScript(() => {
    let placed = false;
    new MutationObserver(() => {
      const feed = document.querySelector("[data-testid=feed][aria-busy=false].placed");
      if (placed || !feed?.querySelector("article")) return;
      placed = true;
      const card = document.createElement("div");
      card.style.cssText = "flex: none; block-size: 140px";
      feed.parentElement?.before(card);
    }).observe(document, { subtree: true, childList: true, attributes: true });
  });
  await open(page, MARKET, "big");
  const feed = page.getByTestId("feed");
  await expect
    .poll(() => feed.evaluate((element) => element.scrollHeight - element.clientHeight - element.scrollTop))
    .toBeLessThan(2);
  await expect(last(page)).toBeInViewport();
  await expect(page.getByTestId("jump")).toBeHidden();
});

test("at the end, what comes in is followed", async ({ page }) => {
  await open(page, MARKET);
  await expect(last(page)).toBeInViewport();
  await page.evaluate((id) => globalThis.zajilSeed?.incoming(id, "Here I am"), MARKET);
  await expect(last(page).getByTestId("text")).toHaveText("Here I am");
  await expect(last(page)).toBeInViewport();
});

test("a failed message says why and can be sent again", async ({ page }) => {
  await open(page, KOFI);
  await expect(page.getByTestId("failed")).toContainText("Not sent");
  await page.getByTestId("failed-retry").click();
  await expect(page.getByTestId("failed")).toHaveCount(0);
});

test("whoever types is named, in the list too", async ({ page }) => {
  await open(page, MARKET);
  await page.evaluate((id) => globalThis.zajilSeed?.typing(id), MARKET);
  await expect(page.getByTestId("typing")).toContainText("is typing");
});

const HOSTILE = [
  '<img src=x onerror="alert(1)"><script>alert(2)</script>',
  "javascript:alert(1) data:text/html,<script>alert(1)</script>",
  "{{constructor.constructor('alert(1)')()}} {@html x} ${alert(1)}",
  "\u202Egpj.exe \u2067\u2066 https://example.org/\u202E",
  "x".repeat(65_000),
  "Z" + "\u0301".repeat(10_000),
  "\n".repeat(5_000),
  "https://user:pass@example.org/ mailto:x@example.org?body=%0d%0aBcc:y@example.org",
];

test("what others write is text, whatever it looks like", async ({ page }) => {
  await open(page, MARKET);
  for (const text of HOSTILE) {
    await page.evaluate(([id, body]) => globalThis.zajilSeed?.incoming(id ?? "", body ?? ""), [MARKET, text]);
    await expect(last(page)).toBeVisible();
  }
  const found = await page.evaluate(() => ({
    images: document.querySelectorAll("[data-testid=feed] img, [data-testid=feed] script, [data-testid=feed] iframe")
      .length,
    links: [...document.querySelectorAll<HTMLAnchorElement>("[data-testid=text] a")].map(
      ({ protocol, rel }) => `${protocol} ${rel}`,
    ),
    wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  }));
  expect(found.images).toBe(0);
  expect(found.wide).toBe(false);
  for (const link of found.links) expect(link).toMatch(/^(https?|mailto): noopener noreferrer$/);
});

test("from nothing to a reply and a reaction without a pointer", async ({ page }) => {
  await page.goto(`${site.url}?scene=empty-open`);
  await page.getByTestId("start-create").waitFor();
  const tabTo = async (id: string): Promise<void> => {
    for (let turn = 0; turn < 60; turn++) {
      await page.keyboard.press("Tab");
      if ((await page.evaluate(() => document.activeElement?.getAttribute("data-testid"))) === id) return;
    }
    throw new Error(`Tab never reaches ${id}`);
  };
  await tabTo("start-create");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("name-input")).toBeFocused();
  await page.keyboard.type("Layla");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("chat-row").first()).toBeVisible();

  await page.goto(`${site.url}?scene=busy`);
  await page.getByTestId("chat-row").first().waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("composer")).toBeFocused();
  await page.keyboard.type("By keyboard");
  await page.keyboard.press("Enter");
  await expect(last(page).getByTestId("text")).toHaveText("By keyboard");

  await page.keyboard.press("Shift+Tab");
  while ((await page.evaluate(() => document.activeElement?.tagName)) !== "ARTICLE")
    await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("ArrowUp");
  const answered = (await page.evaluate(() => document.activeElement?.getAttribute("data-id"))) ?? "";
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("quick-reaction").first()).toBeFocused();
  await page.keyboard.press("Enter");
  const article = page.locator(`[data-id="${answered}"]`);
  await expect(article.getByTestId("reaction")).toHaveCount(1);
  await expect(article).toBeFocused();
  await page.keyboard.press("Enter");
  for (let turn = 0; turn < 7; turn++) await page.keyboard.press("ArrowDown");
  await expect(page.getByTestId("menu-reply")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("composer")).toBeFocused();
  await page.keyboard.type("And a reply");
  await page.keyboard.press("Enter");
  await expect(last(page).getByTestId("quote")).toBeVisible();
  await page.keyboard.press("Alt+ArrowDown");
  await expect(page.getByTestId("chat-header")).toContainText("Saturday market");
  await page.keyboard.press("Escape");
  await expect(page.getByTestId("composer")).toHaveCount(0);
});

test.describe("by touch", () => {
  test.use({ viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true });

  async function touch(page: Page, target: Locator, by: readonly [number, number], holdMs: number): Promise<void> {
    const box = await target.boundingBox();
    if (!box) throw new Error("not there");
    const session = await page.context().newCDPSession(page);
    const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    await session.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [at] });
    for (let step = 1; step <= 5; step++)
      await session.send("Input.dispatchTouchEvent", {
        type: "touchMove",
        touchPoints: [{ x: at.x + (by[0] * step) / 5, y: at.y + (by[1] * step) / 5 }],
      });
    if (holdMs > 0) await page.getByTestId("message-menu").waitFor({ timeout: holdMs });
    await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  }

  test("a long press opens the menu, a swipe along the line answers, Back leads to the list", async ({ page }) => {
    await open(page, ANNA);
    const bubble = last(page).getByTestId("text");
    await touch(page, bubble, [0, 0], 5000);
    await page.getByTestId("menu-copy").waitFor();
    await page.keyboard.press("Escape");
    await touch(page, bubble, [90, 0], 0);
    await expect(page.getByTestId("composer-bar")).toBeVisible();
    await page.getByTestId("composer-cancel").click();
    await touch(page, bubble, [20, 0], 0);
    await expect(page.getByTestId("composer-bar")).toHaveCount(0);
    await page.getByTestId("back").click();
    await expect(page.getByTestId("chat-list")).toBeVisible();
  });
});
