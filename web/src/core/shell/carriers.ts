/** What a session needs of whoever dials for it, and the other way round. */
import type { ZajilError } from "../../protocol/errors.ts";
import type { Role } from "../../protocol/frames.ts";
import type { Carrier, CarrierListener } from "../transports/base.ts";

/** A carrier that is there, and how it is to be used. */
export interface Line {
  readonly carrier: Carrier;
  /** It is left after some kilobytes. */
  readonly segmented: boolean;
  /** Nobody knows yet whether more than a handshake passes. */
  readonly cautious: boolean;
  /** From now on this one is told; first of all of what has come. */
  listen(listener: CarrierListener): void;
}

/** One session, as whoever dials sees it. */
export interface Seat {
  readonly role: Role;
  /** Four hex digits for the URLs of its carriers, so that all of them reach the same gateway. */
  readonly r: string;
  /** "" but for a session that nothing else of this client may be joined with: it has a seal of its own. */
  readonly lane: string;
  /** It makes control calls, which wait until a way is proved. */
  readonly calls: boolean;
  /** Go on over this carrier. The one before is closed by whoever gave it. */
  carry(line: Line): void;
  /** None for now, for this reason if there is one. One may come all the same, until the seat leaves. */
  refuse(problem?: ZajilError): void;
  /** Run the echo on the carrier in use; `report` tells how it goes. */
  prove(): void;
}

/** What a session says of its carrier. After the first two it has none, and wants another. */
export type Said =
  /** It is silent although an answer is due. */
  | { readonly type: "stalled" }
  | { readonly type: "ended"; readonly code: number }
  /** Half of what a segment carries is used up. */
  | { readonly type: "rotate" }
  | { readonly type: "slow"; readonly bytesS: number }
  /** So much of the echo is back. */
  | { readonly type: "echoed"; readonly bytes: number };

/** Whoever dials. */
export interface Carriers {
  /** This session wants a carrier: `carry` or `refuse` follows. */
  want(seat: Seat): void;
  /** It needs none any more; the one it has is closed behind what was sent. */
  leave(seat: Seat): void;
  report(seat: Seat, line: Line, said: Said): void;
}
