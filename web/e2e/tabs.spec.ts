/** Several tabs of one browser, and tabs older than the server: one writes, the visible one takes over, nothing twice. */
import { hash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { Hands } from "./acts.ts";
import { Release } from "./release.ts";
import { expect, ON_THE_SERVER, test, textsAt } from "./world.ts";

const count = (texts: readonly string[], text: string): number => texts.filter((one) => one === text).length;

test("a second tab follows, shows what comes and sends, and goes on where the leading one is closed", async ({
  server,
  pair,
}) => {
  const { anna, browser, pia } = await pair();
  const second = new Hands(await browser.tab());
  await second.open(server.url);
  await expect(second.see("banner-following")).toBeVisible();
  await expect(anna.see("banner-following")).toHaveCount(0);
  await second.openChat("Pia");
  await second.sees("hello");
  await pia.ask("send", { chat: "Anna", text: "for both tabs" });
  await anna.sees("for both tabs");
  await second.sees("for both tabs");
  await second.say("from the follower");
  await expect(second.state("from the follower")).toHaveAttribute("data-state", ON_THE_SERVER);
  await anna.sees("from the follower");
  const before = ["hello", "for both tabs", "from the follower"];
  expect(await textsAt(pia, "Anna")).toEqual(before);

  // The leading one is closed while it sends.
  const texts = ["one", "two", "three", "four", "five"];
  for (const text of texts) await anna.say(text);
  await anna.sees("five"); // shown: stored, on its way
  await anna.page.close();
  await expect(second.see("banner-following")).toHaveCount(0);
  await second.say("after it");
  for (const text of [...texts, "after it"])
    await expect(second.state(text)).toHaveAttribute("data-state", ON_THE_SERVER, { timeout: 30_000 });
  expect(await textsAt(pia, "Anna")).toEqual([...before, ...texts, "after it"]);
});

/** Stop a tab's worker where it stands, as a frozen tab is; the answer wakes it. */
async function freeze(page: Page): Promise<() => Promise<void>> {
  const worker = page.workers().find((one) => one.url().includes("worker"));
  if (worker === undefined) throw new Error("no worker");
  const channel = "ffffffff-thaw";
  await page.evaluate(() => undefined);
  const done = worker
    .evaluate((ms) => {
      const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
      Atomics.wait(new Int32Array(buffer), 0, 0, ms);
    }, 14_000)
    .catch((problem: unknown) => {
      throw new Error(`${channel}: ${String(problem)}`);
    });
  return () => done;
}

test("the leading tab freezes while it sends: the visible one takes over, the thawed one writes nothing", async ({
  server,
  pair,
}) => {
  const { anna, browser, pia } = await pair();
  const second = new Hands(await browser.tab());
  await second.open(server.url);
  await expect(second.see("banner-following")).toBeVisible();
  await second.openChat("Pia");
  await anna.say("before the frost");
  await anna.sees("before the frost");
  const thaw = await freeze(anna.page);
  await anna.say("in the frost");
  await second.say("the other tab goes on");
  await expect(second.state("the other tab goes on")).toHaveAttribute("data-state", ON_THE_SERVER, { timeout: 30_000 });
  await expect(second.see("banner-following")).toHaveCount(0);
  await thaw();
  await expect(anna.see("stopped")).toHaveAttribute("data-reason", "lost-lead");
  await second.say("still here");
  await expect(second.state("still here")).toHaveAttribute("data-state", ON_THE_SERVER);
  const texts = await textsAt(pia, "Anna");
  for (const text of ["hello", "before the frost", "the other tab goes on", "still here"])
    expect(count(texts, text), text).toBe(1);
  // What was typed into the frozen tab was never acknowledged; it is not written behind the new leader's back.
  expect(count(texts, "in the frost")).toBeLessThanOrEqual(1);
  await expect(second.message("in the frost")).toHaveCount(count(texts, "in the frost"));

  // Used here again, the old tab takes nothing away: it follows.
  await anna.press("stopped-reload");
  await anna.sees("still here");
});

test("a tab older than the server's client works on until the update is taken", async ({ server, pair }) => {
  await server.stop();
  const release = new Release(join(server.data, ".."));
  server.env = release.env;
  await server.start();
  const { anna, pia } = await pair();
  await anna.page.evaluate(() => navigator.serviceWorker.ready);
  await anna.page.reload(); // from now on the service worker gives out the page
  await anna.sees("hello");
  let index = "";
  const built = (text: string) => (index = text.replace("</head>", '<meta name="build" content="next"></head>'));
  release.change("index.html", built, { honest: true });
  const mark = `sha256-${hash("sha256", index, "base64")}`;
  release.change("sw.js", (text) => text.replace(/(?<="index\.html":")[^"]*/, mark), { honest: true });
  // The browser looks for a newer service worker by itself once a day and with each visit.
  await anna.page.evaluate(async () => (await navigator.serviceWorker.ready).update());
  await expect(anna.see("banner-update")).toBeVisible();
  await anna.say("from the old client");
  await expect(anna.state("from the old client")).toHaveAttribute("data-state", ON_THE_SERVER);
  await expect(anna.page.locator('meta[name="build"]')).toHaveCount(0);
  await anna.press("update");
  await expect(anna.page.locator('meta[name="build"]')).toHaveCount(1);
  await anna.sees("from the old client");
  await expect(anna.see("banner-update")).toHaveCount(0);
  expect(await textsAt(pia, "Anna")).toEqual(["hello", "from the old client"]);
});

test("a server that no longer speaks with this client says so, and nothing is lost", async ({ server, pair }) => {
  const { anna, pia } = await pair();
  await server.stop();
  const config = join(server.data, "zajil.toml");
  writeFileSync(config, "min_client = 60000\n");
  await server.start();
  await expect(anna.see("stopped")).toHaveAttribute("data-reason", "update-required", { timeout: 60_000 });
  await server.stop();
  writeFileSync(config, "");
  await server.start();
  await anna.press("stopped-reload");
  await anna.sees("hello");
  await anna.say("back again");
  await expect(anna.state("back again")).toHaveAttribute("data-state", ON_THE_SERVER, { timeout: 60_000 });
  expect(await textsAt(pia, "Anna")).toEqual(["hello", "back again"]);
});
