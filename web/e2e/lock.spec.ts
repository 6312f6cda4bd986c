/**
 * App lock: a passphrase stands before everything that the browser keeps. What lies on the disk is read raw, as somebody
 * would who copied it.
 */
import type { Page } from "@playwright/test";
import { Hands } from "./acts.ts";
import { expect, ON_THE_SERVER, test, textsAt } from "./world.ts";

const WORDS = "quiet lamp river seven";
const SLOW = { timeout: 30_000 };

async function switchOn(hands: Hands): Promise<void> {
  await hands.goTo("#/settings/lock");
  await hands.see("lock-next").fill(WORDS);
  await hands.see("lock-again").fill(WORDS);
  await hands.press("lock-on");
  await expect(hands.see("lock-state")).toBeVisible(SLOW);
}

async function unlock(hands: Hands, words = WORDS): Promise<void> {
  await hands.see("lock-passphrase").fill(words);
  await hands.press("lock-open");
}

/** All that this origin keeps: bytes and texts as they lie there, and how many keys that the browser would hand out. */
function kept(page: Page): Promise<{ text: string; keys: number }> {
  return page.evaluate(async () => {
    const asked = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((done, fail) => {
        request.onsuccess = () => done(request.result);
        request.onerror = () => fail(request.error ?? new Error("no answer"));
      });
    let keys = 0;
    const say = (value: unknown): string => {
      if (value instanceof CryptoKey) keys += 1;
      if (ArrayBuffer.isView(value)) return new TextDecoder().decode(value);
      if (typeof value !== "object" || value === null) return String(value);
      return Object.entries(value).flat().map(say).join(" ");
    };
    const found: string[] = [JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage })];
    for (const { name = "" } of await indexedDB.databases()) {
      const db = await asked(indexedDB.open(name));
      for (const store of db.objectStoreNames) {
        const rows = await asked(db.transaction(store).objectStore(store).getAll());
        found.push(...rows.map(say));
      }
      db.close();
    }
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys())
        if (!request.url.includes("/assets/")) found.push((await (await cache.match(request))?.text()) ?? "");
    }
    return { text: found.join("\n"), keys };
  });
}

test("on, closed in all tabs, opened by the passphrase alone; nothing of content lies on the disk", async ({
  server,
  pair,
}) => {
  const { anna, browser, pia } = await pair();
  const second = new Hands(await browser.tab());
  await second.open(server.url);
  await expect(second.see("banner-following")).toBeVisible();
  await second.openChat("Pia");
  expect((await kept(anna.page)).keys).toBe(1);
  await switchOn(anna);

  await anna.goTo("#/settings");
  await anna.press("lock-now");
  for (const tab of [anna, second]) {
    await expect(tab.see("lock-screen")).toBeVisible(SLOW);
    await expect(tab.see("chat-list")).toHaveCount(0);
    expect(await tab.page.content()).not.toContain("Pia");
    expect(await tab.page.title()).toBe("Zajil");
  }
  const disk = await kept(anna.page);
  expect(disk.keys).toBe(0);
  expect(disk.text).not.toMatch(/Pia|Anna|hello/);

  // Written meanwhile: it waits at the server.
  await pia.ask("send", { chat: "Anna", text: "while locked" });
  await unlock(second, "another lamp");
  await expect(second.see("lock-screen").getByRole("alert")).toBeVisible(SLOW);
  await unlock(second);
  // Opened in one tab, open in both.
  await expect(second.see("lock-screen")).toHaveCount(0, SLOW);
  await expect(anna.see("lock-screen")).toHaveCount(0, SLOW);
  await second.sees("while locked");
  await second.say("open again");
  await expect(second.state("open again")).toHaveAttribute("data-state", ON_THE_SERVER, SLOW);
  expect(await textsAt(pia, "Anna")).toEqual(["hello", "while locked", "open again"]);
});

