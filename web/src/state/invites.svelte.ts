/** Links that bring people together: ours to give away, and those that others gave us. */
import type { InvitePreview, OwnInvite } from "../core/api.ts";
import { Ask, Press } from "./ask.svelte.ts";
import { call, listen } from "./host.ts";

export type { OwnInvite } from "../core/api.ts";

const DAY_MS = 86_400_000;

/** Our own links: the one that the page shows at once, and all that still admit somebody. */
export class MyInvites {
  /** The one for several people; with a registration code where the server asks newcomers for one. */
  made = $state.raw<OwnInvite | undefined>();
  /** Whether there is one was asked. */
  asked = $state(false);
  /** The one that admits nobody, once it was made. */
  asking = $state.raw<{ readonly url: string; readonly expires_at: number } | undefined>();
  readonly list = new Ask<readonly OwnInvite[]>(() => call("invites"));
  readonly press = new Press();

  /** The link made before, while it lasts a day more; a code in it is one of few, so none is made without need. */
  async ensure(now: number): Promise<void> {
    this.press.error = undefined;
    await this.list.refresh();
    if (this.list.error === undefined) this.made = this.list.value?.find((one) => isGood(one, now));
    if (this.made === undefined) await this.make("many");
    this.asked = true;
  }

  /** Follow changes; answers what ends it. */
  listen(): () => void {
    return listen(({ event }) => {
      if (event === "contacts") void this.list.refresh();
    });
  }

  /** The new link; undefined where it failed. */
  async make(kind: "many" | "once"): Promise<OwnInvite | undefined> {
    const made = await this.press.run(async () => {
      const { registration } = await call("server_info");
      const with_code = registration === "invite" || registration === "both";
      return call("make_invite", { kind, with_code });
    });
    if (made !== undefined && kind === "many") this.made = made;
    if (made !== undefined) await this.list.refresh();
    return made;
  }

  async makeRequestLink(): Promise<void> {
    this.asking = (await this.press.run(() => call("make_request_link"))) ?? this.asking;
  }

  /** Whether the link admits nobody any more. */
  async revoke(id: string): Promise<boolean> {
    const done = await this.press.done(() => call("revoke_invite", { id }));
    if (done && this.made?.id === id) this.made = undefined;
    await this.list.refresh();
    return done;
  }
}

/** Whether it can be shown again: somebody may have registered with the code of one that was used. */
function isGood(one: OwnInvite, now: number): boolean {
  const fresh = one.code !== true || one.left === one.uses;
  return one.kind === "many" && one.url !== undefined && fresh && one.expires_at - now >= DAY_MS;
}

/** One for the whole page: coming back to the screen shows the same link. */
export const myInvites = new MyInvites();

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
