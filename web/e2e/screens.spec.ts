/**
 * Every screen over the seed build, in each direction, theme and size: a picture, axe (nothing serious or critical), no
 * console error, nothing wider than the window, no gap in a sentence, the rules of direction. ZAJIL_SCREENS=ci takes
 * all of them in the combination where most goes wrong, and every fifth in its opposite; without it there is also a pass
 * in a pseudo-locale, which makes every sentence 40 % longer. Combinations run beside each other.
 */
import { mkdirSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { expect, test, type Page } from "@playwright/test";
import { graveFaults } from "./screens/axe.ts";
import { directionFaults } from "./screens/direction.ts";
import { LIST, prepareMessenger } from "./screens/list.ts";
import { SCREENS, writeSheet } from "./screens/sheet.ts";
import { startSite } from "./screens/site.ts";
import type { Screen } from "./screens/steps.ts";
import { seedReview } from "./seed/review.ts";
import { NOW } from "./seed/world.ts";

interface Combination {
  readonly name: string;
  readonly locale: string;
  readonly colorScheme: "light" | "dark";
  readonly viewport: { readonly width: number; readonly height: number };
}

const DIRECTIONS = [
  ["ltr", "en-GB"],
  ["rtl", "ar-EG"],
] as const;
const SIZES = [
  ["desktop", { width: 1280, height: 800 }],
  ["phone", { width: 390, height: 780 }],
] as const;
const ALL: readonly Combination[] = DIRECTIONS.flatMap(([direction, locale]) =>
  (["light", "dark"] as const).flatMap((colorScheme) =>
    SIZES.map(([size, viewport]) => ({ name: `${direction}-${colorScheme}-${size}`, locale, colorScheme, viewport })),
  ),
);
const IN_CI = process.env["ZAJIL_SCREENS"] === "ci";
/** In CI: each of how many screens a combination takes. */
const PARTS = new Map([
  ["rtl-dark-phone", 1],
  ["ltr-light-desktop", 5],
]);
const PSEUDO: Combination = {
  name: "pseudo-light-narrow",
  locale: "en-GB",
  colorScheme: "light",
  viewport: { width: 320, height: 640 },
};
const taken = IN_CI ? ALL.filter(({ name }) => PARTS.has(name)) : [...ALL, PSEUDO];

test.describe.configure({ mode: "parallel" });

/** A combination's screens are dealt out to so many workers: half of a worker's time is waiting for frames. */
const DEALT = 2;
const dealt = taken.flatMap((combination) => {
  const part = IN_CI ? (PARTS.get(combination.name) ?? 1) : 1;
  const screens = LIST.filter((_screen, at) => at % part === 0);
  return Array.from({ length: DEALT }, (_, hand) => ({
    combination,
    title: `${combination.name} ${hand + 1} of ${DEALT}`,
    screens: screens.filter((_screen, at) => at % DEALT === hand),
  }));
});

let site: { readonly url: string; readonly server: Server };

test.beforeAll(async () => {
  mkdirSync(SCREENS, { recursive: true });
  site = await startSite();
});

test.afterAll(() => {
  writeSheet([...ALL.map(({ name }) => name), PSEUDO.name]);
  site.server.close();
});

/** Words of the catalogue 40 % longer and between brackets, so that what is cut off shows. */
async function stretchWords(page: Page): Promise<void> {
  await page.route(/messages-en-[^/]*\.js$/, async (route) => {
    const response = await route.fetch();
    const written = await response.text();
    // A list of sentences, some of them functions of what is put in.
    const code = written.replace(
      /export\s*\{\s*(\w+) as default\s*\};?\s*$/,
      'const zz=s=>"["+s+" "+"ålfå béta ".repeat(9).slice(0,Math.ceil(s.length*0.4))+"]",' +
        'yy=$1.map(f=>typeof f==="function"?(...a)=>zz(f(...a)):zz(f));export{yy as default};',
    );
    expect(code, "the build writes words in another way").not.toBe(written);
    await route.fulfill({ response, body: code });
  });
}

/** Fonts and icons are there, the QR code is drawn, animations and scrolling have ended. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    [...document.querySelectorAll<SVGUseElement>("svg use")].every(
      (use) =>
        use.getBoundingClientRect().width + use.getBoundingClientRect().height > 0 ||
        (use.ownerSVGElement?.clientWidth ?? 0) === 0,
    ),
  );
  await page.evaluate(async () => {
    await document.fonts.ready;
    await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => undefined)));
  });
  await page.waitForFunction(() => document.querySelector('[data-testid="sticky-day"].scrolling') === null);
}

/** Leads to a screen in a new document; answers the errors that came up on the way. */
async function open(page: Page, screen: Screen): Promise<string[]> {
  const errors: string[] = [];
  page.removeAllListeners("pageerror");
  page.removeAllListeners("console");
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    const { url } = message.location();
    // The seed has no web-manifest.json: About says that it is a development build.
    // So does a session that ends, where the browser itself names the answer.
    const expected = url.includes("web-manifest.json") || (screen.scene === "over" && url.includes("/mod/v1/"));
    if (message.type() === "error" && !expected) errors.push(`${message.text()} ${url}`);
  });
  // The name makes it another document even where only the fragment differs.
  const home = screen.page === undefined ? site.url : site.url.replace("127.0.0.1", "localhost") + screen.page;
  await page.goto(`${home}?scene=${screen.scene}&screen=${screen.name}${screen.fragment ?? ""}`);
  await page.getByTestId(screen.ready).first().waitFor();
  await screen.steps?.(page);
  await settled(page);
  return errors;
}

