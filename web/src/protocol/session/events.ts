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
/** Something came while the carrier is proved. received_bytes: of the echo's 24 KiB. done: all of it. */
export interface Echoed {
  readonly event: "echoed";
  readonly received_bytes: number;
  readonly elapsed_s: number;
  readonly done: boolean;
}
/** Half of the segment is used up. Dial the next carrier and open it; this one carries on until then. */
export interface Rotate {
  readonly event: "rotate";
}
/** This much was acknowledged in the last 20 s although more waits; once it is 4 KiB/s again, that too. */
export interface Slow {
  readonly event: "slow";
  readonly bytes_s: number;
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
export type ClientEvent = Message | Begin | Usable | Stalled | Echoed | Rotate | Slow | Closed;
