/** Finding what was said: in three scripts and other spellings, in all chats and in one, by keyboard, far back in time. */
import { Hands } from "./acts.ts";
import { expect, test } from "./world.ts";

const OLD = 130;

test("words are found in any spelling, and a press opens the chat at them", async ({ server, arrive, member }) => {
  const { invite, link } = server.invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Пия Ёлкина", invite });
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(await pia.ask<string>("contact_link"));
  await anna.say("le café noir");
  await anna.say("a word that goes");
  await expect(anna.state("a word that goes")).toHaveAttribute("data-state", /sent|delivered/);
  await pia.ask("sync");
  await pia.ask("send", { chat: "Anna", text: "قال أحمَد للناس في الكتاب" });
  await pia.ask("send", { chat: "Anna", text: "Новогодняя Ёлка" });
  for (let n = 1; n <= OLD; n++) await pia.ask("send", { chat: "Anna", text: `line ${String(n)}` });
  await expect(anna.row("Пия Ёлкина")).toContainText(`line ${String(OLD)}`, { timeout: 60_000 });
  await anna.openChat("Note to self");
  await anna.say("кафе, café, книга");

  const find = anna.see("find");
  const found = anna.see("found");
  const looks = async (words: string, texts: readonly (string | RegExp)[]): Promise<void> => {
    await find.fill(words);
    await expect(anna.see("results")).toHaveAttribute("aria-busy", "false");
    await expect(found).toHaveCount(texts.length);
    for (const [at, text] of texts.entries()) await expect(found.nth(at)).toContainText(text);
  };
  await looks("احمد", ["قال أحمَد للناس"]);
  await expect(found.locator("mark")).toHaveText("أحمَد");
  expect(
    await found
      .getByTestId("found-text")
      .locator(".words")
      .evaluate((words) => getComputedStyle(words).direction),
  ).toBe("rtl");
  await looks("كتاب", ["في الكتاب"]);
  await looks("елка", ["Новогодняя Ёлка"]);
  await looks("елк", ["Новогодняя Ёлка"]);
  await expect(anna.see("found-chat")).toContainText("Пия Ёлкина");
  await looks("CAFE", ["кафе, café, книга", "le café noir"]);
  await looks("кни cafe", ["кафе, café, книга"]);
  await looks('"noir le"', []);
  await expect(anna.see("search-none")).toBeVisible();
  await looks("ё", []);
  await expect(anna.see("search-short")).toBeVisible();

  // By keyboard, to a message that is several pages away; Back to the list finds the results as they were.
  await looks("noir", [/café noir/]);
  await find.press("ArrowDown");
  await expect(found).toBeFocused();
  await anna.page.keyboard.press("ArrowUp");
  await expect(find).toBeFocused();
  await find.press("Enter");
  const there = anna.message("le café noir");
  await expect(there).toBeInViewport();
  await expect(there).toBeFocused();
  await expect(anna.message(`line ${String(OLD)}`)).toHaveCount(0);
  await expect(find).toHaveValue("noir");
  await find.press("Escape");
  await expect(anna.see("chat-row").first()).toBeVisible();

  // In one chat: what is said elsewhere is not found.
  await there.press("/");
  const inside = anna.see("find-inside");
  await expect(inside).toBeFocused();
  await inside.fill("cafe");
  await expect(found).toHaveCount(1);
  await inside.fill(`line ${String(OLD - 1)}`);
  await expect(found).toHaveCount(1);
  await inside.press("Enter");
  await expect(anna.message(`line ${String(OLD - 1)}`)).toBeInViewport();
  await expect(inside).toBeHidden();
  await anna.page.keyboard.press("Control+f");
  await expect(inside).toBeFocused();
  await inside.press("Escape");
  await expect(inside).toBeHidden();

  // What is deleted goes from the results, and is found no more.
  await find.fill("word goes");
  await expect(found).toHaveCount(1);
  await anna.press(found);
  await expect(anna.message("a word that goes")).toBeInViewport();
  await anna.deleteForAll("a word that goes");
  await expect(found).toHaveCount(0);
  await expect(anna.see("search-none")).toBeVisible();
});
