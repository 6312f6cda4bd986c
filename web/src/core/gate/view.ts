/** What crosses between a tab and the worker about the work that some servers ask of newcomers. */

export interface GateCalls {
  /** Give up the work: `create_account` rejects with `work-unfinished` and may be called again. */
  stop_work(): void;
}

/** How far the work for `create_account` is, 0 to 1; it seldom comes to 1, since the solution lies anywhere. */
export interface WorkEvent {
  readonly event: "work";
  readonly share: number;
}
