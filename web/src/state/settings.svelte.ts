/** Settings that the worker keeps: receipts, typing, notifications, what Enter does. */
import type { Settings } from "../core/api.ts";
import { browser, call, listen } from "./host.ts";

class AccountSettings {
  now = $state.raw<Settings>({ receipts: true, typing: true, notifications: false, enter_sends: true });
  #listening = false;

  /** Ask once and follow. May be called by every screen that shows them. */
  start(): void {
    if (this.#listening) return;
    this.#listening = true;
    listen(({ event }) => {
      if (event === "settings") void this.#ask();
    });
    void this.#ask();
  }

  async #ask(): Promise<void> {
    try {
      this.now = await call("settings");
    } catch {
      // The defaults hold until the worker answers.
    }
  }

  async set(change: Partial<Settings>): Promise<void> {
    this.now = await call("set_settings", change);
  }

  get notificationPermission(): "granted" | "denied" | "default" | "absent" {
    return browser().notificationPermission();
  }

  /** Ask the browser, then switch them on. False where the browser refused. */
  async switchNotifications(on: boolean): Promise<boolean> {
    if (on && !(await browser().askNotifications())) return false;
    await this.set({ notifications: on });
    return true;
  }
}

export const settings = new AccountSettings();