/** What reaches out of the window and is not cut off by something inside it. */
async function widerThanWindow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const inside = ({ left, right }: DOMRect): boolean => right <= width + 1 && left >= -1;
    const clipped = (element: Element): boolean => {
      for (let up = element.parentElement; up !== null; up = up.parentElement)
        if (getComputedStyle(up).overflowX !== "visible") return inside(up.getBoundingClientRect());
      return false;
    };
    return [...document.querySelectorAll<HTMLElement>("main *, nav *, aside *, dialog *")]
      .filter((element) => {
        const box = element.getBoundingClientRect();
        return box.width > 0 && !inside(box) && getComputedStyle(element).position !== "fixed" && !clipped(element);
      })
      .slice(0, 5)
      .map((element) => `${element.tagName} ${element.className.toString()} ${element.dataset["testid"] ?? ""}`);
  });
}

for (const { combination, title, screens } of dealt) {
  test.describe(title, () => {
    test.describe.configure({ mode: "default" });
    // One context for all of them: each is a new document, and the files come from the cache. The
    // console has a tab of its own, since a tab whose requests are answered here keeps no cache.
    let messenger: Page;
    let console: Page;

    test.beforeAll(async ({ browser }) => {
      const context = await browser.newContext({
        locale: combination.locale,
        colorScheme: combination.colorScheme,
        viewport: { ...combination.viewport },
        timezoneId: "UTC",
        hasTouch: combination.viewport.width < 768,
        reducedMotion: "reduce",
      });
      [messenger, console] = [await context.newPage(), await context.newPage()];
      await prepareMessenger(messenger);
      await seedReview(console);
      for (const page of [messenger, console]) {
        await page.clock.setFixedTime(NOW);
        if (combination === PSEUDO) await stretchWords(page);
      }
    });

    test.afterAll(() => messenger.context().close());

    for (const screen of screens) {
      if (combination === PSEUDO && screen.plain === true) continue;
      test(screen.name, async () => {
        const page = screen.page === "review" ? console : messenger;
        await page.bringToFront(); // one behind the other draws a frame a second
        const errors = await open(page, screen);
        const picture = async (): Promise<void> => {
          const path = join(SCREENS, `${screen.name}-${combination.name}.png`);
          await page.screenshot({ path, animations: "disabled", caret: "hide" });
        };
        if (!IN_CI) await picture();
        expect.soft(await graveFaults(page)).toEqual([]);
        expect.soft(await widerThanWindow(page)).toEqual([]);
        expect.soft(await directionFaults(page)).toEqual([]);
        expect.soft(await page.locator("body").innerText()).not.toMatch(/\b(?:undefined|NaN)\b/);
        expect.soft(errors).toEqual([]);
        if (IN_CI && test.info().errors.length > 0) await picture(); // of the others nobody looks at one there
      });
    }
  });
}
