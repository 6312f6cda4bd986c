/** App lock as its screens show it. A passphrase lives in the field alone, and goes to the worker. */
import type { LockAfter, LockKind, LockProof, LockView, NewWay } from "../../core/api.ts";
import { Press } from "../ask.svelte.ts";
import { browser, call } from "../host.ts";
import { eraseLocked } from "../push/door.ts";

export const AFTER: readonly LockAfter[] = [0, 1, 5, 15, 60];

export class AppLock {
  view = $state.raw<LockView>();
  /** Seconds until the next guess is looked at. */
  left = $state(0);
  readonly press = new Press();
  #until = 0;
  #ticking: ReturnType<typeof setInterval> | undefined;

  /** Whether a passkey can be asked here. */
  place = $state<"possible" | "address" | "absent">();

  /** Ask how it stands. */
  load(): Promise<boolean> {
    void browser()
      .openPasskeys()
      .then(({ findPlace }) => findPlace())
      .then(
        (place) => (this.place = place),
        () => (this.place = "absent"),
      );
    return this.#ask(() => call("lock"));
  }

  unlock(passphrase?: string): Promise<boolean> {
    return this.press.done(() => this.#guess(async () => call("unlock", { proof: await this.#prove(passphrase) })));
  }

  switchOn(passphrase: string | undefined, after_min: LockAfter): Promise<boolean> {
    return this.#ask(async () => call("lock_on", { way: await this.#make(passphrase), after_min }));
  }

  /** A passphrase as a way to open it, or another one; without one, a passkey. present: the passphrase so far. */
  setWay(next: string | undefined, present?: string): Promise<boolean> {
    return this.#ask(async () => call("lock_set", { proof: await this.#prove(present), way: await this.#make(next) }));
  }

  drop(kind: LockKind, present?: string): Promise<boolean> {
    return this.#ask(async () => call("lock_drop", { proof: await this.#prove(present), kind }));
  }

  setAfter(after_min: LockAfter): Promise<boolean> {
    return this.#ask(() => call("lock_after", { after_min }));
  }

  switchOff(passphrase?: string): Promise<boolean> {
    return this.#ask(async () => call("lock_off", { proof: await this.#prove(passphrase) }));
  }

  erase(): Promise<boolean> {
    return this.press.done(eraseLocked);
  }

  /** The screen is gone. */
  end(): void {
    clearInterval(this.#ticking);
  }

  /** The passphrase, or else what the passkey answers. */
  async #prove(passphrase: string | undefined): Promise<LockProof> {
    if (passphrase !== undefined) return { kind: "passphrase", passphrase };
    const { credential = "", salt = "" } = this.view?.passkey ?? {};
    const { askPasskey } = await browser().openPasskeys();
    return { kind: "passkey", prf: await askPasskey(credential, salt) };
  }

  async #make(passphrase: string | undefined): Promise<NewWay> {
    if (passphrase !== undefined) return { kind: "passphrase", passphrase };
    const { makePasskey } = await browser().openPasskeys();
    return { kind: "passkey", ...(await makePasskey("Zajil")) };
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
