/**
 * Never lose it: the account outlives the browser. A key shown once, typed from paper into an empty browser, and the
 * chats are back; the same key from a browser into the command line, and the other way round; the file of all chats; the
 * end of an account.
 */
import { readFileSync } from "node:fs";
import { Hands } from "./acts.ts";
import { expect, ON_THE_SERVER, type SdkMember, test } from "./world.ts";

interface Chat {
  readonly id: string;
  readonly title: string;
  readonly kind: string;
  readonly status: string;
}

const PATIENCE = { timeout: 90_000, intervals: [500] };

/** Makes a key in Settings, checks one group of it, and waits until all it needs is stored. */
async function makeKey(hands: Hands): Promise<string> {
  await hands.goTo("#/settings/recovery");
  await hands.press("recovery-make");
  const key = (await hands.see("recovery-key").getAttribute("data-key")) ?? "";
  expect(key).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}$/);
  await hands.press("recovery-written");
  const asked = /\d/.exec((await hands.see("recovery-check").textContent()) ?? "")?.[0] ?? "";
  await hands.see("recovery-group").fill("OOOO");
  await hands.press("recovery-check-do");
  await expect(hands.see("recovery-check").getByRole("alert")).toBeVisible();
  await hands.see("recovery-group").fill((key.split("-")[Number(asked) - 1] ?? "").toLowerCase());
  await hands.press("recovery-check-do");
  await expect(hands.see("recovery-state").locator("[data-state]")).toHaveAttribute("data-state", "confirmed");
  await expect(hands.see("recovery-backup")).toHaveAttribute("data-current", "true", { timeout: 30_000 });
  return key;
}

async function comeBack(hands: Hands, key: string): Promise<void> {
  await hands.press("start-restore");
  await hands.see("code-field").fill(key);
  await hands.press("code-use");
  await expect(hands.see("chat-list")).toBeVisible({ timeout: 60_000 });
}

/** What a member reads in the chat with somebody, once it syncs until that is there. */
async function reads(member: SdkMember, title: string, text: string): Promise<void> {
  const texts = async (): Promise<string[]> => {
    await member.ask("sync");
    const chats = (await member.ask<Chat[]>("chats")).filter((chat) => chat.title === title && chat.kind === "dm");
    const found = await Promise.all(chats.map(({ id }) => member.ask<{ text: string }[]>("read", { chat: id })));
    return found.flat().map((message) => message.text);
  };
  await expect.poll(texts, PATIENCE).toContain(text);
}

test("a browser is thrown away, and the key on paper brings the account back", async ({ server, arrive, member }) => {
  const { invite, link } = server.invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const piaLink = await pia.ask<string>("contact_link");
  const lost = await arrive();
  const anna = new Hands(lost.page);
  await anna.open(link);
  await anna.signUp("Anna");
  await expect(anna.see("banner-recovery")).toHaveCount(0);
  await anna.addPerson(piaLink);
  await anna.say("before");
  await expect(anna.state("before")).toHaveAttribute("data-state", ON_THE_SERVER);
  await reads(pia, "Anna", "before");
  await pia.ask("send", { chat: "Anna", text: "hello Anna" });
  await anna.sees("hello Anna");
  // Something is there to lose now, and the page says so.
  await expect(anna.see("banner-recovery")).toBeVisible();
  await expect(anna.page.locator("#banners > *"), "one at a time").toHaveCount(1);
  await anna.press("recovery-prompt");
  const key = await makeKey(anna);
  await expect(anna.see("banner-recovery")).toHaveCount(0);

  // Saved as a file, with the address.
  await anna.press("recovery-show");
  const [download] = await Promise.all([anna.page.waitForEvent("download"), anna.press("recovery-save")]);
  const file = readFileSync(await download.path(), "utf8");
  expect(file).toContain(key);
  expect(file).toContain(server.url);
  await lost.context.close();

  const back = new Hands((await arrive()).page);
  await back.open(server.url);
  await back.press("start-restore");
  await back.see("code-field").fill("0000-0000-0000-0000-0000-0000-0000-0000");
  await back.press("code-use");
  await expect(back.page.getByRole("alert")).toBeVisible();
  await back.press("back");
  // As somebody types it: in small letters, with a blank where a dash was.
  await comeBack(back, ` ${key.toLowerCase().replace("-", " ")}`);
  await expect(back.row("Pia").first()).toBeVisible();
  await back.openChat("Pia");
  await back.say("I am back");
  await reads(pia, "Anna", "I am back");
  await pia.ask("send", { chat: "Anna", text: "welcome back" });
  await back.sees("welcome back");
  await back.goTo("#/settings/devices");
  await expect(back.see("device")).toHaveCount(1);
  await back.goTo("#/settings/recovery");
  await expect(back.see("recovery-backup")).toHaveAttribute("data-current", "true", { timeout: 30_000 });
  await expect(back.see("recovery-state").locator("[data-state]")).toHaveAttribute("data-state", "confirmed");
});

