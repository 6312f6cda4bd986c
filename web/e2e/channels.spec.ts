/** Public channels on the real server: names, posts, search in two languages, comments, live updates, removal. */
import type { Page } from "@playwright/test";
import { Hands } from "./acts.ts";
import { expect, test, type Server } from "./world.ts";

// Nobody judges here: posts of established names pass the gate by themselves after a moment.
test.use({ settings: "public_space = true\ngate_timeout_s = 0.2\n" });

/** As after a month of good posts, which no story can wait for. */
function establish(server: Server): void {
  server.sql("UPDATE pub_persona SET created_at = created_at - 2592000, accepted = 9");
}

async function people(
  server: Server,
  arrive: () => Promise<{ readonly page: Page }>,
  ...names: readonly [handle: string, name: string][]
): Promise<Hands[]> {
  const { link } = server.invite(names.length);
  const all = await Promise.all(
    names.map(async ([handle, name]) => {
      const hands = new Hands((await arrive()).page);
      await hands.open(link);
      await hands.signUp(`Account of ${name}`);
      await hands.makePersona(handle, name);
      return hands;
    }),
  );
  establish(server);
  return all;
}

test("a channel is made, found, read, followed and answered, and every change arrives by itself", async ({
  server,
  arrive,
}) => {
  const [anna, omar] = (await people(server, arrive, ["anna_s", "Анна"], ["عمر_نصار", "عمر"])) as [Hands, Hands];

  await anna.createChannel("дворовые_новости", "Дворовые новости", "broadcast");
  await anna.publish("Завтра во дворе красят скамейки.");
  await anna.publish("سيُغلق الجسر القديم أمام السيارات غدًا.");
  // Through the gate: nobody else finds them before.
  for (const text of ["красят скамейки", "الجسر القديم"])
    await expect(anna.post(text).getByTestId("post-state")).toHaveCount(0);

  await test.step("found by its handle, and by other forms of its words in Russian and Arabic", async () => {
    await omar.press("place-channels");
    await omar.search("@дворовые_новости");
    await expect(omar.see("channel-row").filter({ hasText: "Дворовые новости" })).toBeVisible();
    for (const [query, found] of [
      ["скамейка", "красят скамейки"],
      ["дворов", "во дворе"],
      ["سيارة", "أمام السيارات"],
      ["جسر", "الجسر القديم"],
    ] as const) {
      await omar.search(query);
      await expect(omar.see("hit").filter({ hasText: found }), query).toBeVisible();
    }
    await omar.search("паровоз");
    await expect(omar.see("search-none")).toBeVisible();
  });

  await test.step("read by another person, who may not post but comments once following", async () => {
    await omar.openChannel("дворовые_новости");
    await expect(omar.post("красят скамейки")).toBeVisible();
    await expect(omar.see("write-text")).toHaveCount(0);
    await omar.press("follow");
    await expect(omar.see("follow")).toHaveCount(0);
    await omar.press(omar.post("красят скамейки").getByTestId("post-comments"));
    await omar.see("comment-text").fill("شكرًا على التنبيه");
    await omar.press("comment-send");
    await expect(omar.see("comment").filter({ hasText: "شكرًا" })).toBeVisible();
  });

  await test.step("live: a post, an edit with its versions, a comment, without a press", async () => {
    await anna.openChannel("дворовые_новости");
    await expect(anna.post("красят скамейки").getByTestId("post-comments")).toHaveText(/1 comment/);
    await anna.publish("Воды не будет с девяти до часу.");
    await expect(omar.post("Воды не будет")).toBeVisible();
    await anna.choose(anna.post("Воды не будет"), "menu-edit");
    await anna.see("edit-text").fill("Вода снова есть.");
    await anna.press("edit-save");
    await expect(omar.post("Вода снова есть")).toBeVisible();
    await omar.press(omar.post("Вода снова есть").getByTestId("post-edited"));
    await expect(omar.see("version")).toHaveText([/Вода снова есть/, /Воды не будет/]);
    await omar.press("dialog-close");
  });

  await test.step("deleted by its author: gone for the other without a word", async () => {
    await anna.choose(anna.post("Вода снова есть"), "menu-delete");
    await anna.press("delete-yes");
    await expect(omar.post("Вода снова есть")).toHaveCount(0);
  });

  await test.step("a reload keeps the name and the channel", async () => {
    await omar.page.reload();
    await omar.press("place-channels");
    await expect(omar.see("channel-row").filter({ hasText: "Дворовые новости" })).toBeVisible();
  });
});

test("what moderation does is told: a stub for others, the reason for the author, a wait for newcomers", async ({
  server,
  arrive,
}) => {
  const [marta, kofi] = (await people(server, arrive, ["marta.l", "Marta"], ["kofi_m", "Kofi"])) as [Hands, Hands];

  await test.step("a handle that looks like one that is taken is refused in words", async () => {
    await marta.goTo("#/new/channel");
    await marta.see("channel-title").fill("Look-alike");
    await marta.see("channel-handle").fill("rnarta.l");
    await marta.press("channel-create");
    await expect(marta.page.getByRole("alert")).toHaveText(/looks like one that is taken/);
  });

  await marta.createChannel("saturday_market", "Saturday market", "group");
  await kofi.openChannel("saturday_market");
  await kofi.press("follow");

  await test.step("a post that a moderator removes leaves a stub, and its author keeps the text", async () => {
    await kofi.publish("Cheap tickets, write to me!");
    const bad = marta.post("Cheap tickets");
    await expect(bad).toBeVisible();
    await marta.choose(bad, "menu-remove");
    await marta.see("remove-reason").fill("Not about the market");
    await marta.press("remove-yes");
    await expect(marta.see("stub")).toHaveText(/Removed on .+: rules of the channel/);
    await expect(marta.post("Cheap tickets")).toHaveCount(0);
    await expect(kofi.post("Cheap tickets").getByTestId("post-state")).toHaveText(/Your post was removed/);
  });

  await test.step("a new name's post is held for review, and nobody else sees it", async () => {
    server.sql("UPDATE pub_persona SET created_at = created_at + 2592000, accepted = 0");
    await kofi.publish("My first post");
    await expect(kofi.post("My first post").getByTestId("post-state")).toHaveText(/Being checked/);
    // What the gate does after a minute, sooner.
    server.sql("UPDATE pub_post SET gate_at_ms = 1 WHERE gate_at_ms IS NOT NULL");
    await expect(kofi.post("My first post").getByTestId("post-state")).toHaveText(/Held for review/);
    await expect(marta.post("My first post")).toHaveCount(0);
  });
});
