/**
 * The S session: carries out what `protocol/outbox/sending` decides. It carries no account and never learns one.
 * Twin of zajil.client.shell.sender.
 *
 * Opened when there is something to send, closed when idle. Retries repeat the same bytes with the same mid.
 */
import { errorFromWire, Limited, Unavailable, type ZajilError } from "../../protocol/errors.ts";
import { type Err, type Ok, parseSServer, type Send } from "../../protocol/frames.ts";
import * as machine from "../../protocol/outbox/sending.ts";
import type { ClientEvent } from "../../protocol/session/events.ts";
import type { Core } from "../rules/core.ts";
import type { Request } from "../rules/sealing.ts";
import { bytesOf } from "../state/rows.ts";
import type { Carriers } from "./carriers.ts";
import { Connection, steady } from "./connection.ts";
import { Line } from "./line.ts";

/** What is only worth something now is not sent later. */
const WHISPER_MS = 4_000;
export const WHISPERS_MAX = 256;

export interface SenderParts {
  readonly carriers: Carriers;
  /** The server accepted something. */
  accepted(): void;
  /** The store or the connection may have changed. */
  changed(): void;
  /** Something went wrong that people or whoever leads should know; sending goes on where it can. */
  problem(problem: unknown): void;
}

const nowMs = (): number => Math.floor(steady() * 1000);

/** One device's sending end. Only the leading worker runs it. */
export class Sender {
  readonly #core: Core;
  readonly #parts: SenderParts;
  readonly #connection: Connection;
  readonly #line = new Line();
  #state = machine.CLOSED;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #requests = new Map<string, Request>();
  /** Mids whose answer the core is being told: they are not open any more. */
  #settling = new Set<string>();
  /** rid: of its transmission on this session, 0 before it. */
  #whispers: { readonly until: number; readonly request: Send; rid: number }[] = [];
  #whispered = 0;
  #stopped = false;

