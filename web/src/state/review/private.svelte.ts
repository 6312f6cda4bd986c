/**
 * Reports from private chats, for members with that permission alone. What a member sent in was sealed to the
 * moderators' key; the server opens one for whoever claimed it, and this page keeps it while it is on the screen.
 */
import { Ask, Press } from "../ask.svelte.ts";
import { type Fields, fieldsOf, listOf, number, oneOf, text } from "../public/shapes.ts";
import { call } from "./calls.ts";
import { session } from "./session.svelte.ts";
import { type Claim, readNothing } from "./shapes.ts";

export type PrivateKind = "report" | "complaint";

/** Of the key that opens reports; in none and clear a passphrase has to be chosen first. */
export type KeyState = "none" | "clear" | "locked" | "open" | "elsewhere";
export type Measure = "warn" | "suspend";
/** Shortest passphrase that the server takes. */
export const PASSPHRASE_CHARACTERS = 12;

export interface PrivateBrief {
  readonly report_id: string;
  readonly kind: PrivateKind;
  /** Unix seconds of the day it came. */
  readonly day: number;
  readonly claim: Claim;
  /** Who proposed a measure that waits for a second person. */
  readonly proposed: Claim;
}

/** A measure that waits for a second person. days: absent for good, and of a warning. */
export interface Proposal {
  readonly action: Measure;
  readonly own: boolean;
  readonly days?: number;
}

export interface MeasureView {
  readonly measure_id: string;
  readonly account: string;
  readonly action: Measure;
  readonly reason: string;
  /** Unix seconds of the day. */
  readonly day: number;
  /** Unix seconds; 0 for none. */
  readonly until: number;
  readonly undone: boolean;
}

/** unread: how many more are damaged, or sealed to a key that the server does not have. */
export interface Measures {
  readonly shown: readonly MeasureView[];
  readonly unread: number;
}

export interface PrivateQueue {
  /** Whether reports can be read now. */
  readonly opens: boolean;
  readonly key: KeyState;
  readonly reports: readonly PrivateBrief[];
}

export interface PrivateMessage {
  readonly text: string;
  readonly form: string;
  /** Whose it is proven to be, or said to be in a complaint. */
  readonly sender: string;
  /** Unix ms; 0 where nobody knows. */
  readonly sent_ms: number;
}

export interface PrivateReport {
  readonly report_id: string;
  readonly kind: PrivateKind;
  readonly reason: string;
  readonly note: string;
  readonly accepted_at: number;
  readonly messages: readonly PrivateMessage[];
  readonly proposed?: Proposal;
}

export type Outcome = "acted" | "not-acted";
const KINDS: readonly PrivateKind[] = ["report", "complaint"];
const KEYS: readonly KeyState[] = ["none", "clear", "locked", "open", "elsewhere"];
const ACTIONS: readonly Measure[] = ["warn", "suspend"];
const CLAIMS: readonly Claim[] = ["", "mine", "other"];
const textOr = (of: Fields, name: string): string => (typeof of[name] === "string" ? of[name] : "");

function readBrief(value: unknown): PrivateBrief {
  const of = fieldsOf(value);
  return {
    report_id: text(of, "report_id"),
    kind: oneOf(of, "kind", KINDS),
    day: number(of, "day"),
    claim: of["claim"] === undefined ? "" : oneOf(of, "claim", CLAIMS),
    proposed: of["proposed"] === undefined ? "" : oneOf(of, "proposed", CLAIMS),
  };
}

function readQueue(value: unknown): PrivateQueue {
  const of = fieldsOf(value);
  const key = oneOf(of, "key", KEYS);
  return { opens: of["opens"] === true, key, reports: listOf(of, "reports", readBrief) };
}

function readProposal(value: unknown): Proposal {
  const of = fieldsOf(value);
  const days = of["days"];
  return {
    action: oneOf(of, "action", ACTIONS),
    own: of["own"] === true,
    ...(typeof days === "number" && { days }),
  };
}

function readMeasures(value: unknown): Measures {
  const found = fieldsOf(value);
  const shown = listOf(found, "measures", (each) => {
    const of = fieldsOf(each);
    return {
      measure_id: text(of, "measure_id"),
      account: text(of, "account"),
      action: oneOf(of, "action", ACTIONS),
      reason: text(of, "reason"),
      day: number(of, "day"),
      until: of["until"] === undefined ? 0 : number(of, "until"),
      undone: of["undone"] === true,
    };
  });
  return { shown, unread: found["unread"] === undefined ? 0 : number(found, "unread") };
}

