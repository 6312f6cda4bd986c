/** The whole story by keyboard alone: every step is reached by keys, the focus is always seen, and never lost. */
import { type Page, expect as expectPage } from "@playwright/test";
import { Hands } from "./acts.ts";
import { expect, ON_THE_SERVER, test } from "./world.ts";

interface Focus {
  /** Test ids of the focused element and what holds it. */
  readonly ids: readonly string[];
  readonly text: string;
  /** Of a message: its own words, without those it quotes. */
  readonly body: string;
  readonly nowhere: boolean;
  readonly seen: boolean;
}

/** Somebody without a pointer. */
class Keys {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  focus(): Promise<Focus> {
    return this.page.evaluate(() => {
      const active = document.activeElement;
      const ids: string[] = [];
      for (let one = active; one !== null; one = one.parentElement) {
        const id = one.getAttribute("data-testid");
        if (id !== null) ids.push(id);
      }
      // A ring on the element itself, on what frames it (fields), beside it (switches) or in it (messages).
      const frame = active?.parentElement;
      const inside = active?.querySelectorAll(".bubble") ?? [];
      const seen = [active, frame, ...(frame?.children ?? []), ...inside].some((one) => {
        if (!one) return false;
        const { outlineStyle, outlineWidth } = getComputedStyle(one);
        return outlineStyle !== "none" && outlineWidth !== "0px";
      });
      const body = active?.querySelector('[data-testid="text"]')?.textContent ?? "";
      return { ids, text: active?.textContent ?? "", body, nowhere: active === null || active === document.body, seen };
    });
  }

  /** Press a key until the element with this test id (and these words in it) has the focus. */
  async reach(testid: string, { key = "Tab", text = "" } = {}): Promise<void> {
    await expectPage(this.page.getByTestId(testid).filter({ hasText: text }).first()).toBeVisible();
    for (let turn = 0; turn < 90; turn++) {
      const focus = await this.focus();
      if (focus.ids[0] === testid && focus.text.includes(text)) {
        expectPage(focus.seen, `the focus on ${testid} is not to be seen`).toBe(true);
        return;
      }
      await this.page.keyboard.press(key);
    }
    throw new Error(`${testid} is out of reach of ${key}`);
  }

  /** Press a key on what has the focus; afterwards something still has it. */
  async press(key: string): Promise<void> {
    await this.page.keyboard.press(key);
    await expectPage.poll(async () => (await this.focus()).nowhere, { message: `focus lost after ${key}` }).toBe(false);
  }

  async choose(testid: string, options?: { key?: string; text?: string }): Promise<void> {
    await this.reach(testid, options);
    await this.press("Enter");
  }

  type(text: string): Promise<void> {
    return this.page.keyboard.insertText(text);
  }

  /** Open the menu of a message and choose an entry. */
  async act(message: string, entry: string): Promise<void> {
    await this.reach("message", { key: "Shift+Tab" });
    await this.press("End");
    for (let turn = 0; turn < 20; turn++) {
      if ((await this.focus()).body.includes(message)) break;
      await this.page.keyboard.press("ArrowUp");
    }
    expectPage((await this.focus()).body).toContain(message);
    await this.press("Enter");
    await this.choose(entry, { key: "ArrowDown" });
  }
}

test("sign up, meet, talk, change one's mind, gather, compare, look inside: all by keyboard", async ({
  server,
  arrive,
  member,
}) => {
  const { invite, link } = server.invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const { page } = await arrive();
  const anna = new Hands(page); // only looks
  const keys = new Keys(page);
  await anna.open(link);
  await keys.choose("start-create");
  await keys.reach("name-input");
  await keys.type("Anna");
  await page.keyboard.press("Enter");
  await expect(anna.see("chat-list")).toBeVisible();

  // A new chat from a pasted invite.
  await keys.choose("new-chat");
  await keys.choose("new-chat-scan");
  await keys.reach("code-field");
  await keys.type(await pia.ask<string>("contact_link"));
  await keys.choose("code-use");
  await keys.choose("scan-accept");
  await keys.reach("composer");
  await keys.type("hello");
  await keys.press("Enter");
  await expect(anna.state("hello")).toHaveAttribute("data-state", ON_THE_SERVER);
  await pia.ask("sync");
  await pia.ask("send", { chat: "Anna", text: "good evening" });
  await anna.sees("good evening");

  // Reply, react, edit the last, delete for all.
  await keys.act("good evening", "menu-reply");
  await keys.reach("composer");
  await keys.type("good night");
  await keys.press("Enter");
  await expect(anna.message("good night").getByTestId("quote")).toContainText("good evening");
  await keys.act("good evening", "quick-reaction");
  await expect(anna.message("good evening").getByTestId("reaction")).toHaveCount(1);
  await keys.reach("composer");
  await keys.press("ArrowUp");
  await page.keyboard.press("ControlOrMeta+a");
  await keys.type("good morning");
  await keys.press("Enter");
  await expect(anna.message("good morning").getByTestId("edited")).toBeVisible();
  await keys.act("good morning", "menu-delete");
  await keys.choose("delete-for-all");
  await expect(anna.see("deleted")).toHaveCount(1);

  // What the server holds of a message. It opens beside the chat, which stays what it is.
  const field = await anna.see("composer").elementHandle();
  await keys.act("good evening", "menu-inside");
  await expect(anna.see("view-now")).toBeVisible();
  expect(await field?.evaluate((composer) => composer.isConnected)).toBe(true);
  await keys.press("Escape");
  await expect(anna.see("composer")).toBeVisible();

  // The safety number.
  await keys.choose("chat-info");
  await keys.choose("info-person");
  await expect(anna.see("safety-number")).toBeVisible();

  // A group, from the list.
  await page.keyboard.press("Control+k");
  await keys.choose("new-chat", { key: "Shift+Tab" });
  await keys.choose("new-chat-group");
  await keys.reach("group-title");
  await keys.type("Trip");
  await keys.reach("choose-row", { text: "Pia" });
  await keys.press("Space");
  await keys.choose("group-create");
  await keys.reach("composer");
  await keys.type("who comes?");
  await keys.press("Enter");
  await expect(anna.state("who comes?")).toHaveAttribute("data-state", ON_THE_SERVER);

  // A setting, and the list of keys.
  await page.keyboard.press("Control+k");
  await keys.choose("open-settings", { key: "Shift+Tab" });
  await keys.choose("settings-privacy");
  const receipts = anna.see("receipts-switch");
  await keys.reach("receipts-switch");
  const before = await receipts.isChecked();
  await keys.press("Space");
  await expect(receipts).toBeChecked({ checked: !before });
  await keys.press("?");
  await expect(anna.see("keys")).toBeVisible();
  await keys.press("Escape");
  await expect(anna.see("keys")).toBeHidden();
});
