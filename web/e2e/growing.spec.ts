/** Room for more than 128 devices in a group of a browser and members on the Python SDK: each of them makes it once. */
import { expect, ON_THE_SERVER, test, textsAt } from "./world.ts";

interface Chat {
  readonly id: string;
  readonly title: string;
  readonly kind: string;
  readonly quantum: string;
}

test("an admin makes room in the browser, another one by the SDK, and it stays one chat; the old link goes on", async ({
  server,
  member,
  pair,
}) => {
  const { anna, pia } = await pair();
  const zoe = member();
  await zoe.ask("register", { server: server.url, name: "Zoe", invite: server.invite(1).invite });

  // Made in the browser: protected, with a link.
  await anna.createGroup("Trip", ["Pia"]);
  await anna.say("before");
  await expect(anna.state("before")).toHaveAttribute("data-state", ON_THE_SERVER);
  await anna.press("chat-info");
  await expect(anna.see("suite")).toContainText("0x0053");
  await anna.press("link-make");
  await anna.press("link-make-yes");
  const url = (await anna.see("link-url").textContent()) ?? "";
  expect(url).toMatch(/\/g#/);
  await expect(anna.see("notice").filter({ hasText: "made a link" })).toBeVisible();
  await pia.ask("sync");
  const before = await pia.ask<Chat[]>("chats");
  expect(before.find(({ title }) => title === "Trip")?.quantum).toBe("protected");

  // Nothing happens before she read what it costs and agreed.
  await anna.press("group-grow");
  await expect(anna.see("grow-dialog")).toContainText("quantum");
  await anna.press("grow-dialog-no");
  await expect(anna.see("suite")).toContainText("0x0053");
  const old = new URL(anna.page.url()).hash;
  await anna.press("group-grow");
  await anna.press("grow-dialog-yes");
  await expect(anna.see("suite")).toContainText("0x0001", { timeout: 30_000 });
  await expect(anna.see("quantum")).toContainText("not protected");
  await expect(anna.see("group-grow")).toHaveCount(0);
  await expect.poll(() => new URL(anna.page.url()).hash).not.toBe(old);
  await expect(anna.see("notice").filter({ hasText: "You made room" })).toBeVisible();
  await expect(anna.row("Trip")).toHaveCount(1);
  await anna.openChat("Trip");
  await anna.say("after");
  await expect(anna.state("after")).toHaveAttribute("data-state", ON_THE_SERVER);
  expect(await textsAt(pia, "Trip")).toEqual(["before", "after"]);
  const trips = (await pia.ask<Chat[]>("chats")).filter(({ title }) => title === "Trip");
  expect(trips.map(({ quantum }) => quantum)).toEqual(["small"]);
  await pia.ask("send", { chat: "Trip", text: "heard" });
  await anna.sees("heard");

  // Zoe comes by the link of before.
  await zoe.ask("call", { name: "join_group", link: url });
  await anna.press("chat-info");
  await expect(anna.see("join-request")).toContainText("Zoe", { timeout: 30_000 });
  await anna.press("request-accept");
  await expect(anna.see("join-request")).toHaveCount(0, { timeout: 30_000 });
  await zoe.ask("sync");
  await zoe.ask("send", { chat: "Trip", text: "by the old link" });
  await anna.openChat("Trip");
  await anna.sees("by the old link");

  // Pia's group, grown by the SDK while the browser looks at it.
  await pia.ask("create_group", { title: "Crew", people: ["Anna"] });
  await pia.ask("send", { chat: "Crew", text: "who is here?" });
  await anna.openChat("Crew");
  await anna.sees("who is here?");
  await anna.see("composer").fill("a draft");
  const open = new URL(anna.page.url()).hash;
  await pia.ask("call", { name: "grow", chat: "Crew" });
  await expect(anna.see("notice").filter({ hasText: /Pia.* made room/ })).toBeVisible({ timeout: 30_000 });
  await expect.poll(() => new URL(anna.page.url()).hash).not.toBe(open);
  await anna.sees("who is here?");
  await expect(anna.see("composer")).toHaveValue("a draft");
  await anna.say("I am");
  await expect(anna.state("I am")).toHaveAttribute("data-state", ON_THE_SERVER);
  await expect(anna.row("Crew")).toHaveCount(1);
  expect(await textsAt(pia, "Crew")).toEqual(["who is here?", "I am"]);
  await anna.press("chat-info");
  await expect(anna.see("suite")).toContainText("0x0001");
  await expect(anna.see("group-grow")).toHaveCount(0);
});
