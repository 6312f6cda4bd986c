/**
 * The moderators' console on the real server: passkeys of a virtual authenticator, a campaign judged by the keyboard
 * alone, an appeal that another person grants, a report from a private chat for whoever has the permission, and a rule
 * that counts again.
 */
import { type Browser, expect as see, type Page } from "@playwright/test";
import { Hands } from "./acts.ts";
import { expect, Person, test, type Server } from "./world.ts";

test.use({ settings: "public_space = true\n\n[moderation]\nenabled = true\nprocesses = 0\n" });

const COPY = "The ferry to the island leaves at noon from the old pier; tickets are sold at the kiosk beside it.";
const CHANNELS = ["harbour_one", "harbour_two", "harbour_three"];

/** The page where passkeys can be: an address in numbers is no name. */
const consoleOf = (server: Server): string => `http://localhost:${String(server.port)}/review`;

function invite(server: Server, role: string, ...more: string[]): string {
  const words = ["moderation", "staff", "invite", "--role", role, ...more, "--data", server.data, "--json"];
  return (JSON.parse(server.zajil(...words)) as { invite: string }).invite;
}

/** A browser of its own with a passkey device that says yes; every console error fails the story. */
async function sitDown(browser: Browser, locale = "en-GB"): Promise<{ person: Person; hands: Hands }> {
  const person = await Person.arrive(browser, { locale });
  const cdp = await person.context.newCDPSession(person.page);
  await cdp.send("WebAuthn.enable");
  await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { person, hands: new Hands(person.page) };
}

/** In by an invite from the link's fragment: a new passkey, then the desk. */
async function join(hands: Hands, server: Server, code: string, name: string): Promise<void> {
  await hands.open(`${consoleOf(server)}#/join/${code}`);
  await hands.see("name").fill(name);
  await hands.press("join");
  await expect(hands.see("me")).toContainText(name);
  expect(hands.page.url(), "the code leaves the address bar").not.toContain(code);
}

async function keys(page: Page, ...codes: string[]): Promise<void> {
  for (const code of codes) await page.keyboard.press(code);
}

/** Kofi, an established name, says the same in three channels. */
async function writer(server: Server, arrive: () => Promise<Person>): Promise<Hands> {
  const kofi = new Hands((await arrive()).page);
  await kofi.open(server.invite().link);
  await kofi.signUp("Account of Kofi");
  await kofi.makePersona("kofi_m", "Kofi Mensah");
  server.sql("UPDATE pub_persona SET created_at = created_at - 2592000, accepted = 9");
  for (const [at, handle] of CHANNELS.entries()) {
    await kofi.createChannel(handle, `Harbour ${String(at + 1)}`, "broadcast");
    await kofi.publish(COPY);
  }
  return kofi;
}

