/** Permissions of a group, links into it and who asks by them; and what we asked to be let into. */
import type { GroupLinkPreview, GroupLinkView, JoinRequestView, JoinView, Permission } from "../core/api.ts";
import { Ask, Press } from "./ask.svelte.ts";
import { call, listen } from "./host.ts";

export type { JoinRequestView, JoinView, Permission } from "../core/api.ts";

/** The part of one group's page. */
export class GroupJoins {
  readonly links: Ask<readonly GroupLinkView[]>;
  readonly requests: Ask<readonly JoinRequestView[]>;
  readonly press = new Press();
  /** Just made: shown to be given away. */
  made = $state.raw<GroupLinkView>();
  readonly #chat: string;

  constructor(chat: string) {
    this.#chat = chat;
    this.links = new Ask(() => call("group_links", { chat }));
    this.requests = new Ask(() => call("join_requests", { chat }));
  }

  listen(): () => void {
    void this.#refresh();
    return listen((event) => {
      if (event.event === "joins" || (event.event === "chat" && event.chat === this.#chat)) void this.#refresh();
    });
  }

  setPermission(name: Permission, admins: boolean): Promise<boolean> {
    return this.press.done(() => call("set_permissions", { chat: this.#chat, perms: { [name]: admins } }));
  }

  async makeLink(auto: boolean, seconds: number): Promise<void> {
    this.made = await this.press.run(() => call("make_group_link", { chat: this.#chat, auto, seconds }));
    await this.#refresh();
  }

  async revoke(id: string): Promise<void> {
    if (this.made?.id === id) this.made = undefined;
    await this.press.done(() => call("revoke_group_link", { chat: this.#chat, id }));
    await this.#refresh();
  }

  async answer(account: string, accept: boolean): Promise<void> {
    await this.press.done(() => call("answer_join", { chat: this.#chat, account, accept }));
    await this.#refresh();
  }

  async #refresh(): Promise<void> {
    await Promise.all([this.links.refresh(), this.requests.refresh()]);
  }
}

/** A link into a group that somebody opened: what it says, and after a press, the request. */
export class OpenedGroupLink {
  readonly preview: Ask<GroupLinkPreview>;
  readonly press = new Press();
  readonly #link: string;

  constructor(link: string) {
    this.#link = link;
    this.preview = new Ask(() => call("preview_group_link", { text: link }));
  }

  listen(): () => void {
    void this.preview.refresh();
    return listen((event) => {
      if (event.event === "joins" || event.event === "chats") void this.preview.refresh();
    });
  }

  async ask(): Promise<void> {
    await this.press.done(() => call("ask_to_join", { link: this.#link }));
    await this.preview.refresh();
  }
}

/** What we asked to be let into and are not in. */
export class MyJoins {
  readonly list = new Ask<readonly JoinView[]>(() => call("joins"));

  listen(): () => void {
    void this.list.refresh();
    return listen((event) => {
      if (event.event === "joins" || event.event === "chats") void this.list.refresh();
    });
  }

  async forget(group: string): Promise<void> {
    await call("forget_join", { group });
    await this.list.refresh();
  }
}
