/** Disappearing messages between a browser and a member on the Python SDK: each sets a timer, and texts go on both sides. */
import { Hands } from "./acts.ts";
import { expect, ON_THE_SERVER, test } from "./world.ts";

interface Line {
  readonly text: string;
  readonly expires_at: number | null;
  readonly quote_expired: boolean;
}

const SPAN_S = 8;

test("a timer is set in one client, and a message goes on both sides", async ({ server, arrive, member }) => {
  const { invite, link } = server.invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(await pia.ask<string>("contact_link"));
  await anna.say("this one stays");
  await expect(anna.state("this one stays")).toHaveAttribute("data-state", ON_THE_SERVER);
  await pia.ask("sync");
  const chat = "Anna";

  // Python sets it: a line in the feed, the hint at the field, a mark on what is said from now on.
  await pia.ask("call", { name: "set_timer", chat, seconds: SPAN_S });
  const notice = anna.see("notice").and(anna.page.locator('[data-code="timer"]'));
  await expect(notice).toHaveText(/Pia\S? set messages to disappear after 8 seconds/);
  await expect(anna.see("composer")).toHaveAttribute("placeholder", "Message, disappears after 8 seconds");
  await pia.ask("send", { chat, text: "gone from both" });
  await anna.sees("gone from both");
  await expect(anna.message("gone from both").getByTestId("expires")).toContainText("Disappears in");
  await anna.reply("gone from both", "an answer to it");
  await anna.sees("an answer to it");

  // She has read it, so it goes; her own goes from when it was sent; the first one stays.
  await expect(anna.see("message").filter({ hasText: "gone from both" })).toHaveCount(0, { timeout: 30_000 });
  await expect(anna.see("message")).toHaveCount(1, { timeout: 30_000 });
  await anna.sees("this one stays");
  await pia.ask("sync");
  const before = await pia.ask<Line[]>("read", { chat });
  expect(before.map(({ text }) => text)).not.toContain("gone from both");
  const answer = before.find(({ text }) => text === "an answer to it");
  expect(answer).toMatchObject({ expires_at: null, quote_expired: true });
  await pia.ask("call", { name: "mark_read", chat });
  const running = await pia.ask<Line[]>("read", { chat });
  expect(running.find(({ text }) => text === "an answer to it")?.expires_at).toBeGreaterThan(0);
  await expect
    .poll(async () => (await pia.ask<Line[]>("read", { chat })).map(({ text }) => text), { timeout: 30_000 })
    .toEqual(["this one stays"]);

  // A tab that opens after the deadline never shows it.
  await anna.page.reload();
  await anna.sees("this one stays");
  await expect(anna.see("message")).toHaveCount(1);

  // The browser sets another one, by its own field, and turns it off.
  await anna.press("chat-info");
  await anna.press("info-timer");
  await anna.press("timer--1");
  await anna.see("timer-count").fill("400");
  await anna.see("timer-unit").selectOption("day");
  await expect(anna.see("timer-save")).toBeDisabled();
  await anna.see("timer-count").fill("90");
  await anna.see("timer-unit").selectOption("minute");
  await anna.press("timer-save");
  await expect(anna.see("info-timer")).toContainText("90 minutes");
  await pia.ask("sync");
  expect(await pia.ask<{ timer: number }[]>("chats")).toEqual(
    expect.arrayContaining([expect.objectContaining({ title: "Anna", timer: 5_400 })]),
  );
  await anna.press("info-timer");
  await anna.press("timer-0");
  await anna.press("timer-save");
  await expect(anna.see("info-timer")).toContainText("Off");
});
