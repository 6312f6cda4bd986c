/** What a session tells the shell around it. */

/** A whole message arrived: one data frame of `frames`, not yet parsed. */
export interface Message {
  readonly event: "message";
  readonly body: Uint8Array;
}
/** A new session begins and holds nothing sent before. R: send Hello. S: send the open requests. */
export interface Begin {
  readonly event: "begin";
}
/** The carrier answered. resumed: the session goes on where it was. */
export interface Usable {
  readonly event: "usable";
  readonly resumed: boolean;
}
/** The carrier is silent although an answer is due. Close it and open another. */
export interface Stalled {
  readonly event: "stalled";
}
/**
 * The session is over; send what is left to pull, then close the carrier. The next one begins anew.
 *
 * by_peer: the peer said so; otherwise it broke the protocol (code `protocol`) or `close` was called.
 */
export interface Closed {
  readonly event: "closed";
  readonly code: string;
  readonly retry_ms: number;
  readonly by_peer: boolean;
}
export type ClientEvent = Message | Begin | Usable | Stalled | Closed;
