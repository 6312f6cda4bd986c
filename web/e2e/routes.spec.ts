/** The pill, the sheet and the pages of bridges, over seeded states: what is said, what the keyboard reaches, what goes on. */
import type { Server } from "node:http";
import { expect, test, type Page } from "@playwright/test";
import type { Connection, ConnectionState } from "../src/core/api.ts";
import { startSite } from "./screens/site.ts";
import { idOf } from "./seed/world.ts";

const MARKET = `#/c/${idOf("chat Saturday market", 43)}`;
const STATES: readonly ConnectionState[] = [
  ...(["direct", "via", "slow", "trying"] as const),
  ...(["waiting", "blocked", "server_down", "offline"] as const),
];
const LINK = "https://home.example/b#abcdefgh12345678";

let site: { readonly url: string; readonly server: Server };
test.beforeAll(async () => {
  site = await startSite();
});
test.afterAll(() => {
  site.server.close();
});

async function open(page: Page, scene: string, fragment = ""): Promise<void> {
  await page.goto(`${site.url}?scene=${scene}${fragment}`);
  await page.getByTestId("route-pill").or(page.getByTestId("composer")).first().waitFor();
}

/** As the worker tells it: the state, and that it began just now. */
function become(page: Page, change: Partial<Connection>): Promise<void> {
  return page.evaluate((parts) => globalThis.zajilSeed?.connection({ since: Date.now(), ...parts }), change);
}

