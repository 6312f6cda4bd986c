/** How fast passphrases may be guessed at this screen. Whoever has a copy of the disk guesses elsewhere: Argon2id is for that. */
import { error } from "../../protocol/errors.ts";
import type { Database, Guesses } from "../store/index.ts";
import { findGuesses, keepGuesses } from "./row.ts";

/** Seconds to wait after so many wrong guesses; the last holds for all that follow. */
const WAITS_S = [0, 0, 0, 5, 15, 30, 60, 60, 120, 300] as const;
const LONGEST_MS = 300_000;

/** How long no guess is looked at. A clock that was set back makes it no longer than the longest wait. */
export function leftOf({ until }: Guesses, now: number): number {
  return Math.min(Math.max(0, until - now), LONGEST_MS);
}

/**
 * Looks at one guess. It counts before it is looked at, so that ending the worker saves nobody a wait.
 *
 * Throws `slow-down` with the time to wait where it came too early, and whatever `look` throws: `wrong-passphrase` with
 * the time until the next one.
 */
export async function guess<T>(db: Database, now: () => number, look: () => Promise<T>): Promise<T> {
  const before = await findGuesses(db);
  const left = leftOf(before, now());
  if (left > 0) throw error("slow-down", "", { retryMs: left });
  const wrong = before.wrong + 1;
  const wait = 1_000 * (WAITS_S[Math.min(wrong, WAITS_S.length - 1)] ?? 0);
  await keepGuesses(db, { wrong, until: now() + wait });
  try {
    const found = await look();
    await keepGuesses(db, { wrong: 0, until: 0 });
    return found;
  } catch (problem) {
    if (!isWrong(problem)) await keepGuesses(db, before);
    throw isWrong(problem) && wait > 0 ? error("wrong-passphrase", "", { retryMs: wait }) : problem;
  }
}

function isWrong(problem: unknown): boolean {
  return problem instanceof Error && "code" in problem && problem.code === "wrong-passphrase";
}
