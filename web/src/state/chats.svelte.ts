/** The chat list, and who is typing where. */
import type { ChatLine, Person } from "../core/api.ts";
import { codeOf } from "../i18n/errors.ts";
import { call, listen } from "./host.ts";

class Chats {
  /** Newest first, as the core orders them; undefined until they have come. */
  lines = $state.raw<readonly ChatLine[]>();
  /** How many strangers ask to write. */
  requests = $state(0);
  error = $state<string>();
  /** Per chat, who types until when (ms). */
  typing = $state<Readonly<Record<string, readonly { person: Person; until: number }[]>>>({});
  #asked = 0;
  #mute: ReturnType<typeof setTimeout> | undefined;

  /** Unread messages of chats in the list that are not muted. */
  readonly unread = $derived(
    (this.lines ?? []).reduce((sum, line) => sum + (line.muted || line.archived ? 0 : line.unread), 0),
  );

  start(): void {
    listen((event) => {
      if (event.event === "chats" || event.event === "chat") void this.refresh();
      else if (event.event === "status" && event.status.me && !this.lines) void this.refresh();
      else if (event.event === "typing") this.#typed(event.chat, event.person, event.until);
      else if (event.event === "incoming") this.#quiet(event.chat, event.sender);
    });
    void this.refresh();
  }

  async refresh(): Promise<void> {
    const mine = ++this.#asked;
    try {
      const [lines, requests] = await Promise.all([call("chats"), call("request_count")]);
      if (mine !== this.#asked) return;
      this.requests = requests;
      this.lines = lines;
      this.error = undefined;
      this.#waitForMutes(lines);
    } catch (error) {
      if (mine === this.#asked) this.error = codeOf(error);
    }
  }

  /** The first mute that ends by itself. */
  #waitForMutes(lines: readonly ChatLine[]): void {
    clearTimeout(this.#mute);
    const left = Math.min(...lines.filter(({ muted }) => muted).map((line) => line.muted_until - Date.now()));
    // Longer than a day, the timer only asks again; a browser counts no further than 24 days.
    if (left < 86_400_000) this.#mute = setTimeout(() => void this.refresh(), Math.max(0, left) + 50);
  }

  find(id: string): ChatLine | undefined {
    return this.lines?.find((line) => line.id === id);
  }

  typers(chat: string): readonly Person[] {
    return (this.typing[chat] ?? []).map(({ person }) => person);
  }

  #typed(chat: string, person: Person, until: number): void {
    const others = (this.typing[chat] ?? []).filter((entry) => entry.person.account !== person.account);
    this.typing = { ...this.typing, [chat]: [...others, { person, until }] };
    setTimeout(() => this.#expire(chat), Math.max(0, until - Date.now()) + 50);
  }

  #expire(chat: string): void {
    const now = Date.now();
    const left = (this.typing[chat] ?? []).filter(({ until }) => until > now);
    this.typing = { ...this.typing, [chat]: left };
  }

  /** A message came: whoever typed it has stopped. Who goes on typing says so again within 4 s. */
  #quiet(chat: string, sender: Person): void {
    const others = (this.typing[chat] ?? []).filter(({ person }) => person.account !== sender.account);
    this.typing = { ...this.typing, [chat]: others };
  }
}

export const chats = new Chats();