function readReport(value: unknown): PrivateReport {
  const of = fieldsOf(value);
  return {
    report_id: text(of, "report_id"),
    kind: oneOf(of, "kind", KINDS),
    reason: text(of, "reason"),
    note: textOr(of, "note"),
    accepted_at: number(of, "accepted_at"),
    ...(of["proposed"] !== undefined && of["proposed"] !== null && { proposed: readProposal(of["proposed"]) }),
    messages: listOf(of, "messages", (each) => {
      const message = fieldsOf(each);
      return {
        text: textOr(message, "text"),
        form: text(message, "form"),
        sender: text(message, "sender"),
        sent_ms: number(message, "sent_ms"),
      };
    }),
  };
}

class PrivateDesk {
  readonly queue: Ask<PrivateQueue> = new Ask(() => call("GET", "/private", readQueue));
  report = $state.raw<PrivateReport | undefined>();
  shown = $state(false);
  readonly press = new Press();
  /** Measures in force and undone ones, once somebody asked for them. */
  measures = $state.raw<Measures | undefined>();

  /** The passphrase opens the key on the server; it stays nowhere on this page. */
  unlock(passphrase: string): Promise<boolean> {
    return this.#key("/private/unlock", { passphrase });
  }

  /** The first passphrase. */
  choose(passphrase: string): Promise<boolean> {
    return this.#key("/private/passphrase", { passphrase });
  }

  async lock(): Promise<void> {
    await this.press.done(() => call("POST", "/private/lock", readNothing));
    this.#close();
    this.measures = undefined;
    await this.queue.refresh();
  }

  async #key(path: string, body: unknown): Promise<boolean> {
    const done = await this.press.done(() => session.withKey(() => call("POST", path, readNothing, { body })));
    if (done) await this.queue.refresh();
    return done;
  }

  async showMeasures(): Promise<void> {
    await this.press.done(async () => {
      this.measures = await session.withKey(() => call("GET", "/private/measures", readMeasures));
    });
  }

  async undo(measure: string): Promise<boolean> {
    const path = `/private/measures/${measure}/undo`;
    const done = await this.press.done(() => session.withKey(() => call("POST", path, readNothing)));
    if (done) await this.showMeasures();
    return done;
  }

  /** A measure against the account of the report at hand: another member has to confirm it. */
  propose(action: Measure, days?: number): Promise<boolean> {
    return this.#settle("propose", { action, ...(days !== undefined && { days }) });
  }

  /** What a colleague proposed is in force, and the report decided. */
  confirm(): Promise<boolean> {
    return this.#settle("confirm");
  }

  /** Nothing is proposed any more; the report stays at hand. */
  async refuse(): Promise<void> {
    const report = this.report;
    if (report === undefined) return;
    const done = await this.press.done(() => call("POST", `/private/${report.report_id}/refuse`, readNothing));
    if (!done) return;
    const { proposed: _gone, ...rest } = report;
    this.report = rest;
    await this.queue.refresh();
  }

  async #settle(verb: "propose" | "confirm", body?: unknown): Promise<boolean> {
    const id = this.report?.report_id;
    if (id === undefined) return false;
    const options = body === undefined ? {} : { body };
    const done = await this.press.done(() =>
      session.withKey(() => call("POST", `/private/${id}/${verb}`, readNothing, options)),
    );
    if (done) this.#close();
    await this.queue.refresh();
    return done;
  }

  /** Claimed for ten minutes, and opened. */
  async open(id: string): Promise<void> {
    this.#close();
    await this.press.done(async () => {
      await call("POST", `/private/${id}/claim`, readBrief);
      this.report = await session.withKey(() => call("GET", `/private/${id}`, readReport));
    });
    await this.queue.refresh();
  }

  #close(): void {
    this.report = undefined;
    this.shown = false;
    this.press.error = undefined;
  }

  async release(): Promise<void> {
    const id = this.report?.report_id;
    if (id === undefined) return;
    await this.press.done(() => call("POST", `/private/${id}/release`, readNothing));
    this.#close();
    await this.queue.refresh();
  }

  /** Decided for good; the reporter hears whether something was done, and nothing else. */
  async close(outcome: Outcome): Promise<boolean> {
    const id = this.report?.report_id;
    if (id === undefined) return false;
    const body = { outcome };
    const done = await this.press.done(() =>
      session.withKey(() => call("POST", `/private/${id}/close`, readNothing, { body })),
    );
    if (done) this.#close();
    await this.queue.refresh();
    return done;
  }

  clear(): void {
    this.#close();
    this.measures = undefined;
    this.queue.value = undefined;
  }
}

export const privateDesk = new PrivateDesk();
