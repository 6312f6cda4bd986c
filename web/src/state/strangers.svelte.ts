/** Strangers who ask to write, and people who are blocked. */
import type { ContactRequest, FoundUsername, Person } from "../core/api.ts";
import { Ask, Press } from "./ask.svelte.ts";
import { call, listen } from "./host.ts";

export type { ContactRequest } from "../core/api.ts";

/** Requests that wait for an answer. */
export class Requests {
  readonly list = new Ask<readonly ContactRequest[]>(() => call("requests"));
  readonly press = new Press();

  listen(): () => void {
    void this.list.refresh();
    return listen(({ event }) => {
      if (event === "chats" || event === "contacts") void this.list.refresh();
    });
  }

  /** The chat of an accepted one; undefined where it failed. */
  async answer(id: string, answer: "accept" | "decline" | "block"): Promise<string | undefined> {
    const chat = await this.press.run(() => call("answer_request", { id, answer }));
    await this.list.refresh();
    return chat;
  }
}

/** A request of our own. */
export class Asking {
  /** Longest text, UTF-8. */
  static readonly TEXT_BYTES = 2048;
  readonly press = new Press();

  /** Id of the chat; undefined where it failed. name: what to call them until they say theirs. */
  ask(whom: { readonly account: string; readonly name: string; readonly text: string }): Promise<string | undefined> {
    return this.press.run(() => call("request_contact", whom));
  }
}

/** The account's username. */
export class OwnUsername {
  /** "" where there is none. */
  readonly name = new Ask<string>(() => call("username"));
  readonly press = new Press();

  listen(): () => void {
    void this.name.refresh();
    return listen(({ event }) => {
      if (event === "contacts") void this.name.refresh();
    });
  }

  /** Whether it is ours now. */
  async set(name: string): Promise<boolean> {
    const done = await this.press.done(() => call("set_username", { name }));
    await this.name.refresh();
    return done;
  }

  async release(): Promise<boolean> {
    const done = await this.press.done(() => call("release_username"));
    await this.name.refresh();
    return done;
  }
}

/** Somebody looked up by their username. */
export class FindPerson {
  found = $state.raw<FoundUsername | undefined>();
  readonly press = new Press();

  async look(name: string): Promise<void> {
    this.found = undefined;
    this.found = await this.press.run(() => call("find_username", { name }));
  }

  drop(): void {
    this.found = undefined;
    this.press.error = undefined;
  }
}

/** Block somebody, or take it back. */
export class Blocking {
  readonly press = new Press();

  set(account: string, blocked: boolean): Promise<boolean> {
    return this.press.done(() => call("set_blocked", { account, blocked }));
  }
}

/** Everybody who is blocked. */
export class BlockedPeople extends Blocking {
  readonly list = new Ask<readonly Person[]>(() => call("blocked_people"));

  listen(): () => void {
    void this.list.refresh();
    return listen(({ event }) => {
      if (event === "contacts") void this.list.refresh();
    });
  }
}
