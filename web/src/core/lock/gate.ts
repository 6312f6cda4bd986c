/**
 * What leads: the device, or, under app lock, nobody until somebody opens it (design/web.md 3 and 4).
 *
 * A closed gate holds no key and no store: whoever takes the lead of a locked profile finds it closed. Closing ends the
 * device; each tab is told, drops what it shows and starts another worker, so that no memory of this one stays either.
 */
import { error, ZajilError } from "../../protocol/errors.ts";
import type { CallName, CoreEvent, Status } from "../api.ts";
import { Device, type DeviceParts } from "../device.ts";
import { once } from "../lazy.ts";
import type { Leading } from "../lead.ts";
import type { Kek } from "../store/index.ts";
import type { Gated } from "./lock.ts";
import type { KekShare, Presence } from "./share.ts";
import type { LockCalls, LockView } from "./view.ts";

const NAMES: ReadonlySet<string> = new Set<keyof LockCalls>([
  ...(["lock", "unlock", "lock_on", "lock_set", "lock_drop", "lock_after", "lock_off"] as const),
  ...(["lock_now", "lock_touch", "lock_erase"] as const),
]);

/** One profile, whether it is open or not. */
export class Gate implements Leading, Gated {
  state: LockView["state"] = "off";
  device: Device | undefined;
  readonly now: () => number;
  readonly profile: string;
  readonly #parts: DeviceParts;
  /** Counts openings and closings: what an ended device still says is not heard. */
  #turn = 0;
  readonly #lock = once(
    () => import("./lock.ts"),
    ({ AppLock }) => new AppLock(this),
  );

  readonly #share: KekShare;

  private constructor(parts: DeviceParts, share: KekShare) {
    this.#share = share;
    this.#parts = parts;
    this.profile = parts.profile;
    this.now = parts.now ?? (() => Date.now());
  }

  /** Take the lead of a profile. Throws what `Device.lead` throws, but for `app-locked`: that gate is closed. */
  static async lead(parts: DeviceParts, share: KekShare): Promise<Gate> {
    const gate = new Gate(parts, share);
    const shared = share.kekAt(gate.now());
    try {
      // A KEK of a lock that is another by now opens nothing: then as if there were none.
      if (shared === undefined || (await isRefused(gate.open(shared), "home-damaged"))) await gate.open(undefined);
    } catch (problem) {
      if (codeOf(problem) !== "app-locked") throw problem;
      gate.state = "closed";
      share.tell(undefined);
    }
    return gate;
  }

  /** kek: of a lock that is on. Throws what `Device.lead` throws. */
  async open(kek: Kek | undefined): Promise<void> {
    const turn = ++this.#turn;
    const before = this.state;
    this.state = kek === undefined ? "off" : "open";
    const here = (): boolean => turn === this.#turn;
    try {
      this.device = await Device.lead({
        ...this.#parts,
        emit: (event) => {
          if (here()) this.emit(event);
        },
        end: (reason) => {
          if (here()) this.#parts.end(reason);
        },
        ...(kek === undefined ? {} : { kek }),
      });
    } catch (problem) {
      this.state = before;
      throw problem;
    }
    this.#share.tell(kek);
    if (this.state === "open") void this.#lock().then((lock) => lock.watch());
  }

  /** End the device and tell every tab. */
  close(): void {
    this.#turn += 1;
    this.state = "closed";
    this.#share.tell(undefined);
    this.device?.stop();
    this.device = undefined;
    this.emit({ event: "status", status: this.#closedStatus() });
  }

  /** What a tab hears of the device says how the lock stands. */
  emit(event: CoreEvent): void {
    this.#parts.emit(event.event === "status" ? { event: "status", status: this.#locked(event.status) } : event);
  }

  get presence(): Presence | undefined {
    return this.#share.presence;
  }

  set presence(presence: Presence | undefined) {
    this.#share.note(presence);
  }

  keep(kek: Kek | undefined): void {
    this.#share.tell(kek);
  }

  erased(): void {
    this.#parts.end("erased");
  }

  async call(name: CallName, args: unknown): Promise<unknown> {
    if (NAMES.has(name)) {
      const lock = await this.#lock();
      // The page's link is typed by api.ts, and so is the table: a name has its own arguments.
      return (lock.verbs[name as keyof LockCalls] as (args: unknown) => Promise<unknown>)(args);
    }
    if (this.device === undefined) {
      if (name !== "status") throw error("app-locked");
      return this.#closedStatus();
    }
    const answer = await this.device.call(name, args);
    return name === "status" ? this.#locked(answer as Status) : answer;
  }

  stop(): void {
    this.#turn += 1;
    this.#share.leave();
    this.device?.stop();
    this.device = undefined;
  }

  #locked(status: Status): Status {
    return this.state === "off" ? status : { ...status, lock: this.state };
  }

  #closedStatus(): Status {
    return this.#locked(Device.stoppedStatus({ phase: "leading" }, this.now()));
  }
}

function codeOf(problem: unknown): string {
  return problem instanceof ZajilError ? problem.code : "";
}

async function isRefused(work: Promise<void>, code: string): Promise<boolean> {
  try {
    await work;
    return false;
  } catch (problem) {
    if (codeOf(problem) !== code) throw problem;
    return true;
  }
}
