/**
 * One leading worker among the tabs of a profile: election by Web Locks, calls of the others over BroadcastChannel.
 *
 * Theory of operation (web.md 3). Whoever holds the lock leads: it alone opens the store, connects and sends. The others
 * follow: they hand each call to the leader and pass its events on. A leader says `taken` as soon as it hears a call; a
 * *visible* follower that hears nothing for 3 s steals the lock. A call the old leader had taken may have happened, so
 * it fails with `lost-lead` instead of being made twice; one it never took is made here. A worker that lost the lock
 * stops for good, and the store's fence keeps a thawed one from writing before it has noticed.
 */
import { error, ZajilError } from "../protocol/errors.ts";
import type { CallName, CoreEvent, Failure, Lead } from "./api.ts";
import { failureOf } from "./failure.ts";

export const SILENCE_MS = 3_000;

/** What the leader does; made when the lead is taken. */
export interface Leading {
  call(name: CallName, args: unknown): Promise<unknown>;
  stop(): void;
}

/** The part of `navigator.locks` that the election needs. */
export interface Locks {
  request(
    name: string,
    options: { ifAvailable?: boolean; steal?: boolean },
    callback: (lock: object | null) => Promise<unknown>,
  ): Promise<unknown>;
}

export interface LeadParts {
  readonly profile: string;
  readonly locks: Locks;
  readonly channel: BroadcastChannel;
  /** A name of this worker that no other has. */
  readonly self: string;
  /** Takes the lead: opens the store behind a new fence. `emit` reaches every tab. */
  begin(emit: (event: CoreEvent) => void): Promise<Leading>;
  /** An event for the own tab. */
  emit(event: CoreEvent): void;
  /** The phase changed. */
  phase(lead: Lead): void;
}

type Stopped = Extract<Lead, { phase: "stopped" }>["reason"];
type Wire =
  | { readonly call: CallName; readonly args: unknown; readonly from: string; readonly n: number }
  | { readonly taken: number; readonly to: string }
  | { readonly answer: number; readonly to: string; readonly ok: unknown }
  | { readonly answer: number; readonly to: string; readonly error: Failure }
  | { readonly told: CoreEvent }
  | { readonly leader: string }
  | { readonly ping: string }
  | { readonly erased: true };

interface Waiting {
  readonly name: CallName;
  readonly args: unknown;
  taken: boolean;
  resolve(value: unknown): void;
  reject(failure: Failure): void;
}

/** A failure that came from another worker, to be handed on as it is. */
export class Told extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.code);
    this.name = "Told";
    this.failure = failure;
  }
}

/** This worker's part in the election. */
export class Election {
  lead: Lead = { phase: "starting" };
  #parts: LeadParts;
  #leading: Leading | undefined;
  #waiting = new Map<number, Waiting>();
  #last = 0;
  #visible = false;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #release: (() => void) | undefined;

  constructor(parts: LeadParts) {
    this.#parts = parts;
    parts.channel.onmessage = ({ data }: MessageEvent<Wire>) => this.#hear(data);
  }

