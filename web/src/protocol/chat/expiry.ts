/**
 * How long a message lives (service.md 7): `expires` of its content as a span, and the clock that runs it out.
 * Twin of zajil.protocol.chat.expiry, whose table says what a wrong clock does.
 *
 * Times: Unix milliseconds of this device. Spans: seconds, 0 = the message stays.
 */
import type { Expires } from "./content.ts";

/** Longest span, and longest timer of a chat. */
export const SPAN_MAX_S = 365 * 86_400;

/**
 * The span that a content asks for, 0 where it asks for none; never above a year. sent: the time it carries.
 *
 * A fixed time, which no client of ours writes, counts as the span from then to it, 1 s at least: so a message that was
 * over before anybody read it can still be read, and reported.
 */
export function findSpan(expires: Expires | null, sent: number): number {
  if (expires === null) return 0;
  const span = expires.relative ? expires.time : Math.max(expires.time - Math.floor(sent / 1000), 1);
  return Math.min(span, SPAN_MAX_S);
}

/** When a message is over whose span began at `start`. */
export function findDeadline(span_s: number, start: number, now: number): number {
  return Math.min(start, now) + span_s * 1000;
}

/** The deadline that holds from now on; null where the message is over. */
export function lookAt(deadline: number, span_s: number, now: number): number | null {
  return deadline <= now ? null : Math.min(deadline, now + span_s * 1000);
}
