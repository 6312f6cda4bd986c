/**
 * Runs one device: R for receiving, S for sending, control calls, timers; twin of zajil.client.shell.runner.
 *
 * Everything durable is in the core; whatever is lost here, cut off or repeated, the core and the server sort out. A
 * turn looks after what is there to do. Turns follow steps that told something, answers, and the next deadline.
 */
import { error, ZajilError } from "../../protocol/errors.ts";
import type { Ready, Send } from "../../protocol/frames.ts";
import type { Core } from "../rules/core.ts";
import type { Carriers } from "./carriers.ts";
import type { Calls } from "./calls.ts";
import { steady } from "./connection.ts";
import { Errands } from "./errands.ts";
import type { Tokens } from "./login.ts";
import { browserNetwork, type Network } from "./network.ts";
import { Receiver } from "./receiver.ts";
import { Sender } from "./sender.ts";

/** Calls and deadlines that were put off come due without any change of the store. */
const LOOK_AGAIN_MS = 500;
/** A turn comes at least that often: what was overlooked is late, not lost. */
const AT_LEAST_MS = 30_000;
const DAY_MS = 86_400_000;

export interface RunnerParts {
  readonly carriers: Carriers;
  /** Whether the server answers the receiving session, where that changed. */
  session(now: SessionState): void;
  /** The oldest client that the server still talks to, as READY says. */
  minClient(version: number): void;
  /** Unix milliseconds of the server's clock. */
  serverClock(ms: number): void;
  /** What went wrong, to be shown or acted on: `lost-lead`, `storage-full`, `device-revoked`, refusals, bugs. */
  problem(problem: unknown): void;
  readonly network?: Network;
}

/** How the receiving session stands. locked: this device neither receives nor sends. last_ok_at: Unix ms. */
export interface SessionState {
  readonly connected: boolean;
  readonly locked: boolean;
  readonly round_trip_ms?: number;
  readonly last_ok_at?: number;
}

/** Started once, runs until closed. */
export class Runner {
  readonly #core: Core;
  readonly #parts: RunnerParts;
  readonly #receiver: Receiver;
  readonly #sender: Sender;
  readonly #errands: Errands;
  readonly #network: Network;
  #ends: (() => void)[] = [];
  #phase: "new" | "running" | "closed" = "new";
  #turning = false;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wakeAt = 0;
  #errandsRunning = false;
  #locked = false;
  #dailyAt = 0;
  #shown: SessionState = { connected: false, locked: false };

  constructor(core: Core, calls: Calls, tokens: Tokens, parts: RunnerParts) {
    this.#core = core;
    this.#parts = parts;
    this.#network = parts.network ?? browserNetwork;
    const common = {
      carriers: parts.carriers,
      changed: () => this.#changed(),
      problem: (problem: unknown) => this.#problem(problem),
    };
    const ready = ({ min_client, now }: Ready): void => {
      parts.minClient(min_client);
      parts.serverClock(now);
    };
    this.#receiver = new Receiver(core, tokens, { ...common, ready });
    // What was sent comes back on the receiving session too.
    this.#sender = new Sender(core, { ...common, accepted: () => this.#receiver.check() });
    this.#errands = new Errands(core, calls, tokens, common.problem);
  }

