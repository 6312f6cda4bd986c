/** What tabs ask and are told about disappearing messages; part of `core/api.ts`. Times: Unix ms; spans: seconds. */

/** Calls about the timer of a chat. */
export interface TimerCalls {
  /** New messages disappear so long after they were read, 0 = they stay. Throws `not-permitted`, `malformed`. */
  set_timer(a: { chat: string; seconds: number }): void;
}

/** A message that disappears. */
export interface Expiring {
  /** Absent while nobody has read it, or it is not sent. */
  readonly expires_at?: number;
  /** After it was read; an own one: after it was sent. Absent where it stays. */
  readonly expire_s?: number;
}
