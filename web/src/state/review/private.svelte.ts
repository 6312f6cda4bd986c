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

export interface PrivateBrief {
  readonly report_id: string;
  readonly kind: PrivateKind;
  /** Unix seconds of the day it came. */
  readonly day: number;
  readonly claim: Claim;
}

export interface PrivateQueue {
  /** Whether the moderators' key is on this server; without it nothing can be read here. */
  readonly opens: boolean;
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
}

export type Outcome = "acted" | "not-acted";
const KINDS: readonly PrivateKind[] = ["report", "complaint"];
const CLAIMS: readonly Claim[] = ["", "mine", "other"];
const textOr = (of: Fields, name: string): string => (typeof of[name] === "string" ? of[name] : "");

function readBrief(value: unknown): PrivateBrief {
  const of = fieldsOf(value);
  return {
    report_id: text(of, "report_id"),
    kind: oneOf(of, "kind", KINDS),
    day: number(of, "day"),
    claim: of["claim"] === undefined ? "" : oneOf(of, "claim", CLAIMS),
  };
}

function readQueue(value: unknown): PrivateQueue {
  const of = fieldsOf(value);
  return { opens: of["opens"] === true, reports: listOf(of, "reports", readBrief) };
}

function readReport(value: unknown): PrivateReport {
  const of = fieldsOf(value);
  return {
    report_id: text(of, "report_id"),
    kind: oneOf(of, "kind", KINDS),
    reason: text(of, "reason"),
    note: textOr(of, "note"),
    accepted_at: number(of, "accepted_at"),
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
    this.queue.value = undefined;
  }
}

export const privateDesk = new PrivateDesk();
