/** The recovery key on screen: how it stands, the key itself while it is looked at, and one group asked back. */
import type { RecoveryView } from "../../core/api.ts";
import { Ask, Press } from "../ask.svelte.ts";
import { browser, call, listen } from "../host.ts";

export class RecoveryKey {
  readonly view: Ask<RecoveryView>;
  readonly press = new Press();
  /** 8 groups of 4 with dashes, while it is shown. */
  key = $state<string>();
  /** Number, from 0, of the group that is asked back. */
  asked = $state<number>();
  /** What was typed is not what stands there. */
  wrong = $state(false);

  constructor() {
    this.view = new Ask(() => call("recovery"));
  }

  listen(): () => void {
    void this.view.refresh();
    return listen(({ event }) => {
      if (event === "recovery") void this.view.refresh();
    });
  }

  async show(): Promise<void> {
    this.key = await this.press.run(() => call("show_recovery_key"));
    this.asked = undefined;
  }

  async rotate(): Promise<boolean> {
    const key = await this.press.run(() => call("rotate_recovery_key"));
    if (key !== undefined) {
      this.key = key;
      this.asked = undefined;
    }
    return key !== undefined;
  }

  hide(): void {
    this.key = undefined;
    this.asked = undefined;
  }

  /** Ask for a group, another one than before. */
  ask(): void {
    this.key = undefined;
    this.wrong = false;
    const others = [0, 1, 2, 3, 4, 5, 6, 7].filter((group) => group !== this.asked);
    this.asked = others[Math.floor(Math.random() * others.length)] ?? 0;
  }

  /** Whether the group is right. */
  async confirm(text: string): Promise<boolean> {
    const group = this.asked ?? 0;
    this.wrong = false;
    const right = await this.press.done(() => call("confirm_recovery_key", { group, text }));
    this.wrong = this.press.error === "bad-recovery-key";
    if (right) this.hide();
    return right;
  }
}

/** Where the page came from: what a person types into a browser, or after `--server`. */
export function serverAddress(): string {
  return browser().address();
}
