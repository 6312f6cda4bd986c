/** A second browser from the first, a browser from the command line, and the command line from a browser. */
import { Hands } from "./acts.ts";
import { expect, test } from "./world.ts";

interface Message {
  readonly text: string;
}

test("a second browser is linked from the first, shows what was before, and shares its chats from then on", async ({
  server,
  arrive,
  member,
}) => {
  const { invite, link } = server.invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const piaLink = await pia.ask<string>("contact_link");
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(piaLink);
  await anna.say("from the first");
  await expect(anna.state("from the first")).toHaveAttribute("data-state", /sent|delivered/);

  const second = new Hands((await arrive()).page);
  await second.open(server.url);
  const code = await second.startLinking();
  const shown = ((await second.see("link-emoji").textContent()) ?? "").replace(/\s/g, "");
  expect(await anna.approveLink(code)).toBe(shown);
  await expect(anna.see("link-history-goes")).toBeVisible({ timeout: 60_000 });
  await expect(second.see("chat-list")).toBeVisible({ timeout: 60_000 });
  await expect(second.row("Pia")).toBeVisible({ timeout: 60_000 });
  await expect(second.see("history")).toHaveAttribute("data-state", "done", { timeout: 60_000 });
  await expect(anna.see("history")).toHaveAttribute("data-state", "done", { timeout: 60_000 });
  await second.press("history-close");
  await expect(second.see("history")).toHaveCount(0);
  await pia.ask("sync");
  await second.openChat("Pia");
  await second.sees("from the first");
  await expect(second.see("notice").first()).toHaveAttribute("data-code", "device-added");
  await second.say("from the second");
  await expect(second.state("from the second")).toHaveAttribute("data-state", /sent|delivered/, { timeout: 60_000 });
  await anna.openChat("Pia");
  await anna.sees("from the second");
  await pia.ask("sync");
  await pia.ask("send", { chat: "Anna", text: "to both of you" });
  await anna.sees("to both of you");
  await second.sees("to both of you");
  await anna.goTo("#/settings/devices");
  await expect(anna.see("device")).toHaveCount(2);

  // The same code once more: its offer is gone.
  await anna.press("link-device");
  await anna.see("code-field").fill(code);
  await anna.press("code-use");
  await expect(anna.see("link-trouble")).toBeVisible();
});

test("a browser joins an account of the command line", async ({ server, arrive, member }) => {
  const { invite } = server.invite();
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const chats = await pia.ask<{ id: string; kind: string }[]>("chats");
  const before = { chat: chats.find(({ kind }) => kind === "self")?.id, text: "note from before" };
  await pia.ask("send", before);
  await pia.ask("sync");
  const browser = new Hands((await arrive()).page);
  await browser.open(server.url);
  const code = await browser.startLinking();
  await pia.ask("link_approve", { code });
  await pia.ask("sync");
  await expect(browser.see("chat-list")).toBeVisible({ timeout: 60_000 });
  const self = (await pia.ask<{ id: string; kind: string }[]>("chats")).find(({ kind }) => kind === "self");
  await pia.ask("send", { chat: self?.id, text: "note from the terminal" });
  await browser.press(browser.see("chat-row").first());
  await browser.sees("note from the terminal");
  await browser.sees("note from before");
});

test("the command line joins an account of a browser", async ({ server, arrive, member }) => {
  const { invite, link } = server.invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const piaLink = await pia.ask<string>("contact_link");
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(piaLink);
  await anna.say("from before");
  await expect(anna.state("from before")).toHaveAttribute("data-state", /sent|delivered/);
  const terminal = member();
  const code = await terminal.ask<string>("link_new", { server: server.url });
  await anna.approveLink(code);
  const linked = await terminal.line();
  expect("ok" in linked).toBe(true);
  const all = await terminal.ask<{ id: string; kind: string }[]>("chats");
  const dm = all.find(({ kind }) => kind === "dm");
  expect((await terminal.ask<Message[]>("read", { chat: dm?.id })).map(({ text }) => text)).toContain("from before");
  // The browser adds the new device to the self chat; what is written from then on reaches both.
  const findSelf = async (): Promise<{ id: string; status: string } | undefined> => {
    await terminal.ask("sync");
    return (await terminal.ask<{ id: string; kind: string; status: string }[]>("chats")).find(
      ({ kind }) => kind === "self",
    );
  };
  await expect.poll(async () => (await findSelf())?.status, { timeout: 60_000 }).toBe("active");
  await anna.goTo("#/");
  await anna.openChat("Note to self");
  await anna.say("note from the browser");
  const read = async (): Promise<string[]> => {
    const self = await findSelf();
    return (await terminal.ask<Message[]>("read", { chat: self?.id })).map(({ text }) => text);
  };
  await expect.poll(read, { timeout: 60_000 }).toContain("note from the browser");
});

test("a link code in an opened address only explains", async ({ server, arrive }) => {
  const anna = new Hands((await arrive()).page);
  await anna.open(server.invite().link);
  await anna.signUp("Anna");
  const other = new Hands((await arrive()).page);
  await other.open(server.url);
  const code = await other.startLinking();
  await anna.open(code.startsWith("http") ? code : `${server.url}/l#${code}`);
  await expect(anna.see("link-page")).toBeVisible();
  await expect(anna.see("link-yes")).toHaveCount(0);
  await anna.goTo("#/settings/devices");
  await expect(anna.see("device")).toHaveCount(1);
});

test("a code that was given up or has expired brings nobody in", async ({ server, arrive }) => {
  const anna = new Hands((await arrive()).page);
  await anna.open(server.invite().link);
  await anna.signUp("Anna");
  const other = new Hands((await arrive()).page);
  await other.open(server.url);
  const code = await other.startLinking();
  await other.press("back");
  await expect(other.see("start")).toBeVisible();
  const next = await other.startLinking();
  expect(next).not.toBe(code);

  // Offers live 120 s on the server; when this one is gone, its code is of no use, and the new device says so in time.
  server.sql("DELETE FROM link");
  await anna.goTo("#/settings/link");
  await anna.see("code-field").fill(next);
  await anna.press("code-use");
  await expect(anna.see("link-trouble")).toBeVisible();
  await expect(anna.see("link-yes")).toHaveCount(0);
  await anna.goTo("#/settings/devices");
  await expect(anna.see("device")).toHaveCount(1);
});
