/**
 * The R session: carries out what `protocol/mailbox/receiving` decides, with the core and a connection.
 * Twin of zajil.client.shell.receiver.
 *
 * The machine takes each event at once. What it asks of the core goes into one line and is done in that order, so a
 * batch is durable before its acknowledgement and a drain is settled before the next HELLO.
 */
import { errorFromWire, ZajilError } from "../../protocol/errors.ts";
import { type Eph, type Msg, parseRServer, type Ready, type RFromServer } from "../../protocol/frames.ts";
import * as machine from "../../protocol/mailbox/receiving.ts";
import type { ClientEvent } from "../../protocol/session/events.ts";
import type { Core } from "../rules/core.ts";
import type { Carriers } from "./carriers.ts";
import { Connection, steady } from "./connection.ts";
import { Line } from "./line.ts";
import type { Tokens } from "./login.ts";

export interface ReceiverParts {
  readonly carriers: Carriers;
  /** READY came. */
  ready(frame: Ready): void;
  /** The store or the connection may have changed. */
  changed(): void;
  /** Something went wrong that people or whoever leads should know; receiving goes on where it can. */
  problem(problem: unknown): void;
}

/** Nobody is asked more often whether the way down lives. */
const CHECK_S = 10;

const nowMs = (): number => Math.floor(steady() * 1000);

/** One device's receiving end. Only the leading worker runs it. */
export class Receiver {
  /** Milliseconds from the last HELLO or PING to its answer, undefined before the first. */
  roundTripMs: number | undefined;
  readonly #core: Core;
  readonly #tokens: Tokens;
  readonly #parts: ReceiverParts;
  readonly #connection: Connection;
  readonly #line = new Line();
  #state = machine.IDLE;
  #coming: machine.Event[] = [];
  #telling = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #arrived = new Map<number, Msg>();
  /** What is said in passing and waits at the end of the line: one step takes it, however many came meanwhile. */
  #heard: Eph[] | undefined;
  /** Counts sessions: what belongs to an older one is dropped. */
  #session = 0;
  #token = "";
  #helloAt = 0;
  #checkedAt = -Infinity;
  #running = false;

