/** App lock as its screens show it. A passphrase lives in the field alone, and goes to the worker. */
import type { LockAfter, LockView } from "../../core/api.ts";
import { Press } from "../ask.svelte.ts";
import { call } from "../host.ts";

export const AFTER: readonly LockAfter[] = [0, 1, 5, 15, 60];

export class AppLock {
  view = $state.raw<LockView>();
  /** Seconds until the next guess is looked at. */
  left = $state(0);
  readonly press = new Press();
  #until = 0;
  #ticking: ReturnType<typeof setInterval> | undefined;

  /** Ask how it stands. */
  load(): Promise<boolean> {
    return this.#ask(() => call("lock"));
  }

  unlock(passphrase: string): Promise<boolean> {
    return this.press.done(() => this.#guess(() => call("unlock", { passphrase })));
  }

  switchOn(passphrase: string, after_min: LockAfter): Promise<boolean> {
    return this.#ask(() => call("lock_on", { passphrase, after_min }));
  }

  change(passphrase: string, next: string): Promise<boolean> {
    return this.#ask(() => call("lock_change", { passphrase, next }));
  }

  setAfter(after_min: LockAfter): Promise<boolean> {
    return this.#ask(() => call("lock_after", { after_min }));
  }

  switchOff(passphrase: string): Promise<boolean> {
    return this.#ask(() => call("lock_off", { passphrase }));
  }

  erase(): Promise<boolean> {
    return this.press.done(() => call("lock_erase"));
  }

  /** The screen is gone. */
  end(): void {
    clearInterval(this.#ticking);
  }

  #ask(ask: () => Promise<LockView>): Promise<boolean> {
    return this.press.done(() =>
      this.#guess(async () => {
        this.view = await ask();
        this.#wait(this.view.wait_ms);
      }),
    );
  }

  async #guess(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (problem) {
      const { failure } = problem as { failure?: { retry_ms?: number } };
      this.#wait(failure?.retry_ms ?? 0);
      throw problem;
    }
  }

  #wait(ms: number): void {
    clearInterval(this.#ticking);
    this.#until = Date.now() + ms;
    this.#tick();
    if (this.left > 0) this.#ticking = setInterval(() => this.#tick(), 250);
  }

  #tick(): void {
    this.left = Math.max(0, Math.ceil((this.#until - Date.now()) / 1_000));
    if (this.left > 0) return;
    clearInterval(this.#ticking);
    if (this.press.error === "slow-down") this.press.error = undefined;
  }
}

/** Closes it in all tabs. */
export function lockNow(): Promise<void> {
  return call("lock_now");
}