test("a key of a browser opens the command line, and one of the command line a browser", async ({
  server,
  arrive,
  member,
}) => {
  const { link } = server.invite();
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  const key = await makeKey(anna);
  const terminal = member();
  await terminal.ask("restore", { server: server.url, key });
  expect((await terminal.ask<Chat[]>("chats")).map(({ kind }) => kind)).toContain("self");
  // The browser is no longer one of the account's devices, and says so.
  await expect(anna.see("banner-revoked")).toBeVisible({ timeout: 60_000 });

  const next = await terminal.ask<string>("recovery_rotate");
  await terminal.ask("sync");
  const back = new Hands((await arrive()).page);
  await back.open(server.url);
  await comeBack(back, next);
  await back.press(back.see("chat-row").first());
  await back.say("a note to myself");
  // Nobody else reads it, so it shows no tick; its label says that the server has it.
  await expect(back.page.getByRole("article", { name: /a note to myself.*, sent$/ })).toBeVisible({ timeout: 60_000 });
});

test("all chats go into a file, and an account ends for good", async ({ server, arrive, member }) => {
  const { invite, link } = server.invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const piaLink = await pia.ask<string>("contact_link");
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(piaLink);
  await anna.say("<b>remember me</b>");
  await expect(anna.state("remember me")).toHaveAttribute("data-state", ON_THE_SERVER);
  const key = await makeKey(anna);
  await anna.goTo("#/settings/export");
  const [page] = await Promise.all([anna.page.waitForEvent("download"), anna.press("export-html")]);
  expect(page.suggestedFilename()).toMatch(/^zajil-chats-[\d-]+\.html$/);
  expect(readFileSync(await page.path(), "utf8")).toContain("&lt;b&gt;remember me&lt;/b&gt;");
  const [json] = await Promise.all([anna.page.waitForEvent("download"), anna.press("export-json")]);
  const found = JSON.parse(readFileSync(await json.path(), "utf8")) as { chats: { messages: { text: string }[] }[] };
  expect(found.chats.flatMap(({ messages }) => messages).map(({ text }) => text)).toContain("<b>remember me</b>");

  await anna.goTo("#/settings/delete");
  await anna.see("delete-name").fill("Ann");
  await expect(anna.see("delete-do")).toBeDisabled();
  await anna.see("delete-name").fill("Anna");
  await anna.press("delete-do");
  await expect(anna.see("stopped")).toHaveAttribute("data-reason", "erased", { timeout: 60_000 });
  await anna.press("stopped-reload");
  await anna.press("start-restore");
  await anna.see("code-field").fill(key);
  await anna.press("code-use");
  await expect(anna.page.getByRole("alert")).toBeVisible();
  expect(server.sql<{ n: number }>("SELECT count(*) AS n FROM device")).toEqual([{ n: 1 }]);
  await reads(pia, "Anna", "<b>remember me</b>");
  await expect(pia.ask("send", { chat: "Anna", text: "are you there?" })).rejects.toThrow("contact-gone");
});

test("whoever ends an account on the command line says so in the browser", async ({ pair }) => {
  const { anna, pia } = await pair();
  await pia.ask("call", { name: "delete_account" });
  await expect(anna.see("chat-gone")).toBeVisible({ timeout: 60_000 });
  await expect(anna.see("composer")).toBeDisabled();
});
