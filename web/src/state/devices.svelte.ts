/** The account's devices, and the linking of a further one from here. */
import type { Answer, DeviceView } from "../core/api.ts";
import { Ask, Press } from "./ask.svelte.ts";
import { call, listen } from "./host.ts";

export class Devices {
  readonly list: Ask<readonly DeviceView[]>;

  constructor() {
    this.list = new Ask(() => call("devices"));
  }

  listen(): () => void {
    void this.list.refresh();
    return listen(({ event }) => {
      if (event === "devices") void this.list.refresh();
    });
  }
}

/** A code from a new device: first what it is, then, after an explicit Yes, its approval. */
export class LinkOther {
  code = $state("");
  offer = $state.raw<Answer<"preview_link"> | undefined>();
  /** Whether the new device gets what this one shows in its chats. */
  history = $state(true);
  /** What became of it and of the history, once the new device is in. */
  linked = $state.raw<Answer<"approve_link"> | undefined>();
  readonly press = new Press();

  /** Look at a code that was scanned or pasted; nothing is approved by it. Another one meanwhile counts for nothing. */
  async look(code: string): Promise<void> {
    if (this.press.busy) return;
    this.code = code.trim();
    this.offer = await this.press.run(() => call("preview_link", { code: this.code }));
  }

  /** The Yes. */
  async approve(): Promise<void> {
    const { code, history } = this;
    this.linked = await this.press.run(() => call("approve_link", { code, history }));
    if (this.linked === undefined) this.offer = undefined;
  }

  /** Drop the code. */
  refuse(): void {
    this.code = "";
    this.offer = undefined;
    this.press.error = undefined;
  }
}
