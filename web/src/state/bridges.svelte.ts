/** Private bridges: those that somebody gave us, and links with some to give away. */
import type { BridgesPreview } from "../core/api.ts";
import { Press } from "./ask.svelte.ts";
import { call } from "./host.ts";

/** Whether a pasted or scanned text is meant as bridges. */
export function isBridgeLink(text: string): boolean {
  return /^\s*(zajil:|\S+\/b#)/.test(text);
}

/** Bridges that were pasted, scanned or opened: first what they are, then, after a press, kept. */
export class TheirBridges {
  text = $state("");
  preview = $state.raw<BridgesPreview | undefined>();
  readonly press = new Press();

  /** Look at a link; nothing is changed by it. */
  async look(text: string): Promise<void> {
    this.text = text.trim();
    this.preview = undefined;
    if (this.text === "") return;
    this.preview = await this.press.run(() => call("preview_bridges", { text: this.text }));
  }

  /** How many were added; undefined where it failed. */
  async add(): Promise<number | undefined> {
    return (await this.press.run(() => call("add_bridges", { text: this.text })))?.added;
  }

  drop(): void {
    this.text = "";
    this.preview = undefined;
    this.press.error = undefined;
  }
}

/** A link to give away. Each takes one of few, so none is made without a press. */
class MyBridges {
  made = $state.raw<{ readonly link: string; readonly left?: number } | undefined>();
  readonly press = new Press();

  async make(): Promise<void> {
    this.made = (await this.press.run(() => call("share_bridges"))) ?? this.made;
  }
}

/** One for the whole page: coming back to the screen shows the same link. */
export const myBridges = new MyBridges();

export function removeBridges(press: Press): Promise<boolean> {
  return press.done(() => call("remove_bridges"));
}
