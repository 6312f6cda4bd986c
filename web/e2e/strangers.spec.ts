/** Strangers ask to write to somebody in a browser: one is accepted, one blocked; a blocked contact is not heard. */
import { expect, ON_THE_SERVER, test, textsAt, type SdkMember, type Server } from "./world.ts";

/** A member who knows an account from elsewhere, and asks to write to it. */
async function ask(server: Server, member: SdkMember, name: string, account: string, text: string): Promise<string> {
  await member.ask("register", { server: server.url, name, invite: server.invite().invite });
  const chat = await member.ask<{ id: string }>("call", { name: "request_contact", account, text });
  return chat.id;
}

test("a stranger is accepted and another blocked; a blocked contact is silent until unblocked", async ({
  server,
  pair,
  member,
}) => {
  test.slow();
  const { anna, pia } = await pair();
  const contacts = await pia.ask<{ id: string; name: string }[]>("call", { name: "contacts" });
  const account = contacts.find(({ name }) => name === "Anna")?.id ?? "";
  await anna.goTo("#/");

  // Two strangers ask. Nothing of theirs stands among the chats, and their text is text alone.
  const [zoya, eve] = [member(), member()];
  const asked = await ask(server, zoya, "Zoya", account, "From the library, see https://evil.example/x");
  await ask(server, eve, "Eve", account, "Buy now");
  await expect(anna.see("requests-row")).toContainText("Requests (2)", { timeout: 60_000 });
  await expect(anna.row("Zoya")).toHaveCount(0);
  await anna.press("requests-row");
  const request = (name: string) => anna.see("request").filter({ hasText: name });
  await expect(request("Zoya").getByTestId("request-text")).toHaveText("From the library, see https://evil.example/x");
  await expect(anna.see("requests").locator("a[href*=evil]")).toHaveCount(0);
  await zoya.ask("sync");
  expect((await zoya.ask<{ state: string }[]>("read", { chat: asked })).map(({ state }) => state)).toEqual(["sent"]);

  // One is blocked, the other accepted: they talk both ways.
  await anna.press(request("Eve").getByTestId("request-block"));
  await anna.press("block-dialog-yes");
  await expect(request("Eve")).toHaveCount(0);
  await anna.press(request("Zoya").getByTestId("request-accept"));
  await expect(anna.see("composer")).toBeVisible();
  await anna.sees("From the library");
  await anna.say("welcome");
  await expect(anna.state("welcome")).toHaveAttribute("data-state", ON_THE_SERVER, { timeout: 60_000 });
  await expect.poll(() => textsAt(zoya, asked), { timeout: 60_000 }).toContain("welcome");
  await zoya.ask("send", { chat: asked, text: "thank you" });
  await anna.sees("thank you");
  await anna.goTo("#/settings/privacy");
  await expect(anna.see("blocked-person")).toContainText("Eve");

  // A contact is blocked: what she writes does not show, and she cannot tell.
  await anna.goTo("#/");
  await expect(anna.see("requests-row")).toHaveCount(0);
  await anna.openChat("Pia");
  const shut = (): number => server.sql<{ n: number }>("select count(*) as n from ref_deny")[0]?.n ?? 0;
  await expect.poll(shut).toBeGreaterThan(0); // the way of the one whose request was blocked
  const before = shut();
  await anna.press("chat-info");
  await anna.press("block");
  await anna.press("block-dialog-yes");
  await expect(anna.see("chat-blocked")).toBeVisible();
  await expect(anna.see("composer")).toBeDisabled();
  await expect.poll(shut).toBeGreaterThan(before);
  await pia.ask("sync");
  await pia.ask("send", { chat: "Anna", text: "can you hear me?" });
  // What Zoya writes after it comes, so what Pia wrote before would have come.
  await zoya.ask("send", { chat: asked, text: "still here" });
  await expect(anna.row("Zoya")).toContainText("still here", { timeout: 60_000 });
  await expect(anna.message("can you hear me?")).toHaveCount(0);
  await expect(anna.row("Pia")).not.toContainText("can you hear me?");

  // Unblocked, what is written from then on comes.
  await anna.press("chat-unblock");
  await expect(anna.see("chat-blocked")).toHaveCount(0);
  await expect(anna.see("composer")).toBeEnabled();
  await expect.poll(shut).toBe(before);
  await pia.ask("sync");
  await anna.say("again");
  await expect(anna.state("again")).toHaveAttribute("data-state", ON_THE_SERVER, { timeout: 60_000 });
  await expect.poll(() => textsAt(pia, "Anna"), { timeout: 60_000 }).toContain("again");
  await pia.ask("send", { chat: "Anna", text: "now?" });
  await anna.sees("now?");
  await expect(anna.message("can you hear me?")).toHaveCount(0);
});
