/** Pins, archive, mute and drafts: two browsers of one account show the same, and a message brings a chat back. */
import { Hands } from "./acts.ts";
import { expect, test } from "./world.ts";

test("what one browser arranges the other shows", async ({ server, arrive, member }) => {
  const { invite, link } = server.invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const piaLink = await pia.ask<string>("contact_link");
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(piaLink);
  await anna.say("hello");
  await expect(anna.state("hello")).toHaveAttribute("data-state", /sent|delivered/);
  await pia.ask("sync");
  await anna.goTo("#/");
  await anna.arrange("Pia", "row-pin");
  await expect(anna.row("Pia").getByRole("img", { name: "Pinned" })).toBeVisible();

  // A new device learns what was arranged before it came.
  const second = new Hands((await arrive()).page);
  await second.open(server.url);
  const code = await second.startLinking();
  await anna.approveLink(code);
  await anna.goTo("#/");
  await expect(second.row("Pia")).toBeVisible({ timeout: 60_000 });
  await pia.ask("sync");
  await expect(second.row("Pia").getByRole("img", { name: "Pinned" })).toBeVisible({ timeout: 60_000 });
  await expect(second.see("chat-row").first()).toContainText("Pia");

  // A draft goes over when its chat is left, and is gone with its message.
  await second.openChat("Pia");
  await second.see("composer").fill("see you at");
  await second.page.waitForTimeout(600);
  await second.goTo("#/");
  await expect(anna.row("Pia").getByTestId("chat-last")).toContainText("see you at", { timeout: 60_000 });
  await anna.openChat("Pia");
  await expect(anna.see("composer")).toHaveValue("see you at");
  await anna.say("see you at eight");
  await expect(second.row("Pia").getByTestId("chat-last")).toContainText("see you at eight", { timeout: 60_000 });
  await expect(second.row("Pia").getByTestId("chat-last")).not.toContainText("Draft");

  // Muted for eight hours, and away: what Pia writes changes nothing but the count.
  await anna.goTo("#/");
  await anna.arrange("Pia", "row-mute");
  await anna.press("mute-hours");
  await expect(second.row("Pia").getByRole("img", { name: "Muted" })).toBeVisible({ timeout: 60_000 });
  await second.arrange("Pia", "row-archive");
  for (const one of [anna, second]) {
    await expect(one.see("archived")).toContainText("Archived (1)", { timeout: 60_000 });
    await expect(one.row("Pia")).toHaveCount(0);
  }
  await pia.ask("sync");
  await pia.ask("send", { chat: "Anna", text: "unheard" });
  await anna.press("archived");
  await expect(anna.row("Pia").getByTestId("unread")).toBeVisible({ timeout: 60_000 });
  await expect(anna.see("chat-row")).toHaveCount(1);
  await expect(anna.page).toHaveTitle("Zajil");

  // Not muted any more, from the page of the chat; the next message brings it back on both.
  await second.goTo("#/archive");
  await second.openChat("Pia");
  await second.goTo(`${new URL(second.page.url()).hash}/info`);
  await second.press("info-mute");
  await expect(second.see("info-mute")).toContainText("Notifications are on");
  await pia.ask("send", { chat: "Anna", text: "heard" });
  await anna.goTo("#/");
  await expect(anna.row("Pia")).toBeVisible({ timeout: 60_000 });
  await expect(anna.see("archived")).toHaveCount(0);
  await expect(anna.page).toHaveTitle(/^\(\d\) Zajil$/);
});

test("the menu of a row opens by the keyboard, and a sixth pin is refused in words", async ({
  server,
  arrive,
  member,
}) => {
  const { invite, link } = server.invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(await pia.ask<string>("contact_link"));
  for (let n = 0; n < 6; n++) {
    await anna.goTo("#/new/group");
    await anna.see("group-title").fill(`G${n}`);
    await anna.press(anna.see("choose-row").filter({ hasText: "Pia" }));
    await anna.press("group-create");
    await expect(anna.see("composer")).toBeVisible();
    await anna.goTo("#/");
    if (n < 5) await anna.arrange(`G${n}`, "row-pin");
  }
  await expect(anna.see("chat-row").first()).toContainText("G0");
  await anna.row("G5").focus();
  await anna.page.keyboard.press("Shift+F10");
  await expect(anna.see("row-menu")).toBeVisible();
  await anna.page.keyboard.press("Enter");
  await expect(anna.page.getByText("Five chats are pinned already.").first()).toBeVisible();
  await anna.row("G5").focus();
  await anna.page.keyboard.press("Shift+F10");
  await anna.page.keyboard.press("Escape");
  await expect(anna.row("G5")).toBeFocused();
});
