/**
 * Argon2id (RFC 9106), for keys made of what people can remember: a chunk of its own, loaded at its first use.
 * Call it in the worker alone: it computes for half a second or more, and lets other work in every 10 ms.
 */
import { once } from "./lazy.ts";

/** memory_kib, passes and lanes are Argon2's m, t and p. bytes: length of the key. */
export interface Argon2Cost {
  readonly memory_kib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly bytes: number;
}

const open = once(
  () => import("@noble/hashes/argon2.js"),
  ({ argon2idAsync }) => argon2idAsync,
);

/** The key of a secret. salt: 8 bytes or more. Rejects with `unreachable` where its code does not load. */
export async function argon2id(secret: Uint8Array, salt: Uint8Array, cost: Argon2Cost): Promise<Uint8Array> {
  const derive = await open();
  return derive(secret, salt, { m: cost.memory_kib, t: cost.passes, p: cost.lanes, dkLen: cost.bytes });
}
