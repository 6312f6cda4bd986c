/** One chat seen from its info page: members, roles, name; and the making of a new group. */
import type { ChatView, Role } from "../core/api.ts";
import { Ask, Press } from "./ask.svelte.ts";
import { call, listen } from "./host.ts";

export class GroupInfo {
  readonly chat: Ask<ChatView>;
  readonly press = new Press();
  /** Making room, whose failure is told in its own place. */
  readonly growing = new Press();
  readonly #id: string;

  constructor(id: string) {
    this.#id = id;
    this.chat = new Ask(() => call("chat", { id }));
  }

  listen(): () => void {
    void this.chat.refresh();
    return listen((event) => {
      if ((event.event === "chat" && event.chat === this.#id) || event.event === "contacts") void this.chat.refresh();
    });
  }

  rename(title: string): Promise<boolean> {
    return this.#then(() => call("rename_group", { chat: this.#id, title: title.trim() }));
  }

  setTimer(seconds: number): Promise<boolean> {
    return this.#then(() => call("set_timer", { chat: this.#id, seconds }));
  }

  add(members: readonly string[]): Promise<boolean> {
    return this.#then(() => call("add_members", { chat: this.#id, members }));
  }

  remove(account: string): Promise<boolean> {
    return this.#then(() => call("remove_member", { chat: this.#id, account }));
  }

  setRole(account: string, role: Role): Promise<boolean> {
    return this.#then(() => call("set_role", { chat: this.#id, account, role }));
  }

  async grow(): Promise<boolean> {
    const done = await this.growing.done(() => call("grow_group", { chat: this.#id }));
    await this.chat.refresh();
    return done;
  }

  leave(): Promise<boolean> {
    return this.#then(() => call("leave_group", { chat: this.#id }));
  }

  rejoin(): Promise<boolean> {
    return this.#then(() => call("rejoin", { chat: this.#id }));
  }

  async #then(work: () => Promise<unknown>): Promise<boolean> {
    const done = await this.press.done(work);
    await this.chat.refresh();
    return done;
  }
}

/** Chosen people and a title become a group. */
export class NewGroup {
  title = $state("");
  /** Accounts, in the order of choosing. */
  chosen = $state.raw<readonly string[]>([]);
  /** Whether a group of these people would be protected against quantum computers. */
  protected = $state(true);
  readonly press = new Press();

  toggle(account: string): void {
    const without = this.chosen.filter((one) => one !== account);
    const members = without.length === this.chosen.length ? [...this.chosen, account] : without;
    this.chosen = members;
    void call("group_protected", { members }).then(
      (answer) => {
        if (members === this.chosen) this.protected = answer;
      },
      () => undefined, // what does not answer here says so at the press
    );
  }

  /** Id of the new group's chat; undefined where it failed. */
  create(): Promise<string | undefined> {
    return this.press.run(() => call("create_group", { title: this.title.trim(), members: this.chosen }));
  }
}
