/** Into a group by its link: one asks and is let in, one is refused; roles and permissions as everybody sees them. */
import { Hands } from "./acts.ts";
import { expect, ON_THE_SERVER, test, textsAt } from "./world.ts";

test("ask to join by a link, be let in, write; roles; only admins write; the link ends", async ({
  server,
  arrive,
  member,
}) => {
  const { invite, link } = server.invite(4);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const piaLink = await pia.ask<string>("contact_link");
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(piaLink);
  await anna.createGroup("Trip", ["Pia"]);
  await anna.say("Who comes?");
  await expect(anna.state("Who comes?")).toHaveAttribute("data-state", ON_THE_SERVER);
  await pia.ask("sync");

  // A link, made in the browser; it stands in the group for all.
  await anna.press("chat-info");
  await anna.press("link-make");
  await anna.press("link-make-yes");
  const url = (await anna.see("link-url").textContent()) ?? "";
  expect(url).toMatch(/\/g#/);
  await expect(anna.see("notice").filter({ hasText: "made a link" })).toBeVisible();
  await pia.ask("sync");
  const links = await pia.ask<{ id: string; link: string | null }[]>("call", { name: "group_links", chat: "Trip" });
  expect(links).toHaveLength(1);
  expect(links[0]?.link).toBeNull();

  // Boris opens it without an account: first a name, then a press that asks. Nothing joins by itself.
  const boris = new Hands((await arrive()).page);
  await boris.open(url);
  await expect(boris.see("start-group")).toBeVisible();
  await boris.press("start-create");
  await boris.see("invite-input").fill(link);
  await boris.press("invite-accept");
  await boris.see("name-input").fill("Борис");
  await boris.press("name-done");
  await expect(boris.see("opened-group-title")).toContainText("Trip");
  await expect(anna.see("join-request")).toHaveCount(0);
  await boris.press("opened-group-ask");
  await expect(boris.see("opened-group-asked")).toBeVisible();
  await boris.goTo("#/new");
  await expect(boris.see("my-request")).toContainText("Trip");
  await expect(boris.row("Anna")).toHaveCount(0);
  await boris.page.reload();
  await expect(boris.see("my-request")).toContainText("Anna");

  // Anna sees who asks, and lets him in; no chat of two stands in her list.
  await expect(anna.see("join-request")).toContainText("Борис", { timeout: 30_000 });
  await expect(anna.row("Борис").filter({ hasNotText: "Trip" })).toHaveCount(0);
  await anna.press("request-accept");
  await expect(anna.see("join-request")).toHaveCount(0, { timeout: 30_000 });
  await boris.openChat("Trip");
  await boris.say("Я с вами");
  await anna.sees("Я с вами");
  await pia.ask("sync");
  await pia.ask("send", { chat: "Trip", text: "Welcome" });
  await boris.sees("Welcome");
  await boris.goTo("#/new");
  await expect(boris.see("new-chat-page")).toBeVisible();
  await expect(boris.see("my-request")).toHaveCount(0);

  // Only admins write: Boris' screen says so, and Pia's client refuses before it sends.
  await anna.press(anna.see("perm-send"));
  await boris.openChat("Trip");
  await expect(boris.see("chat-admins-write")).toBeVisible();
  await expect(boris.see("composer")).toBeDisabled();
  await pia.ask("sync");
  await expect(pia.ask("send", { chat: "Trip", text: "Too late" })).rejects.toThrow("not-permitted");
  await anna.say("News from the admin");
  await boris.sees("News from the admin");

  // An admin writes; the owner hands the group over and steps down.
  await anna.press(anna.see("member").filter({ hasText: "Борис" }).getByTestId("member-menu"));
  await anna.press("member-make-owner");
  await expect(boris.see("chat-admins-write")).toHaveCount(0);
  await boris.say("Теперь могу");
  await anna.sees("Теперь могу");
  await anna.press(anna.see("member").filter({ hasText: "Anna" }).getByTestId("member-menu"));
  await anna.press("member-step-down");
  await boris.press("chat-info");
  await expect(boris.see("member").filter({ hasText: "Anna" })).toContainText("Admin");

  // The link ends: a fourth person is refused and told.
  await anna.press("link-end");
  await anna.press("link-end-dialog-yes");
  await expect(anna.see("group-link")).toHaveCount(0);
  const dora = new Hands((await arrive()).page);
  await dora.open(link);
  await dora.signUp("Dora");
  await dora.open(url);
  await dora.press("opened-group-ask");
  await expect(dora.see("opened-group-error").or(dora.see("opened-group-asked"))).toBeVisible();
  await expect(anna.see("join-request")).toHaveCount(0);
  await expect(dora.row("Trip")).toHaveCount(0);
  expect(await textsAt(pia, "Trip")).not.toContain("Too late");
});
