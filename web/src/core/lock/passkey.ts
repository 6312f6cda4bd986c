/** The way by a passkey: HKDF of what its PRF extension answers makes the key that wraps the KEK (WebAuthn Level 3, prf). */
import { error } from "../../protocol/errors.ts";
import { parseB64 } from "../../protocol/ids.ts";
import { type Kek, type LockRow, type PasskeyWay, wrapKey } from "../store/index.ts";
import { openKek } from "./kek.ts";
import type { NewPasskey } from "./view.ts";

const NAME = "kek passkey";
const AES = { name: "AES-GCM", length: 256 } as const;
/** Source: WebAuthn Level 3, 5.1 (credential id). */
const LONGEST_ID = 1_023;
const INFO = "zajil app lock v1 passkey";

/** What a new passkey opens. Throws `malformed` where the page sent none. */
export async function preparePasskey(made: NewPasskey): Promise<(kek: Kek) => Promise<PasskeyWay>> {
  const credential = parseB64(made.credential);
  if (credential.length === 0 || credential.length > LONGEST_ID) throw error("malformed", "no credential's id");
  const salt = parseB64(made.salt, 32);
  const key = await deriveKey(made.prf);
  return async (kek) => ({ kind: "passkey", credential, salt, kek: await wrapKey(key, NAME, "raw", kek) });
}

/** The KEK; `extractable` where it is to be wrapped again. prf: b64url. Throws `wrong-passphrase`. */
export async function openByPasskey(lock: LockRow, prf: string, extractable: boolean): Promise<Kek> {
  const way = lock.ways.find(({ kind }) => kind === "passkey");
  if (way?.kind !== "passkey") throw error("wrong-passphrase");
  return openKek(await deriveKey(prf), NAME, way.kek, extractable);
}

/** prf: 32 bytes as b64url, the answer of the passkey to its salt. */
async function deriveKey(prf: string): Promise<CryptoKey> {
  const answer = new Uint8Array(parseB64(prf, 32));
  const material = await crypto.subtle.importKey("raw", answer, "HKDF", false, ["deriveKey"]);
  answer.fill(0);
  const info = new TextEncoder().encode(INFO);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info };
  return crypto.subtle.deriveKey(how, material, AES, false, ["wrapKey", "unwrapKey"]);
}