test("a new start is locked; too many wrong ones wait; off opens by itself again", async ({ server, pair }) => {
  const { anna } = await pair();
  await switchOn(anna);
  await anna.open(server.url);
  await anna.page.reload();
  await expect(anna.see("lock-screen")).toBeVisible(SLOW);
  for (let n = 1; n <= 3; n++) {
    await unlock(anna, `wrong number ${String(n)}`);
    await expect(anna.see("lock-screen").getByRole("alert")).toBeVisible(SLOW);
    await expect(anna.see("lock-passphrase")).toHaveValue("");
  }
  await expect(anna.see("lock-wait")).toBeVisible();
  await expect(anna.see("lock-open")).toBeDisabled();
  await anna.page.reload();
  await expect(anna.see("lock-wait")).toBeVisible(SLOW);
  await expect(anna.see("lock-wait")).toHaveCount(0, SLOW);
  await unlock(anna);
  await expect(anna.see("chat-list")).toBeVisible(SLOW);
  await anna.goTo("#/settings/lock");
  await anna.see("lock-present-off").fill(WORDS);
  await anna.press("lock-off");
  await expect(anna.see("lock-on")).toBeVisible(SLOW);
  await anna.page.reload();
  await anna.goTo("#/");
  await anna.openChat("Pia");
  await anna.sees("hello");
});

test("forgotten: erased after a question, and the browser begins anew", async ({ pair }) => {
  const { anna } = await pair();
  await switchOn(anna);
  await anna.press("lock-page-now");
  await expect(anna.see("lock-screen")).toBeVisible(SLOW);
  await anna.press("lock-forgot");
  await anna.press("lock-erase");
  await anna.press("lock-erase-dialog-yes");
  await expect(anna.see("stopped")).toHaveAttribute("data-reason", "erased", SLOW);
  const databases = await anna.page.evaluate(async () => (await indexedDB.databases()).length);
  expect(databases).toBe(0);
  await anna.press("stopped-reload");
  await expect(anna.see("start-create")).toBeVisible(SLOW);
});

test("a passkey opens it where there is a name; under an address of digits the page says why not", async ({
  server,
  arrive,
  pair,
}) => {
  const { anna } = await pair();
  await anna.goTo("#/settings/lock");
  await expect(anna.see("lock-passkey-address")).toBeVisible(SLOW);
  await expect(anna.see("lock-on-passkey")).toHaveCount(0);

  // The same server under a name, with a security chip of the browser's developers.
  const named = await arrive();
  const tools = await named.context.newCDPSession(named.page);
  await tools.send("WebAuthn.enable");
  const chip = { protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal" } as const;
  const { authenticatorId } = await tools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      ...chip,
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      hasPrf: true,
    },
  });
  const hands = new Hands(named.page);
  await hands.open(server.invite(1).link.replace("127.0.0.1", "localhost"));
  await hands.signUp("Nora");
  await hands.goTo("#/settings/lock");
  await hands.press("lock-on-passkey");
  await expect(hands.see("lock-state")).toBeVisible(SLOW);
  expect((await kept(hands.page)).keys).toBe(0);
  // A passphrase besides, against the loss of the passkey.
  await hands.see("lock-next").fill(WORDS);
  await hands.see("lock-again").fill(WORDS);
  await hands.press("lock-change");
  await expect(hands.see("lock-drop-passkey")).toBeVisible(SLOW);

  await hands.press("lock-page-now");
  await hands.press("lock-open-passkey");
  await expect(hands.see("lock-page")).toBeVisible(SLOW);
  // Nobody touches it: the page says so, and the passphrase is there.
  await hands.press("lock-page-now");
  await expect(hands.see("lock-open-passkey")).toBeVisible(SLOW);
  await tools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  await hands.press("lock-open-passkey");
  await expect(hands.see("lock-passkey-failed")).toBeVisible(SLOW);
  await unlock(hands);
  await expect(hands.see("lock-page")).toBeVisible(SLOW);
});

test("the leading tab is closed: the next one goes on without asking, and closes as well", async ({ server, pair }) => {
  const { anna, browser } = await pair();
  const second = new Hands(await browser.tab());
  await second.open(server.url);
  await expect(second.see("banner-following")).toBeVisible();
  await switchOn(anna);
  await anna.page.close();
  await expect(second.see("banner-following")).toHaveCount(0, SLOW);
  await second.openChat("Pia");
  await second.say("from the next one");
  await expect(second.state("from the next one")).toHaveAttribute("data-state", ON_THE_SERVER, SLOW);
  expect((await kept(second.page)).keys).toBe(0);
  await second.goTo("#/settings");
  await second.press("lock-now");
  await expect(second.see("lock-screen")).toBeVisible(SLOW);
  const third = new Hands(await browser.tab());
  await third.open(server.url);
  await expect(third.see("lock-screen")).toBeVisible(SLOW);
  await second.page.close();
  await expect(third.see("lock-screen")).toBeVisible();
  await unlock(third);
  await expect(third.see("chat-list")).toBeVisible(SLOW);
});