  constructor(core: Core, tokens: Tokens, parts: ReceiverParts) {
    this.#core = core;
    this.#tokens = tokens;
    this.#parts = parts;
    this.#connection = new Connection("R", {
      carriers: parts.carriers,
      take: (events) => this.#take(events),
      pause: () => this.#tell({ type: "pause" }),
      down: (problem, retryMs) => this.#down(problem, retryMs),
    });
  }

  /** Begin; harmless when running. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#connection.dial();
  }

  /** Acknowledge what is stored and end the session. Resolves when the core was told everything it was to hear. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    this.#tell({ type: "stop" });
    this.#connection.stop();
    clearTimeout(this.#timer);
    await this.#line.end();
  }

  /** Whether the server answers on the receiving session now. */
  get usable(): boolean {
    return this.#connection.usable;
  }

  /** Where the machine stands. */
  get phase(): machine.Phase {
    return this.#state.phase;
  }

  /** Connect now instead of after the pause; ask a standing connection whether it lives. */
  reconnect(): void {
    if (!this.#running) return;
    if (this.#connection.busy) this.#connection.ping();
    else this.#connection.dial();
  }

  /** Something is to come, and nothing here would show that it does not: ask whether the way down lives. */
  check(): void {
    const now = steady();
    if (!this.#running || now < this.#checkedAt + CHECK_S) return;
    this.#checkedAt = now;
    this.#connection.ping();
  }

  /** Drop a connection that cannot be alive: the browser says that there is no network. */
  drop(): void {
    if (this.#running) this.#connection.reopen();
  }

  /** HELLO again on the live session where something waits for a drain; one at a time. */
  drainIfWanted(): void {
    if (!this.#running || this.#state.wanted) return;
    // Not a change by itself: whoever looks after changes asks this each time.
    this.#line.add(async () => {
      if (!this.#state.wanted && (await this.#core.drainWanted())) this.#tell({ type: "want" });
    }, this.#parts.problem);
  }

  // -- the machine
  /** Let the machine take an event, and carry out what it asks for. */
  #tell(event: machine.Event): void {
    this.#coming.push(event);
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (let next = this.#coming.shift(); next; next = this.#coming.shift()) {
        const [state, actions] = machine.step(this.#state, next, nowMs());
        this.#state = state;
        for (const action of actions) this.#carryOut(action);
      }
    } finally {
      this.#telling = false;
    }
    clearTimeout(this.#timer);
    const at = machine.nextDeadline(this.#state);
    if (at === null || !this.#running) return;
    this.#timer = setTimeout(() => this.#tell({ type: "tick" }), Math.max(1, at - nowMs()));
  }

  #carryOut(action: machine.Action): void {
    switch (action.type) {
      case "open":
        return this.#open(this.#session);
      case "apply":
        return this.#apply(action.upto);
      case "ack":
        return this.#connection.send({ type: "Mack", upto: action.upto });
      case "settle":
        return this.#do(() => this.#core.takeDrained());
      case "tell_gap":
        return this.#do(() => this.#core.takeGap({ type: "Gap", dropped: action.dropped, before_seq: 0 }));
      case "readd":
        return this.#do(() => this.#core.takeWaited());
      case "reopen":
        return this.#connection.reopen();
      case "renew":
        return this.#connection.renew();
      case "dial":
        return this.#connection.dial();
    }
  }

  #open(session: number): void {
    this.#do(async () => {
      const after = await this.#core.hello();
      if (session !== this.#session) return;
      this.#helloAt = steady();
      this.#connection.send({ type: "Hello", token: this.#token, after });
    });
  }

  /** Store a batch. Whatever stops that, nothing of it is acknowledged and all of it comes again. */
  #apply(upto: number): void {
    const batch = [...this.#arrived.values()].filter(({ seq }) => seq <= upto).sort((a, b) => a.seq - b.seq);
    for (const { seq } of batch) this.#arrived.delete(seq);
    this.#do(
      async () => {
        const stored = await this.#core.takeMessages(batch);
        const { holding } = await this.#core.position();
        this.#tell({ type: "stored", upto: stored, holding });
      },
      (problem) => {
        this.#parts.problem(problem);
        this.#tell({ type: "unstored" });
      },
    );
  }

  // -- the connection
  #down(problem: ZajilError | undefined, retryMs: number): void {
    if (problem) this.#parts.problem(problem);
    this.#tell({ type: "down", jitter: Math.random(), retry_ms: retryMs });
    this.#parts.changed();
  }

  #take(events: readonly ClientEvent[]): void {
    for (const event of events) {
      if (event.event === "begin") this.#begin();
      else if (event.event === "usable" && event.resumed) this.#tell({ type: "resumed" });
      else if (event.event === "closed") this.#closed(event.code);
      else if (event.event === "message") this.#takeFrame(event.body);
    }
    if (this.#connection.rttS > 0) this.roundTripMs = Math.round(this.#connection.rttS * 1000);
    this.#parts.changed();
  }

  /** A new session: log in if need be, then HELLO. */
  #begin(): void {
    const session = ++this.#session;
    this.#arrived.clear();
    this.#do(
      async () => {
        const token = await this.#tokens.token();
        if (session !== this.#session || !this.#running) return;
        this.#token = token;
        this.#tell({ type: "up", ...(await this.#core.position()) });
        this.#connection.dial(); // nothing where a carrier is there, as it mostly is
      },
      (problem) => {
        this.#parts.problem(problem);
        // Without a token this session is of no use. A revoked device does not try again: the runner stops it.
        if (session === this.#session && this.#running) this.#connection.renew();
      },
    );
  }

  #takeFrame(body: Uint8Array): void {
    let frame: RFromServer;
    try {
      frame = parseRServer(body);
    } catch (problem) {
      if (!(problem instanceof ZajilError)) throw problem;
      return this.#tell({ type: "malformed" });
    }
    switch (frame.type) {
      case "Msg":
        if (!this.#arrived.has(frame.seq)) this.#arrived.set(frame.seq, frame);
        return this.#tell({ type: "message", seq: frame.seq, size: frame.body.length });
      case "Ready":
        return this.#takeReady(frame);
      case "Drained":
        return this.#tell({ type: "drained" });
      case "Gap":
        return this.#tell({ type: "gap", dropped: frame.dropped });
      case "KeysLow":
        return this.#do(() => this.#core.wantKeyPackages());
      case "Eph":
        if (!this.#heard?.push(frame)) this.#hear([frame]);
        return;
      case "Bye":
        return this.#closed(frame.code);
      case "HttpRes":
        return; // we make no calls over sessions
    }
  }

  #hear(heard: Eph[]): void {
    this.#do(() => this.#core.takeEphemeral(heard));
    this.#heard = heard;
  }

  #takeReady(frame: Ready): void {
    const before = this.#state.malformed;
    this.#tell({ type: "ready" });
    if (this.#state.malformed > before) return;
    this.roundTripMs = Math.round((steady() - this.#helloAt) * 1000);
    this.#do(() => this.#core.takeReady(frame));
    this.#parts.ready(frame);
  }

  #closed(code: string): void {
    const token = this.#token; // of this session, which may be over when its turn comes
    // Where many behind one address have a token that a restore took back, most are told to slow down instead.
    if (code === "token-expired" || (code === "slow-down" && this.#state.phase === "opening")) {
      this.#do(() => this.#tokens.forget(token));
    } else if (code === "device-revoked") this.#do(() => this.#core.takeRevoked());
    if (code === "device-revoked" || code === "replaced") this.#parts.problem(errorFromWire(code));
  }

  /** Do this when everything before it is done, and look after what it changed. */
  #do(work: () => Promise<unknown>, failed: (problem: unknown) => void = this.#parts.problem): void {
    this.#heard = undefined; // what comes after this is not done before it
    this.#line.add(async () => {
      this.#heard = undefined; // nor what comes once it has begun
      await work();
      this.#parts.changed();
    }, failed);
  }
}