  /** Begin; harmless when running. */
  start(): void {
    if (this.#phase !== "new") return;
    this.#phase = "running";
    this.#ends.push(this.#core.onTold(() => this.wake()));
    this.#ends.push(this.#network.listen((online) => this.#networkChanged(online)));
    void this.#begin();
  }

  /** End all sessions and timers; what is queued stays queued. The store may be closed afterwards. */
  async close(): Promise<void> {
    this.#phase = "closed";
    for (const end of this.#ends.splice(0)) end();
    clearTimeout(this.#timer);
    await Promise.all([this.#receiver.stop(), this.#sender.stop()]);
  }

  /** Something was queued or changed: look after it now. */
  wake(): void {
    if (this.#phase !== "running") return;
    this.#again = true;
    if (!this.#turning) void this.#turns();
  }

  /** Try the server again now; harmless when it answers. Also for a tab that comes back to the front. */
  reconnect(): void {
    if (this.#phase !== "running" || this.#locked) return;
    this.#errands.reconnect();
    this.#receiver.reconnect();
    this.#sender.reconnect();
    this.#show();
    this.wake();
  }

  /** Send a request that is kept nowhere once, or not at all. */
  sendOnce(request: Send): void {
    if (this.#phase === "running" && !this.#locked) this.#sender.sendOnce(request);
  }

  async #begin(): Promise<void> {
    try {
      if (!(await this.#core.isLocked())) {
        await this.#core.start();
        await this.#core.wantDrain();
        if (this.#isRunning()) this.#receiver.start();
      }
    } catch (problem) {
      this.#problem(problem);
    }
    this.#show();
    this.wake();
  }

  #isRunning(): boolean {
    return this.#phase === "running";
  }

  // -- turns
  async #turns(): Promise<void> {
    this.#turning = true;
    let pause = AT_LEAST_MS;
    try {
      while (this.#again && this.#isRunning()) {
        this.#again = false;
        pause = await this.#turn();
      }
    } catch (problem) {
      this.#problem(problem);
      pause = LOOK_AGAIN_MS * 4;
    } finally {
      this.#turning = false;
    }
    this.#plan(pause);
  }

  /** Wake in `ms`, unless that is planned for an earlier time already. */
  #plan(ms: number): void {
    const at = steady() + ms / 1000;
    if (!this.#isRunning() || (this.#timer !== undefined && this.#wakeAt <= at)) return;
    clearTimeout(this.#timer);
    this.#wakeAt = at;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.wake();
    }, ms);
  }

  /** Look after what there is to do now; ms until the next look without any change. */
  async #turn(): Promise<number> {
    await this.#core.sweep();
    if (await this.#isLocked()) return AT_LEAST_MS;
    const now = this.#core.now();
    if (now >= this.#dailyAt) {
      this.#dailyAt = now + DAY_MS;
      await this.#core.daily();
    }
    const due = await this.#core.nextDeadline();
    if (due !== undefined && due <= now) await this.#core.tick();
    this.#receiver.drainIfWanted();
    void this.#runErrands();
    await this.#sender.flush();
    const next = await this.#core.nextDeadline();
    if (next === undefined) return AT_LEAST_MS;
    return Math.min(AT_LEAST_MS, Math.max(LOOK_AGAIN_MS, next - this.#core.now()));
  }

  /** An old copy or a revoked device neither receives nor sends; people are told once. */
  async #isLocked(): Promise<boolean> {
    const session = await this.#core.look((look) => look.session());
    const locked = session.rolled_back || session.revoked;
    if (locked && !this.#locked) {
      this.#locked = true;
      this.#problem(error(session.revoked ? "device-revoked" : "state-rolled-back"));
      await Promise.all([this.#receiver.stop(), this.#sender.stop()]);
      this.#show();
    }
    return locked;
  }

  async #runErrands(): Promise<void> {
    if (this.#errandsRunning) return;
    this.#errandsRunning = true;
    let answered = false;
    try {
      answered = await this.#errands.run();
    } catch (problem) {
      this.#problem(problem);
    } finally {
      this.#errandsRunning = false;
    }
    if (answered) return this.wake();
    const at = this.#errands.nextDeadline();
    if (at !== undefined) this.#plan(Math.max(1, (at - steady()) * 1000));
  }

  #changed(): void {
    if (!this.#isRunning()) return;
    this.#show();
    this.wake();
  }

  #problem(problem: unknown): void {
    if (!(problem instanceof ZajilError) && typeof reportError === "function") reportError(problem); // a bug of ours
    if (this.#isRunning()) this.#parts.problem(problem);
  }

  // -- how the server is reached
  #networkChanged(online: boolean): void {
    if (!this.#isRunning()) return;
    if (online) return this.reconnect();
    this.#receiver.drop();
    this.#sender.drop();
    this.#show();
  }

  #show(): void {
    if (!this.#isRunning()) return;
    const before = this.#shown;
    const connected = this.#receiver.usable && !this.#locked;
    const round_trip_ms = this.#receiver.roundTripMs;
    if (
      connected === before.connected &&
      this.#locked === before.locked &&
      (round_trip_ms ?? before.round_trip_ms) === before.round_trip_ms
    )
      return;
    this.#shown = {
      connected,
      locked: this.#locked,
      ...(round_trip_ms === undefined ? {} : { round_trip_ms }),
      ...(connected || before.connected ? { last_ok_at: this.#core.now() } : {}),
    };
    this.#parts.session(this.#shown);
  }
}