  constructor(core: Core, parts: SenderParts) {
    this.#core = core;
    this.#parts = parts;
    this.#connection = new Connection("S", {
      carriers: parts.carriers,
      take: (events) => this.#take(events),
      pause: () => undefined,
      down: (problem, retryMs) => this.#down(problem, retryMs),
    });
  }

  /** Seal and send what may go now. Resolves once the machine knows of it. */
  async flush(): Promise<void> {
    if (this.#stopped) return;
    const requests = (await this.#core.requests()).filter(({ mid }) => !this.#settling.has(mid));
    if (this.#wasStopped()) return;
    this.#requests = new Map(requests.map((request) => [request.mid, request]));
    this.#tell({ type: "requests", mids: [...this.#requests.keys()] });
    this.#tell({ type: "tick" });
  }

  /**
   * Send a request that is kept nowhere, once; its answer says nothing. Without a session it waits briefly.
   *
   * One that lives in mailboxes for a while may wait as long, and where a session ends before the answer it goes again
   * on the next one, under its mid. Above 256 of them the oldest is dropped.
   */
  sendOnce(request: Send): void {
    if (this.#stopped) return;
    this.#whispers.push({ until: nowMs() + Math.max(WHISPER_MS, request.ttl * 1000), request, rid: 0 });
    this.#whispers.splice(0, this.#whispers.length - WHISPERS_MAX);
    this.#tell({ type: "whisper" });
    this.#sendWhispers();
  }

  /** Whether the server answers on the sending session now. */
  get usable(): boolean {
    return this.#connection.usable;
  }

  /** Connect now instead of after the pause, where there is something to send. */
  reconnect(): void {
    if (this.#stopped || this.#state.link === "closed") return;
    if (this.#connection.busy) this.#connection.ping();
    else this.#connection.dial();
  }

  /** Drop a connection that cannot be alive. */
  drop(): void {
    if (!this.#stopped) this.#connection.reopen();
  }

  /** End the session. What is queued stays queued; resolves when the core was told of every answer that came. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#connection.stop();
    this.#whispers = [];
    await this.#line.end();
  }

  /** Asked again after waiting: the answer may have changed meanwhile. */
  #wasStopped(): boolean {
    return this.#stopped;
  }

  #tell(event: machine.Event, answer?: Ok | Err): void {
    const [state, actions] = machine.step(this.#state, event, nowMs());
    this.#state = state;
    for (const action of actions) this.#carryOut(action, answer);
    clearTimeout(this.#timer);
    const at = machine.nextDeadline(this.#state);
    if (at === null || this.#stopped) return;
    this.#timer = setTimeout(() => this.#tell({ type: "tick" }), Math.max(1, at - nowMs()));
  }

  #carryOut(action: machine.Action, answer: Ok | Err | undefined): void {
    switch (action.type) {
      case "connect":
      case "dial":
        return this.#connection.dial();
      case "close":
        this.#connection.stop();
        return this.#reopen();
      case "send": {
        const request = this.#requests.get(action.mid);
        if (request) this.#connection.send({ ...request.frame, rid: action.rid });
        return;
      }
      case "tell_limited":
        return this.#parts.problem(errorFromWire(action.code, { retryMs: action.retry_ms }));
      case "accepted":
      case "refused":
        return this.#settle(action.mid, answer);
    }
  }

  /** Nothing durable waits, so the machine gave up; a whisper whose time is not over does wait. */
  #reopen(): void {
    this.#whispers = this.#whispers.filter(({ until }) => nowMs() < until);
    if (this.#whispers.length > 0) this.#tell({ type: "whisper" });
  }

  /** Tell the core what became of a request. */
  #settle(mid: string, answer: Ok | Err | undefined): void {
    if (!answer) return;
    this.#settling.add(mid);
    this.#line.add(
      async () => {
        if (answer.type === "Ok") await this.#core.takeOk(bytesOf(mid), answer);
        else await this.#core.takeErr(bytesOf(mid), answer);
        this.#settling.delete(mid);
        this.#parts.changed();
      },
      (problem) => {
        this.#settling.delete(mid);
        this.#parts.problem(problem);
      },
    );
  }

  #down(problem: ZajilError | undefined, retryMs: number): void {
    if (problem) this.#parts.problem(problem);
    this.#tell({ type: "down", jitter: Math.random(), retry_ms: retryMs });
    this.#parts.changed();
  }

  #take(events: readonly ClientEvent[]): void {
    for (const event of events) {
      if (event.event === "begin") {
        this.#tell({ type: "up" });
        for (const one of this.#whispers) one.rid = 0;
        this.#sendWhispers();
      } else if (event.event === "usable") {
        this.#tell({ type: "usable", resumed: event.resumed });
        this.#sendWhispers();
      } else if (event.event === "message") {
        this.#answer(event.body);
      }
    }
    this.#parts.changed();
  }

  #answer(body: Uint8Array): void {
    let frame: ReturnType<typeof parseSServer>;
    try {
      frame = parseSServer(body);
    } catch (problem) {
      this.#parts.problem(problem);
      return this.#connection.renew();
    }
    if (frame.type === "Ok") {
      this.#forgetWhisper(frame.rid);
      this.#tell({ type: "ok", rid: frame.rid }, frame);
      this.#parts.accepted();
    }
    if (frame.type !== "Err") return;
    const { rid, code, retry_ms } = frame;
    const problem = errorFromWire(code);
    const later = problem instanceof Limited || problem instanceof Unavailable;
    if (!later) this.#forgetWhisper(rid);
    this.#tell({ type: "err", rid, code, later, retry_ms, jitter: Math.random() }, frame);
  }

  #sendWhispers(): void {
    if (this.#state.link !== "up") return;
    for (const one of this.#whispers) {
      if (one.rid > 0 || nowMs() >= one.until) continue;
      this.#whispered = (this.#whispered % machine.RID_MAX) + 1;
      one.rid = machine.RID_MAX + this.#whispered;
      this.#connection.send({ ...one.request, rid: one.rid });
    }
    this.#whispers = this.#whispers.filter(({ until, request }) => request.ttl > 0 && nowMs() < until);
  }

  #forgetWhisper(rid: number): void {
    this.#whispers = this.#whispers.filter((one) => one.rid !== rid);
  }
}
