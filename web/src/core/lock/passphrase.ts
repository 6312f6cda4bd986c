/** The way by a passphrase: Argon2id makes the key that wraps the KEK (design/web.md 4). */
import { error } from "../../protocol/errors.ts";
import { argon2id } from "../argon2.ts";
import { type Kek, type LockRow, type PassphraseWay, wrapKey } from "../store/index.ts";
import { openKek } from "./kek.ts";

/** Shortest passphrase, in characters. */
export const SHORTEST = 8;
/** OWASP's least for Argon2id; half a second on a telephone. */
const COST = { memory_kib: 19 * 1024, passes: 2, lanes: 1 } as const;
const NAME = "kek passphrase";
const AES = { name: "AES-GCM", length: 256 } as const;

type Made = Pick<PassphraseWay, "salt" | "memory_kib" | "passes" | "lanes">;

/** What a new passphrase opens; wraps the KEK once it is there. Throws `short-passphrase`, `unreachable`. */
export async function preparePassphrase(passphrase: string): Promise<(kek: Kek) => Promise<PassphraseWay>> {
  if ([...passphrase.normalize("NFC")].length < SHORTEST) throw error("short-passphrase");
  const made: Made = { salt: crypto.getRandomValues(new Uint8Array(16)), ...COST };
  const key = await deriveKey(passphrase, made);
  return async (kek) => ({ kind: "passphrase", ...made, kek: await wrapKey(key, NAME, "raw", kek) });
}

/** The KEK; `extractable` where it is to be wrapped again. Throws `wrong-passphrase`, `unreachable`. */
export async function openByPassphrase(lock: LockRow, passphrase: string, extractable: boolean): Promise<Kek> {
  const way = lock.ways.find(({ kind }) => kind === "passphrase");
  if (way?.kind !== "passphrase") throw error("wrong-passphrase");
  return openKek(await deriveKey(passphrase, way), NAME, way.kek, extractable);
}

async function deriveKey(passphrase: string, { salt, memory_kib, passes, lanes }: Made): Promise<CryptoKey> {
  const secret = new TextEncoder().encode(passphrase.normalize("NFC"));
  const raw = await argon2id(secret, salt, { memory_kib, passes, lanes, bytes: 32 });
  const key = await crypto.subtle.importKey("raw", new Uint8Array(raw), AES, false, ["wrapKey", "unwrapKey"]);
  secret.fill(0);
  raw.fill(0);
  return key;
}