test("a reviewer takes a campaign down by the keyboard, and another person restores a copy on appeal", async ({
  server,
  arrive,
  browser,
}) => {
  const kofi = await writer(server, arrive);
  await see.poll(() => server.sql("SELECT id FROM mod_item WHERE target_kind = 'cluster'").length).toBe(1);
  const first = await sitDown(browser);
  const { hands } = first;
  const page = hands.page;

  await test.step("an address in numbers offers the same page under a name; an invite makes a passkey", async () => {
    await hands.open(`${server.url}/review`);
    await expect(hands.see("elsewhere")).toHaveAttribute("href", consoleOf(server));
    await join(hands, server, invite(server, "senior"), "Rana");
    await expect(hands.see("place-private"), "without the permission").toHaveCount(0);
  });

  await test.step("out, and in again by the passkey alone; a reload forgets the session", async () => {
    await hands.press("log-out");
    await hands.press("log-in");
    await expect(hands.see("me")).toContainText("Rana");
    await page.reload();
    await expect(hands.see("entry")).toBeVisible();
    await hands.press("log-in");
    await expect(hands.see("count-main")).toHaveText("1");
    await hands.press("queue-senior");
    await expect(hands.see("queue-empty")).toBeVisible();
    await expect(hands.see("queue-senior")).toHaveAttribute("aria-current", "page");
    await hands.press("queue-main");
  });

  await test.step("the most urgent item by N; texts are hidden until V", async () => {
    await expect(hands.see("item")).toHaveCount(1);
    await keys(page, "n");
    await expect(hands.see("item-view")).toHaveAttribute("data-kind", "cluster");
    expect(await page.content(), "nobody has asked for it").not.toContain("ferry");
    await keys(page, "v");
    await expect(hands.see("subject-text")).toContainText("The ferry to the island");
    await expect(hands.see("author")).toContainText("Kofi Mensah");
    await expect(hands.see("item-view").locator("header")).toContainText("a campaign");
    await expect(hands.see("evidence"), "what programs scored").toContainText("head");
  });

  await test.step("an Arabic layout types other letters, the keys stay; C previews the copies", async () => {
    await page.evaluate(() => {
      document.body.dispatchEvent(new KeyboardEvent("keydown", { code: "KeyC", key: "ؤ", bubbles: true }));
    });
    await expect(hands.see("cluster-dialog")).toContainText("3");
    await expect(hands.see("cluster-counts")).toHaveText("by 1 name · in 3 channels");
    await keys(page, "Escape");
    await expect(hands.see("cluster-dialog")).toHaveCount(0);
  });

  await test.step("R for a campaign means all copies; 7 is spam, with the policy's clause; Enter decides", async () => {
    await keys(page, "r");
    await expect(hands.see("do-remove_cluster")).toBeVisible();
    await keys(page, "Tab", "Tab", "Enter"); // from the cross past "allow"
    await keys(page, "7");
    await expect(hands.see("category-spam").first()).toBeChecked();
    await expect(hands.see("cluster-dialog").getByTestId("clause")).not.toBeEmpty();
    await hands.see("cluster-dialog").getByTestId("note").fill("The same text three times");
    await keys(page, "Tab", "Tab", "Enter"); // from the note past "cancel"
    await expect(hands.see("last")).toContainText("All copies removed: spam");
    await expect(hands.see("last")).toContainText("3 copies");
    await expect(hands.see("count-main")).toHaveText("0");
  });

  await test.step("every copy is gone for others, each with a reason for its author", async () => {
    await see.poll(() => server.sql("SELECT id FROM pub_post WHERE state = 'removed'").length).toBe(3);
    await kofi.openChannel("harbour_two");
    await expect(kofi.post("The ferry").getByTestId("post-state")).toContainText("Your post was removed");
  });

  await test.step("U takes it back within a minute, and the item is at hand again", async () => {
    await keys(page, "u");
    await expect(hands.see("item-view")).toHaveAttribute("data-kind", "cluster");
    await see.poll(() => server.sql("SELECT id FROM pub_post WHERE state = 'removed'").length).toBe(0);
    await keys(page, "c");
    await expect(hands.see("do-remove_cluster")).toBeVisible();
    await keys(page, "Tab", "Tab", "Enter", "7", "Enter");
    await see.poll(() => server.sql("SELECT id FROM pub_post WHERE state = 'removed'").length).toBe(3);
  });

  await test.step("the author appeals; whoever decided is not asked", async () => {
    await kofi.openChannel("harbour_one");
    await kofi.press(kofi.post("The ferry").getByTestId("post-why"));
    await kofi.press("appeal");
    await kofi.see("appeal-text").fill("It is our timetable, once in each channel.");
    await kofi.press("appeal-send");
    await expect(kofi.see("appeal-outcome")).toHaveAttribute("data-state", "open");
    await hands.press("place-appeals");
    await expect(hands.see("appeals-empty")).toBeVisible();
  });

  await test.step("another person, in Arabic, restores it and answers", async () => {
    const second = await sitDown(browser, "ar-EG");
    const samir = second.hands;
    await join(samir, server, invite(server, "senior"), "سمير");
    await expect(samir.page.locator("html")).toHaveAttribute("dir", "rtl");
    await expect(samir.see("count-appeals")).toHaveText(/^[1١]$/);
    await samir.press("place-appeals");
    await samir.press("appeal");
    await samir.press("show");
    await expect(samir.see("appeal-words")).toHaveText("It is our timetable, once in each channel.");
    await samir.see("outcome-reversed").check();
    await samir.see("answer").fill("You are right: a timetable is no spam.");
    await samir.press("judge");
    await expect(samir.see("appeals-empty")).toBeVisible();
    await second.person.context.close();
    expect(second.person.complaints).toEqual([]);
  });

  await test.step("the post is back, and its author reads why", async () => {
    await expect(kofi.see("appeal-outcome")).toHaveAttribute("data-state", "reversed");
    await expect(kofi.see("appeal-state")).toContainText("You are right: a timetable is no spam.");
    await kofi.openChannel("harbour_one");
    await expect(kofi.post("The ferry").getByTestId("post-state")).toHaveCount(0);
  });
  await first.person.context.close();
  expect(first.person.complaints).toEqual([]);
});

