/** When the browser, the disk or somebody else's hand gets in the way: the state is said, and nothing acknowledged is lost. */
import { cpSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type BrowserContext, chromium } from "@playwright/test";
import { Hands } from "./acts.ts";
import { Release } from "./release.ts";
import { expect, ON_THE_SERVER, test, textsAt } from "./world.ts";

test("a full disk stops the intake, and all of it comes once there is room", async ({ server, pair }) => {
  const { anna, browser, pia } = await pair();
  const devtools = await browser.context.newCDPSession(anna.page);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: server.url, quotaSize: 1 });
  // The browser looks at the room anew every half a minute at the latest; until then some are still taken in.
  const sent: string[] = [];
  await expect
    .poll(
      async () => {
        sent.push(`number ${String(sent.length)}.`);
        await pia.ask("send", { chat: "Anna", text: sent.at(-1) });
        return anna.see("banner-storage-full").isVisible();
      },
      { timeout: 60_000, intervals: [1_000] },
    )
    .toBe(true);
  // What was here stays readable; what cannot be kept is neither shown as sent nor lost from the field without a word.
  await anna.sees("hello");
  await anna.see("composer").fill("no room to write");
  await anna.press("send");
  await expect(anna.message("no room to write").getByTestId("state")).toHaveCount(0);

  await devtools.send("Storage.overrideQuotaForOrigin", { origin: server.url });
  await anna.page.reload();
  await anna.sees(sent.at(-1) ?? "");
  await expect(anna.see("banner-storage-full")).toHaveCount(0);
  await anna.say("room again");
  await expect(anna.state("room again")).toHaveAttribute("data-state", ON_THE_SERVER);
  const texts = await textsAt(pia, "Anna");
  expect(texts.filter((text) => text === "room again")).toHaveLength(1);
  for (const text of sent) await expect(anna.see("text").filter({ hasText: text })).toHaveCount(1);
});

test("site data cleared under an open tab: it says that nothing is left and begins anew", async ({ server, pair }) => {
  const { anna, browser, pia } = await pair();
  const devtools = await browser.context.newCDPSession(anna.page);
  await devtools.send("Storage.clearDataForOrigin", { origin: server.url, storageTypes: "all" });
  // Chromium says nothing by itself; whatever is done next finds out, and without it what the page does twice a minute.
  // Where the page was first, there is no field any more.
  await anna
    .see("composer")
    .fill("is anybody here", { timeout: 5_000 })
    .catch(() => undefined);
  await expect(anna.see("stopped")).toHaveAttribute("data-reason", "erased", { timeout: 30_000 });
  await anna.press("stopped-reload");
  await expect(anna.see("start")).toBeVisible();
  // Cleared while no tab was open, it is the same start.
  await devtools.send("Storage.clearDataForOrigin", { origin: server.url, storageTypes: "all" });
  await anna.open(server.url);
  await expect(anna.see("start")).toBeVisible();
  expect(await textsAt(pia, "Anna")).toEqual(["hello"]);
});

test("a browser that keeps no keys says so and works until it is closed", async ({ server, arrive }) => {
  // As in a private window of some browsers: a CryptoKey cannot be stored. (A build of its own, since a worker whose
  // script was answered by the story has no origin, and no server lets its WebSocket in.)
  const { url } = server;
  await server.stop();
  const release = new Release(join(server.data, ".."));
  server.env = release.env;
  const worker = release.files().find((path) => /^assets\/worker-.*\.js$/.test(path)) ?? "";
  const refusing = `{ const put = IDBObjectStore.prototype.put; IDBObjectStore.prototype.put = function (value, ...more) {
    if (value && Object.values(value).some((one) => one instanceof CryptoKey)) throw new DOMException("", "DataCloneError");
    return put.call(this, value, ...more); }; }\n`;
  release.change(worker, (script) => refusing + script, { honest: true });
  await server.start();
  expect(server.url).toBe(url);
  const anna = new Hands((await arrive()).page);
  await anna.open(server.invite().link);
  await anna.signUp("Anna");
  await expect(anna.see("banner-memory-only")).toBeVisible();
  await anna.press(anna.see("chat-row").first());
  await anna.say("a note for now");
  // A note that is kept everywhere has no tick; one that waits has.
  await anna.sees("a note for now");
  await expect(anna.state("a note for now")).toHaveCount(0);
  await anna.page.reload();
  await expect(anna.see("start")).toBeVisible();
});

test("an old copy of the profile sends nothing and says so", async ({ server, member }, { project }) => {
  const { invite, link } = server.invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const piaLink = await pia.ask<string>("contact_link");
  const profile = join(server.data, "..", "profile");
  const copy = join(server.data, "..", "copy");
  mkdirSync(profile);
  const launch = (): Promise<BrowserContext> =>
    chromium.launchPersistentContext(profile, { ...project.use.launchOptions, locale: "en-GB" });
  const visit = async (): Promise<[BrowserContext, Hands]> => {
    const context = await launch();
    return [context, new Hands(context.pages()[0] ?? (await context.newPage()))];
  };

  const [first, anna] = await visit();
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(piaLink);
  await anna.say("before the copy");
  await expect(anna.state("before the copy")).toHaveAttribute("data-state", ON_THE_SERVER);
  await first.close();
  cpSync(profile, copy, { recursive: true });

  const [second, later] = await visit();
  await later.open(server.url);
  await later.openChat("Pia");
  await later.say("after the copy");
  await expect(later.state("after the copy")).toHaveAttribute("data-state", ON_THE_SERVER);
  expect(await textsAt(pia, "Anna")).toEqual(["before the copy", "after the copy"]);
  await pia.ask("send", { chat: "Anna", text: "an answer" });
  await later.sees("an answer");
  await second.close();

  rmSync(profile, { recursive: true });
  renameSync(copy, profile);
  const [third, old] = await visit();
  await old.open(server.url);
  await expect(old.see("banner-rolled-back")).toBeVisible({ timeout: 30_000 });
  await old.openChat("Pia");
  await old.sees("before the copy");
  await old.see("composer").fill("from the old copy");
  await old.press("send");
  await expect(old.see("toasts")).toContainText("old copy");
  await expect(old.see("composer")).toHaveValue("from the old copy");
  await old.page.reload();
  await expect(old.see("banner-rolled-back")).toBeVisible();
  expect(await textsAt(pia, "Anna")).toEqual(["before the copy", "after the copy", "an answer"]);
  await third.close();
});

test("over plain HTTP the page says why it stops", async ({ server, arrive }) => {
  const { page } = await arrive();
  await page.route("http://zajil.test/**", async (route) => {
    const { pathname } = new URL(route.request().url());
    await route.fulfill({ response: await route.fetch({ url: server.url + pathname }) });
  });
  const anna = new Hands(page);
  await anna.open("http://zajil.test/");
  await expect(anna.see("stopped")).toHaveAttribute("data-reason", "insecure");
  await expect(anna.see("stopped-reload")).toHaveCount(0);
  // The page asks for files that nobody waits for any more.
  await page.unrouteAll({ behavior: "ignoreErrors" });
});
