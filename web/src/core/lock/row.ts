/** What the vault says of its app lock without a key: how the KEK is opened, and how often somebody guessed wrong. */
import type { Database, Guesses, LockRow } from "../store/index.ts";

/** The app lock of a profile; undefined where it is off. */
export async function findLock(db: Database): Promise<LockRow | undefined> {
  const keys = (await db.get("vault", "keys")) as { readonly lock?: LockRow } | undefined;
  return keys?.lock;
}

export async function findGuesses(db: Database): Promise<Guesses> {
  return ((await db.get("vault", "guesses")) as Guesses | undefined) ?? { wrong: 0, until: 0 };
}

/** Durable before it resolves, so that whoever ends the worker has guessed all the same. */
export async function keepGuesses(db: Database, guesses: Guesses): Promise<void> {
  const tx = db.transaction("vault", "readwrite", { durability: "strict" });
  await Promise.all([tx.store.put(guesses, "guesses"), tx.done]);
}
