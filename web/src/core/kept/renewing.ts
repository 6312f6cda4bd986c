/**
 * Keeps the backup at the server as it should be: one call at a time, on sessions that carry nothing else, soon after
 * what it holds changed, and later each time where it could not be made. Nothing waits for it.
 */
import { BACKUP, DELETE_BACKUP, PUT_BACKUP } from "../../protocol/backups/wire.ts";
import { Conflict, Unreachable, ZajilError } from "../../protocol/errors.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import type { Core } from "../rules/core.ts";
import type { Calls } from "../shell/calls.ts";
import * as backup from "./backup.ts";
import type { BackupWant } from "./backup.ts";

const RETRY_S = [1, 2, 4, 8, 16, 30, 60];
/** Several changes in a row make one backup. */
const SETTLE_MS = 300;
/** So often it is looked after without any sign of a change. */
const AT_LEAST_MS = 60_000;

export interface RenewingParts {
  readonly core: Core;
  /** Makes the calls that are not to be seen beside those of the account. */
  readonly backups: Calls;
  /** How the backup stands changed. */
  changed(): void;
  problem(problem: unknown): void;
}

export class Renewing {
  readonly #parts: RenewingParts;
  readonly #end: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #failures = 0;
  #notBefore = 0;

  constructor(parts: RenewingParts) {
    this.#parts = parts;
    this.#end = parts.core.onTold(() => this.#plan(SETTLE_MS));
    this.#plan(0);
  }

  close(): void {
    this.#closed = true;
    this.#end();
    clearTimeout(this.#timer);
  }

  /** Look after it now, whatever was put off. Resolves when there is nothing more to do, or it has to wait. */
  now(): Promise<void> {
    this.#notBefore = 0;
    return this.#run();
  }

  #plan(ms: number): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    const wait = Math.max(ms, this.#notBefore - performance.now());
    this.#timer = setTimeout(() => void this.#run(), wait);
  }

  #run(): Promise<void> {
    if (this.#running) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#turns().finally(() => {
      this.#running = undefined;
      this.#plan(AT_LEAST_MS);
    });
    return this.#running;
  }

  async #turns(): Promise<void> {
    const { core, changed, problem: tell } = this.#parts;
    try {
      for (;;) {
        this.#again = false;
        const want = this.#closed ? undefined : await core.look((look) => backup.findWant(look));
        if (want) {
          await (want.want === "backup" ? this.#store(want) : this.#forget(want));
          this.#failures = 0;
          changed();
        } else if (!this.#again) return;
      }
    } catch (problem) {
      if (this.#closed) return;
      if (!(problem instanceof ZajilError)) return tell(problem);
      this.#failures += 1;
      const pause = problem.retryMs ?? 1000 * (RETRY_S[Math.min(this.#failures, RETRY_S.length) - 1] ?? 60);
      this.#notBefore = performance.now() + pause;
      // That nobody answers is told by the way to the server.
      if (!(problem instanceof Unreachable))
        await core.step("backup", (step) => backup.noteProblem(step, problem.code));
      changed();
    }
  }

  /** Without an account and apart from its calls: the server is not to learn whose the backup is. */
  async #store(want: BackupWant): Promise<void> {
    const { core, backups } = this.#parts;
    const sealed = await core.step("seal-backup", (step) => backup.seal(step, want));
    if (!sealed) return;
    const parameters = { locator: encodeB64(sealed.locator) };
    try {
      await backups.call(PUT_BACKUP, { request: { ...sealed.request }, parameters });
    } catch (problem) {
      if (!(problem instanceof Conflict) || problem.code !== "stale-backup") throw problem;
      const stored = await backups.call(BACKUP, { parameters });
      await core.step("newer-backup", (step) => backup.takeNewer(step, want, stored, sealed.request.version));
      return;
    }
    await core.step("backed-up", (step) => backup.takeStored(step, want, sealed));
  }

  async #forget({ key }: BackupWant): Promise<void> {
    const { locator, request } = await backup.deletion(key);
    await this.#parts.backups.call(DELETE_BACKUP, { request, parameters: { locator: encodeB64(locator) } });
    await this.#parts.core.step("forgotten", (step) => backup.takeForgotten(step, key));
  }
}
