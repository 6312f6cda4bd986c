/** What a person does on the screens, press by press. Stories read like what happened; selectors live here alone. */
import { type Locator, type Page, expect } from "@playwright/test";

/** Somebody in front of one tab. `presses` counts clicks, as the onboarding promise counts them. */
export class Hands {
  readonly page: Page;
  presses = 0;

  constructor(page: Page) {
    this.page = page;
  }

  see(testid: string): Locator {
    return this.page.getByTestId(testid);
  }

  async press(target: string | Locator): Promise<void> {
    await (typeof target === "string" ? this.see(target) : target).click();
    this.presses += 1;
  }

  // -- start
  async open(url: string): Promise<void> {
    await this.page.goto(url);
  }

  /** From the opened page with an invite to the chat list. */
  async signUp(name: string): Promise<void> {
    await this.press("start-create");
    await this.see("name-input").fill(name);
    await this.press("name-done");
    await expect(this.see("chat-list")).toBeVisible();
  }

  // -- list
  row(title: string): Locator {
    return this.see("chat-row").filter({ hasText: title });
  }

  async openChat(title: string): Promise<void> {
    await this.press(this.row(title).first());
    await expect(this.see("composer")).toBeVisible();
  }

  /** An entry of the menu of a row. */
  async arrange(title: string, entry: string): Promise<void> {
    await this.row(title).first().click({ button: "right" });
    this.presses += 1;
    await this.press(entry);
  }

  async goTo(fragment: string): Promise<void> {
    await this.page.evaluate((hash) => {
      location.hash = hash;
    }, fragment);
  }

  // -- chat
  message(text: string): Locator {
    // By its own words: a reply shows those of another.
    return this.see("message")
      .filter({ has: this.page.getByTestId("text").filter({ hasText: text }) })
      .last();
  }

  own(text: string): Locator {
    const own = this.see("message").and(this.page.locator('[data-own="true"]'));
    return own.filter({ has: this.page.getByTestId("text").filter({ hasText: text }) }).last();
  }

  async say(text: string): Promise<void> {
    await this.see("composer").fill(text);
    await this.press("send");
  }

  async sees(text: string): Promise<void> {
    await expect(this.message(text)).toBeVisible();
  }

  /** The state of an own message, as its tick says it in words. */
  state(text: string): Locator {
    return this.own(text).getByTestId("state");
  }

  async menu(text: string): Promise<void> {
    const message = this.message(text);
    await message.hover();
    await this.press(message.getByTestId("message-more"));
    await expect(this.see("message-menu")).toBeVisible();
  }

  async reply(to: string, text: string): Promise<void> {
    await this.menu(to);
    await this.press("menu-reply");
    await this.say(text);
  }

  async react(to: string, emoji: string): Promise<void> {
    await this.menu(to);
    await this.press(this.see("quick-reaction").filter({ hasText: emoji }));
  }

  async edit(old: string, text: string): Promise<void> {
    await this.menu(old);
    await this.press("menu-edit");
    await this.say(text);
  }

  async deleteForAll(text: string): Promise<void> {
    await this.menu(text);
    await this.press("menu-delete");
    await this.press("delete-for-all");
  }

  // -- people
  /** An own invite link; with a registration code where the server wants one. */
  async makeInvite(): Promise<string> {
    await this.goTo("#/invite");
    const link = await this.see("invite-link").textContent();
    expect(link).toMatch(/\/i#/);
    return link ?? "";
  }

  /** Add the person behind a link by pasting it. */
  async addPerson(link: string): Promise<void> {
    await this.goTo("#/scan");
    await this.see("code-field").fill(link);
    await this.press("code-use");
    await this.press("scan-accept");
    await expect(this.see("composer")).toBeVisible();
  }

  async createGroup(title: string, people: readonly string[]): Promise<void> {
    await this.goTo("#/new/group");
    await this.see("group-title").fill(title);
    for (const person of people) await this.press(this.see("choose-row").filter({ hasText: person }));
    await this.press("group-create");
    await expect(this.see("composer")).toBeVisible();
  }

  /** The safety number of the person of this DM, digits alone. */
  async safetyNumber(person: string): Promise<string> {
    await this.openChat(person);
    await this.press("chat-info");
    await this.press("info-person");
    return ((await this.see("safety-number").textContent()) ?? "").replace(/\D/g, "");
  }

  // -- channels
  /** A public name, from anywhere. */
  async makePersona(handle: string, name: string): Promise<void> {
    await this.goTo("#/personas");
    await this.see("persona-name").fill(name);
    await this.see("persona-handle").fill(handle);
    await this.press("persona-create");
    // The first one leads back to the channels.
    await expect(this.page).toHaveURL(/#\/ch$/);
  }

  async createChannel(handle: string, title: string, kind: "broadcast" | "group"): Promise<void> {
    await this.goTo("#/new/channel");
    await this.see("channel-title").fill(title);
    await this.see("channel-handle").fill(handle);
    await this.press(`kind-${kind}`);
    await this.press("channel-create");
    await expect(this.see("write-text")).toBeVisible();
  }

  async openChannel(handle: string): Promise<void> {
    await this.goTo(`#/ch/${encodeURIComponent(handle)}`);
    await expect(this.see("channel-info")).toBeVisible();
  }

  post(text: string | RegExp): Locator {
    return this.see("post").filter({ hasText: text });
  }

  async publish(text: string): Promise<void> {
    await this.see("write-text").fill(text);
    await this.press("write-send");
    await expect(this.see("channel").locator("article").filter({ hasText: text })).toBeVisible();
  }

  /** An entry of a post's menu. */
  async choose(post: Locator, entry: string): Promise<void> {
    await this.press(post.getByTestId("post-more"));
    await this.press(entry);
  }

  async search(words: string): Promise<void> {
    await this.see("search-input").fill(words);
    await this.press("search-go");
    await expect(this.see("search-results")).toBeVisible();
  }

  // -- devices
  /** On the new browser: the code to paste on the old one. */
  async startLinking(): Promise<string> {
    await this.press("start-link");
    return ((await this.see("link-code").textContent()) ?? "").trim();
  }

  /** On the old browser: approve a device by its pasted code. Answers the emoji shown. */
  async approveLink(code: string): Promise<string> {
    await this.goTo("#/settings/devices");
    await this.press("link-device");
    await this.see("code-field").fill(code);
    await this.press("code-use");
    const emoji = (await this.see("link-emoji").textContent()) ?? "";
    await this.press("link-yes");
    return emoji.replace(/\s/g, "");
  }
}
