/** The proof of work of a registration: WebCrypto's PBKDF2, some attempts at once; twin of zajil.client.shell.gate. */
import { error } from "../../protocol/errors.ts";
import { KEY_BYTES, parseChallenge, type WorkProof } from "../../protocol/gate/work.ts";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";

/** Attempts that run together, on as many cores as the browser gives them. */
const ABREAST = 4;
const PATIENCE_MS = 120_000;

/**
 * The solution of a challenge as it came. tell: gets the share of counters tried, 0 to 1.
 *
 * Rejects with `work-unfinished` once stopped, after two minutes, or where the server asks for what we do not do.
 */
export async function solve(value: unknown, tell: (share: number) => void, stop: AbortSignal): Promise<WorkProof> {
  const challenge = parseChallenge(value);
  const { cost, data, keyPrefix, nonce, salt } = challenge.parameters;
  const seed = hexToBytes(nonce);
  const with_ = { name: "PBKDF2", hash: "SHA-256", salt: hexToBytes(salt), iterations: cost };
  const attempt = async (counter: number): Promise<string> => {
    const password = new Uint8Array(seed.length + 4);
    password.set(seed);
    new DataView(password.buffer).setUint32(seed.length, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    return bytesToHex(new Uint8Array(await crypto.subtle.deriveBits(with_, key, KEY_BYTES * 8)));
  };
  const until = performance.now() + PATIENCE_MS;
  for (let first = 0; first <= data.most; first += ABREAST) {
    if (first % 16 === 0) tell(first / data.most);
    if (stop.aborted || performance.now() > until) throw error("work-unfinished", "stopped");
    const keys = await Promise.all(Array.from({ length: ABREAST }, (_, n) => attempt(first + n)));
    const found = keys.findIndex((key) => key.startsWith(keyPrefix));
    if (found >= 0) return { challenge, solution: { counter: first + found, derivedKey: keys[found] ?? "" } };
  }
  throw error("work-unfinished", "no solution");
}
