/** Hostile strings in every place where somebody else's words stand: shown as text or refused, and nothing else lost. */
import type { Page } from "@playwright/test";
import { Hands } from "./acts.ts";
import { expect, ON_THE_SERVER, test, textsAt } from "./world.ts";

const MARK = "globalThis.owned=1";
const HTML = `<img src=x onerror="${MARK}"><script>${MARK}</script><svg onload="${MARK}">{@html 1}\${${MARK}}`;
const LINKS = `javascript:${MARK} [x](javascript:${MARK}) data:text/html,<script>${MARK}</script> vbscript:x https://a.example/"onmouseover="${MARK}`;
const BIDI = "safe\u202Egpj.exe\u202D\u2066\u2067\u202B never closed";
const WORD = "W".repeat(60_000);
const MARKS = `e${"\u0301".repeat(10_000)}!`;
const CONTROLS = /[\u202A-\u202E\u2066-\u2069]/;

/** Every CSP report becomes a console error, which fails the story. */
function reportViolations(): void {
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
    console.error(`csp: ${violatedDirective} ${blockedURI}`);
  });
}

/** What makes the page wider than its window, if it is. */
const findWide = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() => {
    if (Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) <= innerWidth) return [];
    const outside = [...document.querySelectorAll("body *")]
      .map((one) => ({ one, box: one.getBoundingClientRect() }))
      .filter(({ box }) => box.right > innerWidth || box.left < 0)
      .slice(0, 8)
      .map(({ one, box }) => `${one.outerHTML.slice(0, 120)} ${String(box.left)} to ${String(box.right)}`);
    return [`${location.hash} ${String(innerWidth)}`, ...outside];
  });

/** Nothing ran, nothing leads anywhere it should not, and the page is as wide as its window. */
async function expectUnharmed(page: Page): Promise<void> {
  // What moves in, or was just laid out for another window, has its place a moment later.
  await expect.poll(() => findWide(page), "the page scrolls sideways").toEqual([]);
  const found = await page.evaluate(() => ({
    owned: "owned" in globalThis,
    strange: document.querySelectorAll(
      "main script, main iframe, main object, main embed, main img[src='x'], [onerror], [onload]",
    ).length,
    links: [...document.querySelectorAll("a[href]")].map((link) => (link as HTMLAnchorElement).protocol),
  }));
  expect(found.owned, "a payload ran").toBe(false);
  expect(found.strange, "elements made of words").toBe(0);
  expect(found.links.filter((protocol) => !["http:", "https:", "mailto:"].includes(protocol))).toEqual([]);
}

/** A body with openers that nobody closed is closed where it ends: the time beside it stays where it is. */
async function expectBalanced(anna: Hands): Promise<void> {
  const bidi = (await anna.see("text").filter({ hasText: "never closed" }).textContent()) ?? "";
  expect(bidi.split(/[\u202A\u202B\u202D\u202E]/).length).toBe(bidi.split("\u202C").length);
  expect(bidi.split(/[\u2066-\u2068]/).length).toBe(bidi.split("\u2069").length);
}

