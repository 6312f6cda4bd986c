/**
 * What every transport promises: bytes in, bytes out. No policy, no retry, no session.
 *
 * A `Carrier` moves session records on one connection; a `Caller` makes control calls. Both fail with `DialError` or by
 * ending, never by silence that a deadline would not catch, and neither tries again: that is for whoever dials.
 */
import { Unreachable } from "../../protocol/errors.ts";
import type { Role } from "../../protocol/frames.ts";

/** From the start of a dial to a connection that takes records. */
export const USABLE_DEADLINE_MS = 10_000;

/** How far a dial came. A browser does not tell apart what lies below HTTP. */
export type Stage = "dns" | "tcp" | "tls" | "http";
/** What stopped it. */
export type Reason = "refused" | "reset" | "timeout" | "unreachable" | "cert" | "status" | "closed";

/** The server was not reached. */
export class DialError extends Unreachable {
  readonly stage: Stage;
  readonly reason: Reason;

  constructor(stage: Stage, reason: Reason) {
    super("unreachable", { why: `${stage} ${reason}`, status: 0 });
    this.stage = stage;
    this.reason = reason;
  }
}

/** Who takes what a carrier brings. */
export interface CarrierListener {
  /** The next record. Not called any more once `ended` was. */
  record(data: Uint8Array): void;
  /** The connection ended, whoever ended it; called once. */
  ended(): void;
}

/** One connection that carries session records. */
export interface Carrier {
  /** Hands over one record. After the end it is dropped: `ended` tells. */
  send(record: Uint8Array): void;
  /** Ends the connection; no effect the second time. */
  close(): void;
}

/** A carrier for this role, ready for the OPEN record. Rejects with DialError. */
export type Dial = (role: Role, listener: CarrierListener) => Promise<Carrier>;

/** The answer to a control call. */
export interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** One control call. path begins with /v1 and may hold a query. signal: gives it up. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Makes control calls to one server. */
export interface Caller {
  /**
   * Any status is an answer. Rejects with DialError when none came in time (the server may have acted on the call then),
   * RemoteProtocolError for an answer over 1 MiB, and with the signal's reason when given up.
   */
  call(call: Call): Promise<Answer>;
}
