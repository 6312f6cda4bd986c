/** The call of this browser while another tab has it: the one that leads tells, and the others show it and may end it. */
import type { TabCall, Tabs } from "../platform/browser.ts";
import { browser, call } from "./host.ts";

class CallElsewhere {
  /** Of the tab that leads; undefined there, and while there is none. */
  call = $state.raw<TabCall>();
  /** Of its chat; empty while it is not known. */
  title = $state("");
  #tabs: Tabs | undefined;
  #told: TabCall | null = null;

  /** This tab leads. end: the others ask for the end of that call. Answers what ends it. */
  lead(end: (call: string) => void): () => void {
    return this.#open((tabs) => {
      const tell = (): void => tabs.say({ word: "call", call: this.#told });
      // The one that led before may have left in the middle of a call.
      tell();
      return (word) => {
        if (word.word === "what") tell();
        else if (word.word === "end") end(word.call);
      };
    });
  }

  /** Another tab leads. Answers what ends it. */
  follow(): () => void {
    return this.#open((tabs) => {
      tabs.say({ word: "what" });
      return (word) => {
        if (word.word === "call") this.#take(word.call);
      };
    });
  }

  #open(begin: (tabs: Tabs) => Parameters<ReturnType<typeof browser>["openTabs"]>[0]): () => void {
    let hear: ReturnType<typeof begin> = () => undefined;
    const tabs = browser().openTabs((word) => hear(word));
    this.#tabs = tabs;
    hear = begin(tabs);
    return () => {
      tabs.close();
      this.#tabs = this.call = undefined;
    };
  }

  /** What there is in the tab that leads. */
  tell(now: TabCall | null): void {
    if (JSON.stringify(now) === JSON.stringify(this.#told)) return;
    this.#told = now;
    this.#tabs?.say({ word: "call", call: now });
  }

  #take(now: TabCall | null): void {
    if (now && now.chat !== this.call?.chat) {
      this.title = "";
      void call("chat", { id: now.chat }).then(
        ({ id, title }) => {
          if (this.call?.chat === id) this.title = title;
        },
        () => undefined,
      );
    }
    this.call = now ?? undefined;
  }

  /** Decline it, or hang up. */
  end(): void {
    if (this.call) this.#tabs?.say({ word: "end", call: this.call.call });
  }
}

export const elsewhere = new CallElsewhere();
