/** One search: what was found so far, page by page; typing on ends it and begins another. */
import type { FoundChat, FoundMessage, FoundPerson } from "../core/api.ts";
import { codeOf } from "../i18n/errors.ts";
import { call, listen } from "./host.ts";

/** Whoever types on within this does not begin a search. */
const PAUSE_MS = 120;
/** So many messages are looked for at once; for more one scrolls. */
const MESSAGES = 30;

export class Search {
  chats = $state.raw<readonly FoundChat[]>([]);
  people = $state.raw<readonly FoundPerson[]>([]);
  messages = $state.raw<readonly FoundMessage[]>([]);
  phase = $state<"idle" | "short" | "searching" | "done">("idle");
  error = $state<string>();
  /** What is shown was found for the words before: the first page for these has not come. */
  stale = $state(false);
  /** Not everything was looked at. */
  more = $state(false);
  readonly #chat: string | undefined;
  readonly #self: () => string;
  #query = "";
  /** Of the search that counts; an older one is dropped with its next page. */
  #turn = 0;
  #next: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** chat: in it alone. self: what the self chat is called. */
  constructor(chat: string | undefined, self: () => string) {
    this.#chat = chat;
    this.#self = self;
  }

  /** Follow what happens to what was found; answers what ends it and the search. */
  start(): () => void {
    const end = listen((event) => {
      if (event.event !== "messages" || this.phase === "idle") return;
      if (this.messages.some(({ id }) => event.ids.includes(id))) this.#begin();
    });
    return () => {
      this.#turn += 1;
      clearTimeout(this.#timer);
      end();
    };
  }

  /** Look for this, after a moment. */
  look(query: string): void {
    this.#query = query.trim();
    this.#begin();
  }

  /** Go on where the search stopped. */
  async goOn(): Promise<void> {
    if (!this.more || this.phase === "searching") return;
    this.phase = "searching";
    await this.#read(this.#turn, this.#query);
  }

  #begin(): void {
    const turn = ++this.#turn;
    clearTimeout(this.#timer);
    this.error = undefined;
    if (this.#query === "") {
      this.#show([], [], []);
      this.more = false;
      this.phase = "idle";
      this.stale = false;
      return;
    }
    this.phase = "searching";
    this.stale = true;
    this.#timer = setTimeout(() => {
      this.#next = undefined;
      void this.#read(turn, this.#query, true);
    }, PAUSE_MS);
  }

  async #read(turn: number, query: string, fresh = false): Promise<void> {
    let first = fresh;
    const until = (fresh ? 0 : this.messages.length) + MESSAGES;
    try {
      do {
        const page = await call("search", {
          query,
          self: this.#self(),
          ...(this.#chat === undefined ? {} : { chat: this.#chat }),
          ...(this.#next === undefined ? {} : { from: this.#next }),
        });
        if (turn !== this.#turn) return;
        // What was found for the words before stays until there is something in its place.
        if (first) this.#show(page.chats, page.people, page.messages);
        else if (page.messages.length > 0) this.messages = [...this.messages, ...page.messages];
        first = this.stale = false;
        this.#next = page.next;
        this.more = page.next !== undefined;
        if (page.short) this.phase = "short";
      } while (this.#next !== undefined && this.messages.length < until);
      if (this.phase === "searching") this.phase = "done";
    } catch (problem) {
      if (turn !== this.#turn) return;
      this.error = codeOf(problem);
      this.stale = false;
      this.more = false;
      this.phase = "done";
    }
  }

  #show(chats: readonly FoundChat[], people: readonly FoundPerson[], messages: readonly FoundMessage[]): void {
    this.chats = chats;
    this.people = people;
    this.messages = messages;
  }
}
