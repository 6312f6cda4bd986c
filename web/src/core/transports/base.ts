/**
 * What every transport promises: bytes in, bytes out. No policy, no retry, no session.
 *
 * A `Carrier` moves session records on one connection; a `Caller` makes control calls. Both fail with `DialError` or by
 * ending, never by silence that a deadline would not catch, and neither tries again: that is for whoever dials.
 */
import { Unreachable } from "../../protocol/errors.ts";

/** From the start of a dial to a connection that takes records. */
export const USABLE_DEADLINE_MS = 10_000;
/** WebSocket close code and HTTP status of a bridge whose home server does not answer. */
export const ORIGIN_GONE_CODE = 4502;
export const ORIGIN_GONE_STATUS = 502;

/** How far a dial came. A browser does not tell apart what lies below HTTP: its stage is `connect`. */
export type Stage = "dns" | "tcp" | "tls" | "connect" | "http" | "accept" | "echo";
/** What stopped it. `status`: another answer than the one asked for; `frozen`: bytes came, and then no more. */
export type Reason = "refused" | "reset" | "timeout" | "unreachable" | "cert" | "status" | "frozen" | "closed";

/** The server was not reached. originGone: a bridge or front said that the home server behind it does not answer. */
export class DialError extends Unreachable {
  readonly stage: Stage;
  readonly reason: Reason;
  readonly originGone: boolean;

  constructor(stage: Stage, reason: Reason, originGone = false) {
    super("unreachable", { why: `${stage} ${reason}`, status: 0 });
    this.stage = stage;
    this.reason = reason;
    this.originGone = originGone;
  }
}

/** Who takes what a carrier brings. */
export interface CarrierListener {
  /** The next record. Not called any more once `ended` was. */
  record(data: Uint8Array): void;
  /** The connection ended, whoever ended it; called once. code: of the WebSocket's close, 0 where there is none. */
  ended(code?: number): void;
}

/** One connection that carries session records. */
export interface Carrier {
  /** Bytes of the records that came and went, as they are on the connection. */
  readonly rxBytes: number;
  readonly txBytes: number;
  /** Hands over one record. After the end it is dropped: `ended` tells. */
  send(record: Uint8Array): void;
  /** Ends the connection, behind what was handed over; no effect the second time. */
  close(): void;
}

/** Opens one connection for records. Rejects with DialError after 10 s at the latest, or when `signal` gives it up. */
export type OpenCarrier = (listener: CarrierListener, signal: AbortSignal) => Promise<Carrier>;

/** The answer to a control call. */
export interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** One control call. path begins with /v1 or /pub/v1 and may hold a query. signal: gives it up. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Over sessions: not together with calls that have another word, or none. */
  readonly apart?: string;
}

/** Makes control calls to one server. */
export interface Caller {
  /**
   * Any status is an answer. Rejects with DialError when none came in time (the server may have acted on the call then),
   * RemoteProtocolError for an answer over 1 MiB, and with the signal's reason when given up.
   */
  call(call: Call): Promise<Answer>;
}
