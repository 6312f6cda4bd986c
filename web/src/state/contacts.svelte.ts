/** People this account can write to, and one person's page with the safety number. */
import type { Answer, ContactPage, ContactView } from "../core/api.ts";
import { Ask, Press } from "./ask.svelte.ts";
import { call, listen } from "./host.ts";

/** What a scanned safety code turned out to be. */
export type Comparison = Answer<"check_safety">;

/** All contacts, by name. */
export class Contacts {
  readonly list: Ask<readonly ContactView[]>;

  constructor() {
    this.list = new Ask(async () => byName(await call("contacts")));
  }

  /** Follow changes; answers what ends it. */
  listen(): () => void {
    void this.list.refresh();
    return listen(({ event }) => {
      if (event === "contacts") void this.list.refresh();
    });
  }
}

/** Sorted as a reader of any of our scripts expects. */
export function byName<T extends { readonly name: string }>(people: readonly T[]): T[] {
  const { compare } = new Intl.Collator(undefined, { sensitivity: "base" });
  return [...people].sort((a, b) => compare(a.name, b.name));
}

/** People whose name holds the words typed, whatever the case and marks. */
export function filterPeople<T extends { readonly name: string }>(people: readonly T[], typed: string): readonly T[] {
  const wanted = fold(typed);
  return wanted === "" ? people : people.filter(({ name }) => fold(name).includes(wanted));
}

function fold(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").replaceAll("ё", "е").replace(/[آأإ]/g, "ا").trim().toLowerCase();
}

/** One person: devices, groups in common, safety number, and whether it was compared. */
export class Contact {
  readonly page: Ask<ContactPage>;
  readonly press = new Press();
  comparison = $state<Comparison | undefined>();
  readonly #account: string;

  constructor(account: string) {
    this.#account = account;
    this.page = new Ask(() => call("contact", { account }));
  }

  listen(): () => void {
    void this.page.refresh();
    return listen(({ event }) => {
      if (event === "contacts" || event === "chats") void this.page.refresh();
    });
  }

  async setVerified(verified: boolean): Promise<boolean> {
    const done = await this.press.done(() => call("set_verified", { account: this.#account, verified }));
    await this.page.refresh();
    return done;
  }

  /** Compare a scanned or pasted code with ours; the same one marks the person as verified. */
  async compare(text: string): Promise<Comparison | undefined> {
    const found = await this.press.run(() => call("check_safety", { account: this.#account, text }));
    this.comparison = found;
    if (found === "same") await this.setVerified(true);
    return found;
  }
}
