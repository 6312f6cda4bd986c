/** Two people in three browsers and one on the Python SDK over one server: everything that people do with each other. */
import { Hands } from "./acts.ts";
import { expect, ON_THE_SERVER, test, textsAt } from "./world.ts";

interface Message {
  readonly id: string;
  readonly text: string | null;
  readonly own: boolean;
  readonly state: string;
  readonly edited?: boolean;
  readonly deleted?: boolean;
  readonly reply_to?: string | null;
  readonly reactions?: readonly { readonly emoji: string }[];
}

test("sign up, invite, talk, change one's mind, link a browser, remove somebody, go on without a server", async ({
  server,
  arrive,
  member,
}) => {
  const { invite, link } = server.invite(2);

  // Pia lives on the command line.
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const piaLink = await pia.ask<string>("contact_link");

  // Anna opens the operator's link.
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(piaLink);
  await anna.say("مرحبا Pia, привет!");
  await expect(anna.state("مرحبا")).toHaveAttribute("data-state", /sent|delivered/);
  await pia.ask("sync");
  await pia.ask("send", { chat: "Anna", text: "Hello Anna" });
  await anna.sees("Hello Anna");
  const first = await pia.ask<Message[]>("read", { chat: "Anna" });
  expect(first.map((message) => message.text)).toContain("مرحبا Pia, привет!");
  await pia.ask("call", { name: "mark_read", chat: "Anna" });
  await pia.ask("sync");
  await expect(anna.state("مرحبا")).toHaveAttribute("data-state", "read");

  // Boris comes through Anna's invite, which carries a registration code: the thirty seconds.
  const invitation = await anna.makeInvite();
  const boris = new Hands((await arrive()).page);
  await boris.open(invitation);
  await expect(boris.see("start-create")).toBeVisible();
  const began = Date.now();
  await boris.signUp("Борис");
  await boris.openChat("Anna");
  await boris.say("Это Борис");
  await expect(boris.state("Это Борис")).toHaveAttribute("data-state", /sent|delivered|read/);
  const seconds = (Date.now() - began) / 1000;
  test
    .info()
    .annotations.push({ type: "onboarding", description: `${seconds.toFixed(1)} s, ${boris.presses} presses` });
  console.log(
    `onboarding: ${seconds.toFixed(1)} s from the first paint to the first message sent, ${boris.presses} presses`,
  );
  expect(seconds).toBeLessThan(30);
  expect(boris.presses).toBeLessThanOrEqual(6);
  await anna.openChat("Борис");
  await anna.sees("Это Борис");
  await anna.say("Hello Boris");
  await boris.sees("Hello Boris");

  // A group of three, all directions.
  await anna.createGroup("Trip", ["Pia", "Борис"]);
  await anna.say("Who comes?");
  await boris.openChat("Trip");
  await boris.sees("Who comes?");
  await pia.ask("sync");
  await pia.ask("send", { chat: "Trip", text: "I do" });
  await anna.sees("I do");
  await boris.sees("I do");
  await boris.say("И я");
  await anna.sees("И я");

  // Reply, reaction, edit, deletion, seen in the other language.
  await boris.reply("Who comes?", "Who asks?");
  await expect(anna.message("Who asks?").getByTestId("quote")).toContainText("Who comes?");
  await anna.react("И я", "👍");
  await expect(boris.message("И я").getByTestId("reaction")).toContainText("👍");
  await anna.edit("Who comes?", "Who comes along?");
  await boris.sees("Who comes along?");
  await expect(boris.message("Who comes along?").getByTestId("edited")).toBeVisible();
  await boris.deleteForAll("Who asks?");
  await expect(anna.see("deleted")).toHaveCount(1);
  await pia.ask("sync");
  const trip = await pia.ask<Message[]>("read", { chat: "Trip" });
  const edited = trip.find((message) => message.text === "Who comes along?");
  expect(edited?.edited).toBe(true);
  expect(trip.some((message) => message.deleted === true)).toBe(true);
  expect(trip.find((message) => message.text === "И я")?.reactions?.[0]?.emoji).toBe("👍");
  await pia.ask("call", { name: "react", chat: "Trip", message: edited?.id, emoji: "❤️" });
  await expect(anna.message("Who comes along?").getByTestId("reaction")).toContainText("❤️");

  // One safety number in browser and SDK, digit for digit.
  const digits = await anna.safetyNumber("Pia");
  expect(digits).toHaveLength(60);
  expect((await pia.ask<string>("safety_number", { person: "Anna" })).replace(/\D/g, "")).toBe(digits);
  expect(server.zajil("--home", pia.home, "verify", "Anna", "--json").replace(/\D/g, "")).toContain(digits);

  // Anna's second browser, linked from the first: it comes into the group and writes there.
  const laptop = new Hands((await arrive()).page);
  await laptop.open(server.url);
  const code = await laptop.startLinking();
  await anna.approveLink(code);
  await expect(laptop.row("Trip")).toBeVisible({ timeout: 60_000 });
  await laptop.openChat("Trip");
  await laptop.say("From my laptop");
  await boris.sees("From my laptop");

  // Boris is removed and reads nothing more.
  await anna.openChat("Trip");
  await anna.press("chat-info");
  const row = anna.see("member").filter({ hasText: "Борис" });
  await anna.press(row.getByTestId("member-menu"));
  await anna.press("member-remove");
  await anna.press("remove-dialog-yes");
  await expect(boris.see("chat-removed")).toBeVisible();
  await anna.openChat("Trip");
  await anna.say("Between us");
  await expect(anna.state("Between us")).toHaveAttribute("data-state", ON_THE_SERVER);
  await pia.ask("sync");
  expect((await pia.ask<Message[]>("read", { chat: "Trip" })).map((message) => message.text)).toContain("Between us");
  await expect(boris.see("message").filter({ hasText: "Between us" })).toHaveCount(0);
  await boris.page.reload();
  await expect(boris.see("chat-removed")).toBeVisible();
  await expect(boris.see("message").filter({ hasText: "Between us" })).toHaveCount(0);
  await laptop.sees("Between us");

  // Without a server: what is here is read after a reload, what is written arrives once.
  await anna.page.evaluate(() => navigator.serviceWorker.ready);
  await server.stop();
  await anna.page.reload();
  await anna.sees("Between us");
  await anna.say("Written without a server");
  await expect(anna.state("Written without a server")).toHaveAttribute("data-state", "queued");
  await server.start();
  await expect(anna.state("Written without a server")).toHaveAttribute("data-state", ON_THE_SERVER, {
    timeout: 70_000,
  });
  await laptop.sees("Written without a server");
  const texts = await textsAt(pia, "Trip");
  expect(texts.filter((text) => text === "Written without a server")).toHaveLength(1);
  expect(texts).toContain("From my laptop");
  await expect(laptop.see("text").filter({ hasText: "Written without a server" })).toHaveCount(1);
});