  /** Lead if nobody does, else follow and wait for the lock. */
  async start(): Promise<void> {
    const name = this.#lockName();
    await this.#request({ ifAvailable: true });
    if (this.#hasStarted()) return;
    const early = [...this.#waiting];
    this.#become({ phase: "following" });
    for (const [n, waiting] of early) this.#send(n, waiting);
    // A leader that was frozen when we asked answers nothing: listen whether there is one at all.
    this.#listen();
    this.#parts.channel.postMessage({ ping: this.#parts.self } satisfies Wire);
    await this.#request({});
    if (this.lead.phase === "following") throw error("lost-lead", name);
  }

  #hasStarted(): boolean {
    return this.lead.phase !== "starting";
  }

  /** Run a call: here where this worker leads, else in the leader. Rejects with ZajilError or Told. */
  call(name: CallName, args: unknown): Promise<unknown> {
    if (this.lead.phase === "stopped") return Promise.reject(error("lost-lead"));
    if (this.#leading !== undefined) return this.#leading.call(name, args);
    // A port cannot go to another tab's worker, and should not: a call runs beside the worker that holds the keys.
    if (name === "open_calls") return Promise.reject(error("not-leading"));
    return new Promise((resolve, reject) => {
      const n = ++this.#last;
      const waiting: Waiting = { name, args, taken: false, resolve, reject: (failure) => reject(new Told(failure)) };
      this.#waiting.set(n, waiting);
      if (this.lead.phase === "following") this.#send(n, waiting);
    });
  }

  /** Whether this tab can be seen; a visible one does not wait for a silent leader. */
  setVisible(visible: boolean): void {
    this.#visible = visible;
    if (this.lead.phase !== "following") return;
    if (visible) {
      this.#listen();
      this.#parts.channel.postMessage({ ping: this.#parts.self } satisfies Wire);
    } else {
      this.#quiet();
    }
  }

  /** End this worker's part, for a reason the tab shows. erased: every other worker ends too. */
  stop(reason: Stopped): void {
    if (this.lead.phase === "stopped") return;
    this.#quiet();
    if (reason === "erased" && this.#leading !== undefined) this.#parts.channel.postMessage({ erased: true });
    this.#leading?.stop();
    this.#leading = undefined;
    this.#become({ phase: "stopped", reason });
    for (const waiting of this.#waiting.values()) waiting.reject({ code: "lost-lead", category: "local" });
    this.#waiting.clear();
    this.#release?.();
  }

  #lockName(): string {
    return `zajil-lead:${this.#parts.profile}`;
  }

  #become(lead: Lead): void {
    this.lead = lead;
    this.#parts.phase(lead);
  }

  /** Ask for the lock; returns when it was refused, given back or taken away. */
  async #request(options: { ifAvailable?: boolean; steal?: boolean }): Promise<void> {
    try {
      await this.#parts.locks.request(this.#lockName(), options, async (lock) => {
        if (lock === null || this.lead.phase === "stopped" || this.#leading !== undefined) return;
        const held = new Promise<void>((resolve) => (this.#release = resolve));
        await this.#takeOver();
        await held;
      });
    } catch (problem) {
      // AbortError: another tab stole the lock. Anything else is a failure to begin, told by its code.
      if (this.#leading !== undefined || !(problem instanceof ZajilError)) this.stop("lost-lead");
      else this.stop(reasonOf(problem.code));
    }
  }

  async #takeOver(): Promise<void> {
    this.#quiet();
    this.#leading = await this.#parts.begin((event) => {
      this.#parts.emit(event);
      this.#parts.channel.postMessage({ told: event } satisfies Wire);
    });
    this.#become({ phase: "leading" });
    this.#parts.channel.postMessage({ leader: this.#parts.self } satisfies Wire);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const one of waiting) {
      if (one.taken) one.reject({ code: "lost-lead", category: "local" });
      else
        this.#leading
          .call(one.name, one.args)
          .then(one.resolve, (problem: unknown) => one.reject(toldFailure(problem)));
    }
  }

  #send(n: number, { name, args }: Waiting): void {
    this.#parts.channel.postMessage({ call: name, args, from: this.#parts.self, n } satisfies Wire);
    this.#listen();
  }

  /** From now on the leader has 3 s to say anything. */
  #listen(): void {
    if (!this.#visible || this.#silence !== undefined) return;
    this.#silence = setTimeout(() => {
      this.#silence = undefined;
      if (this.lead.phase === "following" && this.#visible) void this.#request({ steal: true });
    }, SILENCE_MS);
  }

  #quiet(): void {
    clearTimeout(this.#silence);
    this.#silence = undefined;
  }

  #hear(wire: Wire): void {
    if ("erased" in wire) return this.stop("erased");
    if (this.#leading !== undefined) return this.#hearAsLeader(wire, this.#leading);
    if ("call" in wire || "ping" in wire) return;
    // Whatever it is, the leader lives.
    this.#quiet();
    if ("told" in wire) {
      this.#parts.emit(wire.told);
    } else if ("leader" in wire) {
      this.#meetLeader();
    } else if (wire.to === this.#parts.self) {
      this.#hearAnswer(wire);
    }
  }

  /** A leader began: what the one before it never took goes to it. */
  #meetLeader(): void {
    for (const [n, waiting] of [...this.#waiting]) {
      if (!waiting.taken) {
        this.#send(n, waiting);
        continue;
      }
      this.#waiting.delete(n);
      waiting.reject({ code: "lost-lead", category: "local" });
    }
  }

  #hearAnswer(wire: Extract<Wire, { to: string }>): void {
    if ("taken" in wire) {
      const waiting = this.#waiting.get(wire.taken);
      if (waiting !== undefined) waiting.taken = true;
      return;
    }
    const waiting = this.#waiting.get(wire.answer);
    this.#waiting.delete(wire.answer);
    if ("error" in wire) waiting?.reject(wire.error);
    else waiting?.resolve(wire.ok);
  }

  #hearAsLeader(wire: Wire, leading: Leading): void {
    const { channel, self } = this.#parts;
    if ("leader" in wire && wire.leader !== self) return this.stop("lost-lead");
    if ("ping" in wire) return channel.postMessage({ taken: 0, to: wire.ping } satisfies Wire);
    if (!("call" in wire)) return;
    const { from: to, n } = wire;
    channel.postMessage({ taken: n, to } satisfies Wire);
    leading.call(wire.call, wire.args).then(
      (ok) => channel.postMessage({ answer: n, to, ok } satisfies Wire),
      (problem: unknown) => channel.postMessage({ answer: n, to, error: toldFailure(problem) } satisfies Wire),
    );
  }
}

function toldFailure(problem: unknown): Failure {
  return problem instanceof Told ? problem.failure : failureOf(problem);
}

function reasonOf(code: string): Stopped {
  if (code === "newer-schema" || code === "no-browser-support") return code;
  return code === "home-damaged" ? "damaged" : "lost-lead";
}