test("what strangers write is text, wherever it stands", async ({ server, arrive, member }) => {
  const { invite, link } = server.invite(2);
  const eve = member();
  const name = `${HTML.slice(0, 120)}\u202Egnp`;
  const account = await eve.ask<string>("register", { server: server.url, name, invite });
  const person = await arrive();
  await person.context.addInitScript(reportViolations);
  const anna = new Hands(person.page);
  await anna.open(link);
  await anna.signUp(`<b onmouseover="${MARK}">Anna</b>`);
  await anna.goTo("#/settings/profile");
  await anna.see("profile-name").fill(`Anna <script>${MARK}</script>`);
  await anna.press("profile-save");
  await expectUnharmed(anna.page);

  // The link's own words: the name in it, the server it names.
  const eveLink = await eve.ask<string>("contact_link");
  for (const changes of [
    { server_name: HTML.slice(0, 200) },
    { name: LINKS.slice(0, 200) },
    { name: MARKS.slice(0, 100) },
  ]) {
    await anna.goTo("#/scan");
    await anna.see("code-field").fill(await eve.ask<string>("forge_link", { link: eveLink, ...changes }));
    await anna.press("code-use");
    await expect(anna.see("scan-found").or(anna.see("scan").getByRole("alert"))).toBeVisible();
    await expectUnharmed(anna.page);
    await anna.goTo("#/");
  }
  await anna.addPerson(eveLink);
  await anna.say("hello");
  await expect(anna.state("hello")).toHaveAttribute("data-state", ON_THE_SERVER);
  await eve.ask("sync");
  const [chat] = (await eve.ask<{ id: string; kind: string }[]>("chats")).filter(({ kind }) => kind === "dm");
  const dm = chat?.id ?? "";

  // Bodies: each is shown as the words it is, and the one after it arrives too.
  const sent: string[] = [];
  for (const [n, body] of [HTML, LINKS, BIDI, WORD, MARKS].entries()) {
    sent.push(await eve.ask<string>("send", { chat: dm, text: body }));
    await eve.ask("send", { chat: dm, text: `after ${String(n)}` });
    await anna.sees(`after ${String(n)}`);
    if (body.length < 1000) await expect(anna.see("text").filter({ hasText: body.slice(0, 16) })).toHaveCount(1);
    if (body === BIDI) await expectBalanced(anna);
    await expectUnharmed(anna.page);
  }

  // Quotes, mentions under another name, reactions that are none, edits.
  for (const quoted of sent) await eve.ask("send", { chat: dm, text: "a reply", reply_to: quoted });
  const mention = `@<i onload=${MARK}>\u202E hi`;
  await eve.ask("mention", { chat: dm, text: mention, start: 0, end: mention.length - 3, account });
  for (const text of [HTML, BIDI, "x", MARKS.slice(0, 200)])
    await eve.ask("react_with_anything", { chat: dm, message: sent[0], text }).catch(() => undefined);
  await eve.ask("call", { name: "edit", chat: dm, message: sent[0], text: `${HTML} edited` });
  await eve.ask("send", { chat: dm, text: "after all of it" });
  await anna.sees("after all of it");
  await expect(anna.see("quote").first()).toBeVisible();
  await expectUnharmed(anna.page);
  for (const reaction of await anna.see("reaction").allTextContents()) expect(reaction).not.toMatch(/[<>x]/);

  // Titles of groups, and the name in list, header and info.
  const contact = (await eve.ask<{ name: string }[]>("call", { name: "contacts" })).find(({ name: one }) =>
    one.includes("Anna"),
  );
  await eve.ask("create_group", { title: `${LINKS.slice(0, 150)}\u202E`, people: [contact?.name] });
  await eve.ask("sync");
  const group = anna.row("javascript:");
  await expect(group).toBeVisible();
  await anna.press(group);
  await expect(anna.see("composer")).toBeVisible();
  await anna.press("chat-info");
  await expect(anna.see("chat-info-page")).toBeVisible();
  await expectUnharmed(anna.page);
  // Names and titles carry no direction controls of their own.
  const shown = await anna.page.evaluate(() =>
    [...document.querySelectorAll('[data-testid="chat-row"], [data-testid="member"], [data-testid="chat-header"]')].map(
      (one) => one.textContent,
    ),
  );
  expect(shown.length).toBeGreaterThan(2);
  for (const text of shown)
    expect(text.replace(/[\u2066\u2067\u2068]([^\u202A-\u202E\u2066-\u2069]*)\u2069/g, "$1")).not.toMatch(CONTROLS);

  // What is written here: a draft that outlives a reload, and is sent as it is.
  await anna.goTo("#/");
  await anna.press(anna.see("chat-row").filter({ hasText: "<img" }).first());
  await anna.see("composer").fill(`${HTML}${BIDI}`);
  await anna.goTo("#/settings");
  await anna.page.reload();
  await anna.goTo("#/");
  await anna.press(anna.see("chat-row").filter({ hasText: "<img" }).first());
  await expect(anna.see("composer")).toHaveValue(`${HTML}${BIDI}`);
  await anna.press("send");
  await expect(anna.see("message").last().getByTestId("state")).toHaveAttribute("data-state", ON_THE_SERVER);
  await expectUnharmed(anna.page);
  expect(await textsAt(eve, dm)).toContain(`${HTML}${BIDI}`);

  // A new device that calls itself names.
  const terminal = member();
  const code = await terminal.ask<string>("link_new", { server: server.url, device: `${HTML.slice(0, 50)}\u202E` });
  await anna.goTo("#/settings/link");
  await anna.see("code-field").fill(code);
  await anna.press("code-use");
  await expect(anna.see("link-name")).toContainText("<img src=x");
  expect(await anna.see("link-name").textContent()).not.toMatch(CONTROLS);
  await expectUnharmed(anna.page);
  await anna.press("link-no");

  // On a phone's width everything still fits.
  await anna.page.setViewportSize({ width: 320, height: 640 });
  await anna.goTo("#/");
  await expectUnharmed(anna.page);
  await anna.press(anna.see("chat-row").filter({ hasText: "<img" }).first());
  await expect(anna.see("composer")).toBeVisible();
  await expectUnharmed(anna.page);
});
