/** What outlives this browser: the recovery key and its backup, restoring, the export, the end. Loaded when needed. */
import { parseKey, spellKey } from "../../protocol/identity/recovery.ts";
import type { Opening } from "../verbs/account.ts";
import type { Host } from "../verbs/handlers.ts";
import { learnServer } from "../verbs/reach.ts";
import { writeArchive } from "./archive.ts";
import * as backup from "./backup.ts";
import { endAccount } from "./ending.ts";
import { Renewing } from "./renewing.ts";
import { restore } from "./restoring.ts";
import { loadRecovery } from "./state.ts";
import type { RecoveryCalls, RecoveryView } from "./view.ts";

/** Calls of backups go on a lane of their own. */
const LANE = "backup";
/** A person who just made a key waits that long to hear that its backup is stored. */
const STORE_MS = 10_000;

type Args<N extends keyof RecoveryCalls> = Parameters<RecoveryCalls[N]>[0];

/** One leading device's. */
export class Kept {
  readonly #host: Host;
  readonly #opening: Opening;
  #renewing: Renewing | undefined;
  #restoring: Promise<void> | undefined;

  constructor(host: Host, opening: Opening) {
    this.#host = host;
    this.#opening = opening;
  }

  close(): void {
    this.#renewing?.close();
    this.#renewing = undefined;
  }

  get #backups() {
    return this.#host.way.callsApart(LANE);
  }

  /** An account is here: look after its backup from now on. */
  begin(): Renewing {
    this.#renewing ??= new Renewing({
      core: this.#host.core(),
      backups: this.#backups,
      changed: () => this.#host.emit({ event: "recovery" }),
      problem: (problem) => reportError(problem),
    });
    return this.#renewing;
  }

  async recovery(): Promise<RecoveryView> {
    return this.#host.core().look(async (look) => {
      const { state, stored_at, problem } = await loadRecovery(look.tx);
      const seed = await look.secrets.open("account-seed");
      const able = seed?.length === 32;
      seed?.fill(0);
      return { state, stored_at, problem, able, current: state !== "none" && (await backup.isCurrent(look)) };
    });
  }

  async show_recovery_key(): Promise<string> {
    return this.#move("show");
  }

  async rotate_recovery_key(): Promise<string> {
    return this.#move("rotate");
  }

  async #move(which: "show" | "rotate"): Promise<string> {
    const key = await this.#host.core().step(`recovery-${which}`, async (step) => {
      await backup.checkAble(step);
      return backup.move(step, which);
    });
    this.#host.emit({ event: "recovery" });
    const stored = this.begin().now();
    await Promise.race([stored, new Promise((resolve) => setTimeout(resolve, STORE_MS))]);
    return spellKey(key);
  }

  async confirm_recovery_key({ group, text }: Args<"confirm_recovery_key">): Promise<void> {
    await this.#host.core().step("recovery-confirm", (step) => backup.confirm(step, group, text));
    this.#host.emit({ event: "recovery" });
  }

  restore_account({ key, keep_devices }: Args<"restore_account">): Promise<void> {
    // Two presses make one device.
    this.#restoring ??= this.#restore(key, keep_devices).finally(() => (this.#restoring = undefined));
    return this.#restoring;
  }

  async #restore(text: string, keepDevices: boolean): Promise<void> {
    const key = parseKey(text);
    const host = this.#host;
    await learnServer(host, null);
    const { store, calls, server } = host;
    const where = { store, calls, server, backups: this.#backups, now: () => host.now() };
    await restore(where, key, keepDevices);
    await this.#opening.opened();
    this.begin();
    host.wake();
  }

  export_chats({ format, words }: Args<"export_chats">): Promise<Blob> {
    return writeArchive(this.#host.core(), format, words);
  }

  async delete_account(): Promise<void> {
    this.close();
    const { calls } = this.#host;
    const parts = { core: this.#host.core(), tokens: this.#host.tokens(), calls, backups: this.#backups };
    await endAccount({ ...parts, wake: () => this.#host.wake() });
    await this.#opening.ended();
  }
}
