/** What the dialer asks of its shell, and the route it found. */
import type { Mode } from "./candidates.ts";

export type Action =
  /** Dial this candidate. */
  | { readonly type: "start"; readonly attempt: number; readonly candidateId: string; readonly mode: Mode }
  /** Run the echo. */
  | { readonly type: "prove"; readonly attempt: number }
  /** The leading session goes on over this attempt. */
  | { readonly type: "carry"; readonly attempt: number }
  /** Close it. */
  | { readonly type: "stop"; readonly attempt: number };

/** What carries now. number: another one each time a route was found. proved: control calls may use it. */
export interface Route {
  readonly candidateId: string;
  readonly mode: Mode;
  readonly number: number;
  readonly proved: boolean;
}
