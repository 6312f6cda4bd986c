/** Two shapes that most view models are made of: the answer of one call, and one press that may fail. */
import { codeOf } from "../i18n/errors.ts";

/** The answer of a call, asked again whenever something says that it changed. A failed refresh keeps the old answer. */
export class Ask<T> {
  value = $state.raw<T | undefined>();
  /** Code of the last refresh that failed. */
  error = $state<string | undefined>();
  /** Until the first answer or failure. */
  readonly loading = $derived(this.value === undefined && this.error === undefined);
  readonly #load: () => Promise<T>;
  #last = 0;

  constructor(load: () => Promise<T>) {
    this.#load = load;
  }

  /** Answers that were overtaken by a later refresh are dropped. */
  async refresh(): Promise<void> {
    const mine = ++this.#last;
    try {
      const value = await this.#load();
      if (mine !== this.#last) return;
      this.value = value;
      this.error = undefined;
    } catch (error) {
      if (mine === this.#last) this.error = codeOf(error);
    }
  }
}

/** Work that a press starts: never twice at once; what went wrong stays until the next press. */
export class Press {
  busy = $state(false);
  error = $state<string | undefined>();

  /** The work's answer; undefined where it failed (see `error`) or other work goes on. */
  async run<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.busy) return undefined;
    this.busy = true;
    this.error = undefined;
    try {
      return await work();
    } catch (error) {
      this.error = codeOf(error);
      return undefined;
    } finally {
      this.busy = false;
    }
  }

  /** Whether the work was done. */
  async done(work: () => Promise<unknown>): Promise<boolean> {
    return (await this.run(async () => (await work(), true))) === true;
  }
}
