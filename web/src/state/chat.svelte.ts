/** One chat on screen: its head, a window of its messages that grows both ways, and what can be done in it. */
import type {
  ChatView,
  CoreEvent,
  MessageDetails,
  MessageView,
  OutFile,
  ReportDraft,
  ReportReason,
  ReportResult,
  UploadView,
} from "../core/api.ts";
import { codeOf } from "../i18n/errors.ts";
import { finding } from "./finding.svelte.ts";
import { call, listen } from "./host.ts";
import { session } from "./session.svelte.ts";

const PAGE = 60;
/** More changes than this at once, and the window is read again as a whole. */
const SINGLE = 12;
const MOST = 1000;
const TYPING_EVERY_MS = 4000;

export interface MentionRange {
  readonly start: number;
  readonly end: number;
  readonly account: string;
}

export class OpenChat {
  readonly id: string;
  view = $state.raw<ChatView>();
  /** Oldest first, no holes. */
  messages = $state.raw<readonly MessageView[]>([]);
  /** Messages whose files are still going out, the first one first. */
  uploads = $state.raw<readonly UploadView[]>([]);
  loaded = $state(false);
  error = $state<string>();
  /** The window reaches the first, the newest message. */
  atStart = $state(false);
  atEnd = $state(true);
  /** Where the unread ones began when the chat was opened. */
  firstUnread = $state<string>();
  #work: Promise<void> = Promise.resolve();
  #read = 0;
  #typed = 0;
  #ended = false;

  constructor(id: string) {
    this.id = id;
  }

  /** Load, and follow changes; answers what ends it. */
  start(): () => void {
    const end = listen((event) => {
      if (event.event === "messages" && event.chat === this.id) void this.#inTurn(() => this.#changed(event.ids));
      else if (event.event === "chat" && event.chat === this.id) void this.look();
      else if (event.event === "contacts") void this.look();
      else if (event.event === "uploads" && event.chat === this.id) void this.#inTurn(() => this.#waiting());
      else if (event.event === "history" && event.progress.state === "done" && event.progress.way === "in")
        void this.#inTurn(() => this.#newest());
      else if (event.event === "file" && event.chat === this.id) this.#moved(event);
    });
    void this.#inTurn(() => this.#open());
    return () => {
      this.#ended = true;
      end();
    };
  }

