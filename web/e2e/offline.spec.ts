/** The server goes: what is here stays readable after a reload, what is written arrives once, nothing acknowledged is lost. */
import { Hands } from "./acts.ts";
import { expect, test } from "./world.ts";

interface Message {
  readonly text: string;
}

test("read and write while the server is away; all of it arrives exactly once", async ({ server, arrive, member }) => {
  const { invite, link } = server.invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const piaLink = await pia.ask<string>("contact_link");
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(piaLink);
  await anna.say("before");
  await expect(anna.state("before")).toHaveAttribute("data-state", /sent|delivered/);
  // The client is offline-ready once its service worker holds every file.
  await anna.page.evaluate(() => navigator.serviceWorker.ready);

  await server.stop("SIGKILL");
  await expect(anna.see("route-pill")).toHaveAttribute("data-state", /trying|offline/);
  await anna.page.reload();
  await anna.sees("before");
  for (const text of ["one", "two", "three"]) {
    await anna.say(text);
    await expect(anna.state(text)).toHaveAttribute("data-state", "queued");
  }
  // The tab is closed and opened again while nothing could be sent.
  await anna.page.reload();
  await anna.sees("three");

  await server.start();
  for (const text of ["one", "two", "three"])
    await expect(anna.state(text)).toHaveAttribute("data-state", /sent|delivered|read/, { timeout: 70_000 });
  await pia.ask("sync");
  const read = await pia.ask<Message[]>("read", { chat: "Anna" });
  expect(read.map(({ text }) => text).filter((text) => text !== "")).toEqual(["before", "one", "two", "three"]);
  await expect(anna.see("route-pill")).toHaveAttribute("data-state", "direct");
});

test("a server killed in the middle of sending gets each text once", async ({ server, arrive, member }) => {
  const { invite, link } = server.invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const piaLink = await pia.ask<string>("contact_link");
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(piaLink);
  const texts = Array.from({ length: 12 }, (_, n) => `line ${String(n)}`);
  for (const [n, text] of texts.entries()) {
    await anna.say(text);
    if (n === 5) await server.stop("SIGKILL");
    if (n === 8) await server.start();
  }
  await expect(anna.state("line 11")).toHaveAttribute("data-state", /sent|delivered|read/, { timeout: 70_000 });
  await pia.ask("sync");
  const read = await pia.ask<Message[]>("read", { chat: "Anna" });
  expect(read.map(({ text }) => text).filter((text) => text.startsWith("line"))).toEqual(texts);
  // The server may have been away when the service worker was asked for.
  await anna.page.evaluate(() => navigator.serviceWorker.ready);
});

test("first comes what reading and writing need, in one language; the rest after a while, and opens without a server", async ({
  server,
  arrive,
}) => {
  const { link } = server.invite(1);
  const olga = new Hands((await arrive({ locale: "ru-RU" })).page);
  const kept = (): Promise<string[]> =>
    olga.page.evaluate(async () => {
      const name = (await caches.keys()).find((one) => one.startsWith("zajil-client"));
      const cache = await caches.open(name ?? "none");
      // Behind a name that stays is a hash, which may have a slash in it.
      return (await cache.keys()).map(({ url }) => new URL(url).pathname.replace(/^.*\//, ""));
    });
  const holds = async (begin: string): Promise<boolean> => (await kept()).some((name) => name.startsWith(begin));
  await olga.open(link);
  await olga.page.evaluate(() => navigator.serviceWorker.ready);
  // Nobody signed up yet, so the rest is not asked for.
  for (const name of ["index.html", "life-", "Chat-", "messages-ru-later-"]) expect(await holds(name), name).toBe(true);
  for (const name of ["Settings-", "calls-", "messages-ar-"]) expect(await holds(name), name).toBe(false);
  // A language that is not kept leaves its place to the one that is, until it comes.
  const chosen = (language: string): Promise<void> =>
    olga.page.evaluate((name) => localStorage.setItem("zajil.language", name), language);
  await chosen("ar");
  await server.stop();
  await olga.page.reload();
  await expect(olga.page.locator("#app")).not.toBeEmpty();
  await expect(olga.page.locator("html")).toHaveAttribute("lang", "ru");
  await server.start();
  await olga.page.context().setOffline(true);
  await olga.page.context().setOffline(false);
  await expect(olga.page.locator("html")).toHaveAttribute("lang", "ar");
  await chosen("ru");
  await olga.page.reload();
  await olga.signUp("Olga");
  for (const name of ["Settings-", "calls-", "messages-ar-later-"])
    await expect.poll(() => holds(name), { message: name, timeout: 60_000 }).toBe(true);
  await server.stop("SIGKILL");
  await olga.page.reload();
  await olga.goTo("#/settings");
  await expect(olga.see("settings")).toBeVisible();
});
