/** How long to wait before the same thing is tried again: 1 2 4 .. 60 s with full jitter, unless the server says. */

const FIRST_MS = 1_000;
const MOST_MS = 60_000;

/**
 * Milliseconds until the next try.
 *
 * tries: failures before this one, from 0. jitter: 0 to 1, random. retryMs: what the server asked for, 0 if nothing; it
 * wins.
 */
export function delayMs(tries: number, jitter: number, retryMs = 0): number {
  if (retryMs > 0) return retryMs;
  return Math.floor(Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(tries, 6)) * jitter);
}
