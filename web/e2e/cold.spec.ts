/** A first visit: what the first screen needs is asked for at once, the words of one language alone, and the worker after it. */
import { Hands } from "./acts.ts";
import { expect, test } from "./world.ts";

test("the start is asked for before the entry runs, and the worker by it", async ({ server, arrive }) => {
  const { link } = server.invite(1);
  const { page } = await arrive();
  const order: string[] = [];
  page.on("request", (request) => order.push(new URL(request.url()).pathname.replace(/^.*\//, "")));
  // Nothing of the entry runs until all that stands beside it has been asked for.
  const asked = page.waitForRequest(/\/messages-en-errors-/);
  await page.route(/\/index-[^/]*\.js$/, async (route) => {
    await asked;
    await route.continue();
  });
  await page.goto(link);
  await page.getByTestId("start-create").waitFor();
  await expect.poll(() => order.some((name) => name.startsWith("life-"))).toBe(true);
  const first = (begin: string): number => order.findIndex((name) => name.startsWith(begin));
  for (const name of ["Start-", "keys-start-", "messages-en-first-", "messages-en-start-", "messages-en-errors-"])
    expect(first(name), name).toBeGreaterThan(0);
  expect(order.filter((name) => /^messages-(ar|ru)-/.test(name))).toEqual([]);
  for (const name of ["Start-", "messages-en-start-", "messages-en-errors-"])
    expect(first("worker-"), name).toBeGreaterThan(first(name));
  expect(new Set(order).size, "nothing is asked for twice").toBe(order.length);
});

test("a name is asked for, and the server's answer shown, before what an account lives by is here", async ({
  server,
  arrive,
}) => {
  const { link } = server.invite(1);
  const { page, context } = await arrive();
  const anna = new Hands(page);
  const asked: string[] = [];
  context.on("request", (request) => asked.push(new URL(request.url()).pathname.replace(/^.*\//, "")));
  let letThrough: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (letThrough = resolve));
  await page.route(/\/life-[^/]*\.js$/, async (route) => {
    await held;
    await route.continue();
  });
  await anna.open(link);
  await anna.press("start-create");
  await anna.see("name-input").fill("Anna");
  await anna.press("name-done");
  // The server is asked meanwhile; neither the first chat nor what is kept for later stands in the way.
  const has = (begin: string): boolean => asked.some((name) => name.startsWith(begin));
  for (const name of ["docs", "signup-"]) await expect.poll(() => has(name), { message: name }).toBe(true);
  expect([has("sw.js"), has("Chat-")]).toEqual([false, false]);
  letThrough();
  await anna.see("chat-list").waitFor();
  expect(has("Chat-")).toBe(true);
  await page.evaluate(() => navigator.serviceWorker.ready);
});

test("code that did not come is asked for again: the browser keeps no failure", async ({ server, arrive }) => {
  const { link } = server.invite(1);
  const { page } = await arrive();
  const anna = new Hands(page);
  let asked = 0;
  let away = true;
  await page.route(/\/life-[^/]*\.js$/, (route) => {
    asked += 1;
    return away ? route.abort() : route.continue();
  });
  await anna.open(link);
  await anna.press("start-create");
  await anna.see("name-input").fill("Anna");
  // When the worker begins, and again when a name is thought of.
  await expect.poll(() => asked).toBeGreaterThan(1);
  await anna.press("name-done");
  await anna.page.getByRole("alert").waitFor();
  away = false;
  await anna.press("name-done");
  await anna.see("chat-list").waitFor();
});

test("who has an account asks for the first words, and for the worker at once", async ({ server, arrive }) => {
  const { link } = server.invite(1);
  const { page } = await arrive();
  const anna = new Hands(page);
  await anna.open(link);
  await anna.signUp("Anna");
  await page.reload();
  await anna.see("chat-list").waitFor();
  // Those that boot.js put there stand before the entry; those of later screens at the end.
  const linked = await page.evaluate(() => {
    const links = [...document.querySelectorAll("head > *")];
    const entry = links.findIndex((one) => one instanceof HTMLScriptElement && one.type === "module");
    return links
      .slice(0, entry)
      .flatMap((one) => (one instanceof HTMLLinkElement && one.rel === "modulepreload" ? [one.href] : []));
  });
  expect(linked.filter((href) => /\/Start-|messages-\w\w-start-|messages-(ar|ru)-/.test(href))).toEqual([]);
  expect(linked.some((href) => /messages-en-first-/.test(href))).toBe(true);
});