/** The test id of what has the focus; "" where nothing has. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const active = document.activeElement;
    if (active === null || active === document.body) return "";
    return active.closest<HTMLElement>("[data-testid]")?.dataset["testid"] ?? "something";
  });
}

async function reach(page: Page, testid: string): Promise<void> {
  for (let turn = 0; turn < 40; turn++) {
    if ((await focused(page)) === testid) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${testid} is out of reach`);
}

for (const state of STATES)
  test(`text can be written and goes out or waits: ${state}`, async ({ page }) => {
    await open(page, state === "direct" ? "busy" : state, MARKET);
    await page.getByTestId("composer").fill("a word");
    await page.getByTestId("send").click();
    const own = page.getByTestId("message").filter({ hasText: "a word" });
    await expect(own.getByTestId("state")).toHaveAttribute(
      "data-state",
      ["direct", "via", "slow"].includes(state) ? "sent" : "queued",
    );
    await expect(page.getByTestId("composer")).toHaveValue("");
  });

test("each state says what it is, in the pill and in the sheet", async ({ page }) => {
  await open(page, "busy");
  const words = new Set<string>();
  for (const state of STATES) {
    await become(page, { state, via: "letters.example", trying: 2 });
    const pill = page.getByTestId("route-pill");
    await expect(pill).toHaveAttribute("data-state", state);
    const label = (await pill.getAttribute("aria-label")) ?? "";
    expect(label).toContain((await pill.innerText()).split("\n")[0]);
    words.add(label);
    await pill.click();
    const heading = await page.getByTestId("route-sheet").getByRole("heading", { level: 2 }).innerText();
    expect(label).toContain(heading);
    words.add(await page.getByTestId("route-words").innerText());
    await page.keyboard.press("Escape");
    await expect(page.getByTestId("route-sheet")).toHaveCount(0);
  }
  expect(words.size).toBe(2 * STATES.length);
});

test("a change is read aloud once, and a short break not at all", async ({ page }) => {
  await page.clock.install();
  await open(page, "busy");
  const live = page.getByTestId("live");
  const heard: string[] = [];
  const listen = async (): Promise<void> => {
    const now = await live.innerText();
    if (now !== "" && now !== heard.at(-1)) heard.push(now);
  };
  await become(page, { state: "trying", trying: 3 });
  await page.clock.runFor(12_000);
  await listen();
  await become(page, { state: "direct" });
  await page.clock.runFor(5_000);
  await listen();
  expect(heard).toEqual([]);
  await become(page, { state: "trying", trying: 3 });
  await page.clock.runFor(15_000);
  await become(page, { state: "waiting" });
  await page.clock.runFor(15_000);
  await listen();
  await become(page, { state: "trying", trying: 1 });
  await page.clock.runFor(5_000);
  await listen();
  await become(page, { state: "blocked" });
  await page.clock.runFor(5_000);
  await listen();
  await become(page, { state: "blocked", queued: 3 });
  await page.clock.runFor(5_000);
  await listen();
  expect(heard).toEqual(["Waiting for a route", "Blocked here"]);
});

test("the sheet by keyboard: opened, gone through, left, and the focus is never lost", async ({ page }) => {
  await open(page, "blocked");
  await reach(page, "route-pill");
  await page.keyboard.press("Enter");
  await page.getByTestId("route-sheet").waitFor();
  for (const testid of ["reconnect", "bridges-add", "diagnosis-show", "diagnosis-copy"]) await reach(page, testid);
  await page.keyboard.press("Escape");
  await expect.poll(() => focused(page)).toBe("route-pill");

  await page.keyboard.press("Enter");
  await reach(page, "reconnect");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("route-pill")).toHaveAttribute("data-state", "trying");
  expect(await focused(page)).toBe("reconnect");
  await become(page, { state: "direct" });
  await expect(page.getByTestId("reconnect")).toHaveCount(0);
  await expect.poll(() => focused(page)).toBe("route-words");

  await reach(page, "bridges-add");
  await page.keyboard.press("Enter");
  await page.getByTestId("bridges").waitFor();
  await expect(page.getByTestId("route-sheet")).toHaveCount(0);
  await expect.poll(() => focused(page)).not.toBe("");
});

test("a link with bridges only shows them until a press", async ({ page }) => {
  const held = (): Promise<number | undefined> =>
    page.evaluate(() => globalThis.zajilSeed?.seed.world.connection.bridges);
  await page.goto(`${site.url}b#abcdefgh12345678`);
  await expect(page.getByTestId("bridges-found")).toBeVisible();
  expect(new URL(page.url()).pathname).toBe("/");
  expect(await held()).toBe(0);

  await open(page, "blocked", "#/b/abcdefgh12345678");
  await expect(page.getByTestId("bridges-found")).toContainText("letters.example");
  expect(await held()).toBe(0);
  await page.getByTestId("bridges-accept").click();
  await expect(page.getByTestId("connection-state")).toContainText("Trying 3 routes");
  expect(await held()).toBe(3);
  await page.getByTestId("bridges-remove").click();
  await page.getByTestId("bridges-remove-dialog-no").click();
  expect(await held()).toBe(3);
  await page.getByTestId("bridges-remove").click();
  await page.getByTestId("bridges-remove-dialog-yes").click();
  await page.getByTestId("bridges-removed").waitFor();
  expect(await held()).toBe(0);

  await page.goto(`${site.url}?scene=busy&again#/scan`);
  await page.getByTestId("code-field").fill(LINK);
  await page.getByTestId("code-use").click();
  await expect(page.getByTestId("bridges-found")).toBeVisible();
  expect(await held()).toBe(0);
  await page.getByTestId("bridges-drop").click();
  await expect(page.getByTestId("code-field")).toBeVisible();
});

test("bridges to give away are made by a press alone, and stay the same on coming back", async ({ page }) => {
  await open(page, "busy", "#/share-bridges");
  await expect(page.getByTestId("bridges-link")).toHaveCount(0);
  await page.getByTestId("bridges-make").click();
  const link = await page.getByTestId("bridges-link").innerText();
  await expect(page.getByTestId("bridges-qr")).toHaveAttribute("data-text", link);
  await page.getByTestId("back").click();
  await page.getByTestId("bridges-share").click();
  await expect(page.getByTestId("bridges-link")).toHaveText(link);
});

test("the report that is copied is the one that was shown, and names no host", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(page, "via", "#/settings/connection");
  await page.getByTestId("diagnosis-show").click();
  const shown = await page.getByTestId("diagnosis-report").innerText();
  expect(shown).toContain("private bridges held: 3");
  expect(shown).not.toContain("example");
  await page.getByTestId("diagnosis-copy").click();
  await expect(page.getByTestId("diagnosis").getByRole("status")).toHaveText("Copied");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(shown);
});
