/** Right to left and left to right on one page: what the rules of direction promise, each seen to hold (and to fail). */
import type { Server } from "node:http";
import { expect, test, type Page } from "@playwright/test";
import { directionFaults } from "./screens/direction.ts";
import { startSite } from "./screens/site.ts";
import { NOW, idOf } from "./seed/world.ts";

const chat = (title: string): string => `#/c/${idOf(`chat ${title}`, 43)}`;
const MARKET = chat("Saturday market");

let site: { readonly url: string; readonly server: Server };
test.beforeAll(async () => {
  site = await startSite();
});
test.afterAll(() => {
  site.server.close();
});

async function open(page: Page, fragment: string): Promise<void> {
  await page.clock.setFixedTime(NOW);
  await page.goto(`${site.url}?scene=busy${fragment}`);
  await page.getByTestId("chat-row").or(page.getByTestId("message")).first().waitFor();
}

/** Whether an icon is turned round, by the name it has in the sprite. */
function mirrored(page: Page, icon: string): Promise<boolean> {
  return page.evaluate((name) => {
    const use = document.querySelector<SVGUseElement>(`use[href$="#${name}"]`);
    if (!use?.ownerSVGElement) throw new Error(`no icon ${name}`);
    return getComputedStyle(use.ownerSVGElement).scale === "-1 1";
  }, icon);
}

const directionOf = (page: Page, selector: string): Promise<string> =>
  page
    .locator(selector)
    .first()
    .evaluate((element) => getComputedStyle(element).direction);

for (const [language, locale, direction] of [
  ["ar", "ar-EG", "rtl"],
  ["ru", "ru-RU", "ltr"],
  ["en", "en-GB", "ltr"],
] as const)
  test.describe(language, () => {
    test.use({ locale, timezoneId: "UTC", viewport: { width: 390, height: 780 } });

    test("the page runs as its language does, before anything is drawn", async ({ page }) => {
      await page.route(/\.js$/, (route) => (route.request().url().includes("boot") ? route.continue() : route.abort()));
      await page.goto(site.url);
      await expect(page.locator("html")).toHaveAttribute("dir", direction);
      await expect(page.locator("html")).toHaveAttribute("lang", language);
    });

    test("arrows along the line turn with it; ticks, the logo and clocks never do", async ({ page }) => {
      await open(page, MARKET);
      await page.getByTestId("composer").fill("words"); // without any, a microphone stands in the place of Send
      await page.getByTestId("send").waitFor();
      for (const icon of ["back", "send"]) expect(await mirrored(page, icon), icon).toBe(direction === "rtl");
      await page.getByTestId("message").last().click({ button: "right" });
      await page.getByTestId("menu-reply").waitFor();
      expect(await mirrored(page, "reply")).toBe(direction === "rtl");
      expect(await mirrored(page, "copy")).toBe(false);
      for (const tick of await page.getByTestId("state").all())
        expect(await tick.evaluate((element) => getComputedStyle(element).scale)).toBe("none");
    });
  });

test.describe("on a phone", () => {
  test.use({ locale: "ar-EG", timezoneId: "UTC", viewport: { width: 390, height: 780 } });

  test("what stands under a name at the top of a chat is whole on a phone, beside three buttons", async ({ page }) => {
    await open(page, "");
    await page.getByTestId("chat-row").filter({ hasText: "Marta Lindqvist" }).click();
    await page.getByTestId("call-start-video").waitFor();
    const cut = await page
      .getByTestId("chat-info")
      .evaluate((element) =>
        [...element.querySelectorAll(".line > span")].map((line) => line.scrollWidth - line.clientWidth),
      );
    expect(cut).toEqual([0]);
  });
});

test.describe("mixed", () => {
  test.use({ locale: "ar-EG", timezoneId: "UTC", viewport: { width: 1280, height: 800 } });

  test("each text runs as its own first strong letter says, whatever the page does", async ({ page }) => {
    for (const [title, direction] of [
      ["عمر نصّار", "rtl"],
      ["Анна Соколова", "ltr"],
    ] as const) {
      await open(page, chat(title));
      const letters = direction === "rtl" ? /^\p{Script=Arabic}/u : /^\p{Script=Cyrillic}/u;
      const body = page
        .locator(".body")
        .filter({ has: page.getByTestId("text").filter({ hasText: letters }) })
        .first();
      expect(await body.evaluate((element) => getComputedStyle(element).direction)).toBe(direction);
    }
  });

  test("what is typed runs as it is written: Arabic, then English", async ({ page }) => {
    await open(page, MARKET);
    await page.getByTestId("composer").fill("أهلاً");
    expect(await directionOf(page, '[data-testid="composer"]')).toBe("rtl");
    await page.getByTestId("composer").fill("hello");
    expect(await directionOf(page, '[data-testid="composer"]')).toBe("ltr");
  });

  test("Arabic has its own leading", async ({ page }) => {
    await open(page, "#/settings");
    const leading = await page.evaluate(() => {
      const { lineHeight, fontSize } = getComputedStyle(document.body);
      return parseFloat(lineHeight) / parseFloat(fontSize);
    });
    expect(leading).toBeCloseTo(1.6, 2);
  });

  test("the measure that every screen is held to finds what breaks a rule", async ({ page }) => {
    await open(page, MARKET);
    expect(await directionFaults(page)).toEqual([]);
    const faulty = await page.evaluate(() => {
      const parts: [string, Record<string, string>, string][] = [
        ["p", {}, "Marta Lindqvist"],
        ["code", {}, "2B5A8C"],
        ["input", {}, ""],
        ["p", { style: "font-style: italic" }, "مرحبا"],
        ["p", { style: "letter-spacing: 2px" }, "مرحبا"],
        ["p", { style: "text-transform: uppercase" }, "مرحبا"],
        ["p", { style: "direction: rtl; text-overflow: ellipsis" }, "Words that are longer than their line"],
      ];
      for (const [tag, attributes, text] of parts) {
        const element = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
        element.textContent = text;
        document.body.append(element);
      }
      return parts.length;
    });
    expect(await directionFaults(page)).toHaveLength(faulty);
    await page.reload();
    await page.evaluate(() => {
      const isolated = document.createElement("p");
      isolated.textContent = "\u2068Marta Lindqvist\u2069 …";
      document.body.append(isolated);
    });
    expect(await directionFaults(page)).toEqual([]);
  });
});