test("a report from a private chat opens for whoever has the permission, once it is claimed", async ({
  server,
  browser,
  pair,
}) => {
  const passphrase = "correct horse battery";
  const { person, hands } = await sitDown(browser);
  await test.step("before a passphrase was chosen, nobody can report; the first member chooses it", async () => {
    await join(hands, server, invite(server, "reviewer", "--private"), "Rana");
    await expect(hands.see("queue-empty"), "no other queue has it").toBeVisible();
    await hands.press("place-private");
    await expect(hands.see("private-key")).toHaveAttribute("data-key", "none");
    await hands.see("passphrase").fill(passphrase);
    await expect(hands.see("choose-passphrase")).toBeDisabled();
    await hands.see("passphrase-again").fill(passphrase);
    await hands.press("choose-passphrase");
    await expect(hands.see("lock-private")).toBeVisible();
  });
  const { anna, pia } = await pair();
  const threat = "I know where you live. سأجدك";
  await pia.ask("send", { chat: "Anna", text: threat });
  await anna.sees(threat);
  await anna.menu(threat);
  await anna.press("menu-report");
  await anna.see("report-reason-violence_incitement").check({ force: true });
  await anna.see("report-note").fill("since yesterday");
  await anna.press("report-send");
  await expect(anna.see("report-done")).toBeVisible();

  await test.step("locked, it is listed and stays shut; the passphrase opens it", async () => {
    await hands.press("lock-private");
    await expect(hands.see("private-report")).toBeDisabled();
    await hands.see("passphrase").fill("something else");
    await hands.press("unlock");
    await expect(hands.see("refusal")).toHaveAttribute("data-code", "wrong-passphrase");
    await hands.see("passphrase").fill(passphrase);
    await hands.press("unlock");
    await expect(hands.see("private-report")).toBeEnabled();
  });
  await hands.press("private-report");
  await expect(hands.see("private-view")).toHaveAttribute("data-kind", "report");
  expect(await hands.page.content()).not.toContain("where you live");
  await keys(hands.page, "v");
  await expect(hands.see("private-text")).toHaveText(threat);
  await expect(hands.see("private-note")).toHaveText("since yesterday");
  await expect(hands.see("private-view")).not.toContainText("Anna");
  await hands.press("acted");
  await expect(hands.see("private-empty")).toBeVisible();
  expect(server.sql("SELECT state FROM mod_report")).toEqual([{ state: 1 }]);
  await expect(anna.page.getByText("something was done").first(), "the reporter hears one word").toBeVisible();
  await test.step("a measure that the server cannot open is counted, and said not to be none", async () => {
    server.sql(
      "INSERT INTO mod_measure (id, report_id, state, body, proposed_by, day) VALUES" +
        " (randomblob(16), randomblob(16), 1, randomblob(99), randomblob(16), unixepoch() / 86400)",
    );
    await hands.press("show-measures");
    await expect(hands.see("unread-measures")).toContainText("1");
    await expect(hands.see("measures")).not.toContainText("None yet");
  });
  await person.context.close();
  expect(person.complaints).toEqual([]);
});

test("whoever keeps lists lets a suspended rule count again, with a reason that is logged; others read", async ({
  server,
  browser,
}) => {
  const rule = "fraud-offer-with-contact";
  server.sql(
    `INSERT INTO mod_suspension (what, ref, at) VALUES ('rule', '${rule}', 1790000000), ('url', 'domain gone.example', 1790000001)`,
  );
  const reader = await sitDown(browser);
  await join(reader.hands, server, invite(server, "reviewer"), "Rana");
  await reader.hands.press("place-suspended");
  await expect(reader.hands.see("suspended")).toHaveCount(2);
  await expect(reader.hands.see("lift"), "her role keeps no lists").toHaveCount(0);

  const { person, hands } = await sitDown(browser, "ar-EG");
  await join(hands, server, invite(server, "policy"), "سمير");
  const first = hands.see("suspended").first();
  await expect(first, "the place where this role begins").toHaveText(new RegExp(`^\\s*قاعدة\\s*${rule}`));
  await expect(hands.see("suspended").last()).toContainText("لم يعد في السياسة أو القائمة");
  await expect(first).not.toContainText("لم يعد في السياسة");
  await hands.press(first.getByTestId("lift"));
  await hands.see("lift-reason").fill("   ");
  await expect(hands.see("lift-confirm"), "blanks are no reason").toBeDisabled();
  await hands.see("lift-reason").fill("كانت الثلاثة خطأ زميل واحد");
  await hands.see("lift-reason").press("Enter");
  await expect(hands.see("suspended")).toHaveCount(1);
  await expect(hands.see("suspended")).toContainText("gone.example");
  expect(server.sql("SELECT ref FROM mod_suspension WHERE lifted_at > 0")).toEqual([{ ref: rule }]);
  const logged = server.sql("SELECT record FROM mod_audit_record WHERE kind = 'policy'");
  expect(logged).toEqual([{ record: `lift rule ${rule}: كانت الثلاثة خطأ زميل واحد` }]);

  await test.step("one that a colleague lifted meanwhile is told, and gone from the list", async () => {
    await hands.press("lift");
    await hands.see("lift-reason").fill("it is ours");
    server.sql("UPDATE mod_suspension SET lifted_at = 1790000002 WHERE what = 'url'");
    await hands.press("lift-confirm");
    await expect(hands.see("refusal")).toHaveAttribute("data-code", "gone");
    await expect(hands.see("suspended-empty")).toBeVisible();
  });
  for (const each of [reader.person, person]) await each.context.close();
  expect(reader.person.complaints).toEqual([]);
  expect(person.complaints.filter((each) => !each.includes("404"))).toEqual([]);
});
