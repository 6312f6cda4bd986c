/** Links that bring people together: ours to give away, and those that others gave us. */
import type { InvitePreview } from "../core/api.ts";
import { Press } from "./ask.svelte.ts";
import { call } from "./host.ts";

const DAY_MS = 86_400_000;

/** Our own link; with a registration code where the server asks newcomers for one. */
export class MyInvite {
  made = $state.raw<{ readonly url: string; readonly expires_at: number } | undefined>();
  /** The link lets a newcomer register. */
  withCode = $state(false);
  readonly press = new Press();

  /** The link made before, while it lasts a day more; a code in it is one of few, so none is made without need. */
  async ensure(now: number): Promise<void> {
    if (this.made === undefined || this.made.expires_at - now < DAY_MS) await this.make();
  }

  async make(): Promise<void> {
    const made = await this.press.run(async () => {
      const { registration } = await call("server_info");
      this.withCode = registration === "invite" || registration === "both";
      return call("make_invite", { with_code: this.withCode });
    });
    if (made !== undefined) this.made = made;
  }
}

/** One for the whole page: coming back to the screen shows the same link. */
export const myInvite = new MyInvite();

/** A link that was pasted, scanned or opened: first who it is, then, after a press, the chat with them. */
export class TheirInvite {
  text = $state("");
  preview = $state.raw<InvitePreview | undefined>();
  readonly press = new Press();

  /** Look at a link; nobody is added by it. */
  async look(text: string): Promise<void> {
    this.text = text.trim();
    this.preview = undefined;
    if (this.text === "") return;
    this.preview = await this.press.run(() => call("preview_invite", { text: this.text }));
  }

  /** Id of the chat with the person behind the link; undefined where it failed. */
  accept(): Promise<string | undefined> {
    return this.press.run(() => call("add_contact", { link: this.text }));
  }

  drop(): void {
    this.text = "";
    this.preview = undefined;
    this.press.error = undefined;
  }
}