  /** One change of the window at a time, in order. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(async () => {
      if (this.#ended) return;
      try {
        await work();
      } catch (error) {
        if (!this.loaded) this.error = codeOf(error);
      }
    });
    return this.#work;
  }

  async #open(): Promise<void> {
    this.view = await call("chat", { id: this.id });
    this.firstUnread = this.view.first_unread;
    if (finding.at?.chat === this.id && (await this.#opensAt(finding.at.message))) return;
    if (this.firstUnread !== undefined) await this.#window(this.firstUnread);
    else await this.#newest();
    if (this.view.unread === 0) this.#read = this.messages.at(-1)?.n ?? 0;
    await this.#waiting();
    this.loaded = true;
  }

  /** Begin at a message that was found; false where it is not there any more. */
  async #opensAt(message: string): Promise<boolean> {
    try {
      await this.#window(message);
    } catch {
      // It went meanwhile.
    }
    if (!this.#holds(message)) {
      finding.at = undefined;
      return false;
    }
    await this.#waiting();
    this.loaded = true;
    return true;
  }

  async #waiting(): Promise<void> {
    this.uploads = await call("uploads", { chat: this.id });
  }

  /** How far an upload is, without asking for all of them again. */
  #moved({ id, done, whole, state, code }: Extract<CoreEvent, { event: "file" }>): void {
    if (state !== "sends" && state !== "waits") return;
    this.uploads = this.uploads.map((upload) => {
      if (upload.id !== id) return upload;
      const { code: _before, ...rest } = upload;
      return { ...rest, done, whole, state, ...(code === undefined ? {} : { code }) };
    });
  }

  /** Ask again how the chat stands. */
  async look(): Promise<void> {
    try {
      this.view = await call("chat", { id: this.id });
    } catch (error) {
      this.error = codeOf(error);
    }
  }

  async #newest(): Promise<void> {
    this.messages = await call("messages", { chat: this.id, limit: PAGE });
    this.atStart = this.messages.length < PAGE;
    this.atEnd = true;
  }

  async #window(around: string): Promise<void> {
    this.messages = await call("messages", { chat: this.id, around, limit: PAGE });
    this.atStart = this.atEnd = false;
    await this.#more("before");
    await this.#more("after");
  }

  /** Ask beyond an end of the window. */
  async #more(side: "before" | "after"): Promise<void> {
    const edge = side === "before" ? this.messages[0] : this.messages.at(-1);
    if (!edge) return;
    const more = await call("messages", { chat: this.id, [side]: edge.n, limit: PAGE });
    const fresh = more.filter(({ id }) => !this.#holds(id));
    if (side === "before") {
      if (more.length < PAGE) this.atStart = true;
      if (fresh.length > 0) this.messages = [...fresh, ...this.messages];
    } else {
      if (more.length < PAGE) this.atEnd = true;
      if (fresh.length > 0) this.messages = [...this.messages, ...fresh];
    }
  }

  older(): Promise<void> {
    return this.atStart ? Promise.resolve() : this.#inTurn(() => this.#more("before"));
  }

  newer(): Promise<void> {
    return this.atEnd ? Promise.resolve() : this.#inTurn(() => this.#more("after"));
  }

  /** Move the window so that it holds a message. False where the core does not know it. */
  async reach(id: string): Promise<boolean> {
    if (this.#holds(id)) return true;
    await this.#inTurn(async () => {
      const before = this.messages;
      await this.#window(id);
      if (!this.#holds(id)) this.messages = before;
    });
    return this.#holds(id);
  }

  async toEnd(): Promise<void> {
    if (!this.atEnd) await this.#inTurn(() => this.#newest());
  }

  #holds(id: string): boolean {
    return this.messages.some((message) => message.id === id);
  }

  async #changed(ids: readonly string[]): Promise<void> {
    const known = ids.filter((id) => this.#holds(id));
    if (known.length > 0) await this.#refresh(known);
    if (known.length < ids.length && this.atEnd) {
      if (this.messages.length === 0) await this.#newest();
      else {
        this.atEnd = false;
        while (!this.atEnd && !this.#ended) await this.#more("after");
      }
    }
  }

  async #refresh(ids: readonly string[]): Promise<void> {
    const first = this.messages[0];
    if (!first) return;
    const views = ids.length > SINGLE ? undefined : await this.#each(ids);
    if (!views) {
      const limit = Math.min(this.messages.length + PAGE, MOST);
      this.messages = await call("messages", { chat: this.id, after: first.n - 1, limit });
      return;
    }
    const renewed = this.messages.map((held) => views.find(({ id }) => id === held.id) ?? held);
    this.messages = renewed.sort((a, b) => a.n - b.n);
  }

  /** Undefined where one of them is gone. */
  async #each(ids: readonly string[]): Promise<readonly MessageView[] | undefined> {
    try {
      const found = await Promise.all(ids.map((id) => call("message", { chat: this.id, id })));
      return found.map(({ message }) => message);
    } catch {
      return undefined;
    }
  }

  details(id: string): Promise<MessageDetails> {
    return call("message", { chat: this.id, id });
  }

  /** What a report of this message would send. */
  draftReport(id: string): Promise<ReportDraft> {
    return call("report_draft", { chat: this.id, ids: [id] });
  }

  report(id: string, what: { reason: ReportReason; note: string; complaint: boolean }): Promise<ReportResult> {
    return call("report", { chat: this.id, ids: [id], ...what });
  }

  /** Everything up to this message has been seen. */
  markRead(message: MessageView): void {
    if (message.n <= this.#read || !this.view) return;
    this.#read = message.n;
    if (!message.own) void call("mark_read", { chat: this.id, id: message.id }).catch(() => undefined);
  }

  /** Id of the new message; rejects where nothing was stored. */
  async send(text: string, reply: string | undefined, mentions: readonly MentionRange[]): Promise<string> {
    this.firstUnread = undefined;
    const id = await call("send", {
      chat: this.id,
      text,
      ...(reply === undefined ? {} : { reply_to: reply }),
      ...(mentions.length === 0 ? {} : { mentions }),
    });
    session.persistSoon();
    return id;
  }

  /** Id of the upload, once all of it is stored here. */
  async sendFiles(
    files: readonly OutFile[],
    text: string,
    reply: string | undefined,
    mentions: readonly MentionRange[],
  ): Promise<string> {
    this.firstUnread = undefined;
    const { id } = await call("send_files", {
      chat: this.id,
      files,
      text,
      ...(reply === undefined ? {} : { reply_to: reply }),
      ...(mentions.length === 0 ? {} : { mentions }),
    });
    session.persistSoon();
    return id;
  }

  /** An upload is not sent after all. */
  withdraw(id: string): Promise<void> {
    return call("withdraw_files", { id });
  }

  hurryFiles(): Promise<void> {
    return call("hurry_files");
  }

  edit(id: string, text: string): Promise<void> {
    return call("edit", { chat: this.id, id, text });
  }

  erase(id: string, whose: "me" | "all"): Promise<void> {
    return call("delete_message", { chat: this.id, id, for: whose });
  }

  /** The same emoji again takes it back. */
  react(message: MessageView, emoji: string): Promise<void> {
    const taken = message.reactions.some((reaction) => reaction.own && reaction.emoji === emoji);
    return call("react", { chat: this.id, id: message.id, emoji: taken ? null : emoji });
  }

  retry(id: string): Promise<void> {
    return call("retry", { chat: this.id, id });
  }

  rejoin(): Promise<void> {
    return call("rejoin", { chat: this.id });
  }

  /** Hear the other side of a DM again. */
  async unblock(): Promise<void> {
    const account = this.view?.peer;
    if (account !== undefined) await call("set_blocked", { account, blocked: false });
  }

  /** Somebody types here: told at most once per 4 s. */
  typing(): void {
    const now = Date.now();
    if (now - this.#typed < TYPING_EVERY_MS) return;
    this.#typed = now;
    void call("typing", { chat: this.id }).catch(() => undefined);
  }

  /** left: whoever writes is done for now. */
  keepDraft(text: string, reply: string | undefined, left: boolean): void {
    const draft = { chat: this.id, text, left, ...(reply === undefined ? {} : { reply_to: reply }) };
    void call("set_draft", draft).catch(() => undefined);
  }
}
