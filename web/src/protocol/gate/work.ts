/** Proof of work before a registration: what a challenge is and which ones a client works on. Mirrors zajil.protocol.gate. */
import { fields, text, uint } from "../control.ts";
import { error } from "../errors.ts";

/** The task, in the names of ALTCHA v2. The counter lies between 1 and data.most; the texts are lower-case hex. */
export interface WorkParameters {
  readonly algorithm: string;
  readonly cost: number;
  readonly data: { readonly most: number };
  readonly expiresAt: number;
  readonly keyLength: number;
  readonly keyPrefix: string;
  readonly keySignature: string;
  readonly nonce: string;
  readonly salt: string;
}
export interface WorkChallenge {
  readonly parameters: WorkParameters;
  readonly signature: string;
}
export interface WorkProof {
  readonly challenge: WorkChallenge;
  readonly solution: { readonly counter: number; readonly derivedKey: string };
}

export const KEY_BYTES = 32;
/** More than this, cost times most, no client does for a server. */
export const ROUNDS_MAX = 40_000_000;

const U32 = uint(2 ** 32 - 1);
const CHALLENGE = fields<WorkChallenge>({
  parameters: fields<WorkParameters>({
    algorithm: text,
    cost: U32,
    data: fields({ most: U32 }),
    expiresAt: uint(),
    keyLength: U32,
    keyPrefix: text,
    keySignature: text,
    nonce: text,
    salt: text,
  }),
  signature: text,
});

/** A challenge that this client works on. Throws `work-unfinished` for another kind or too much of it, `malformed`. */
export function parseChallenge(value: unknown): WorkChallenge {
  const challenge = CHALLENGE(value);
  const { algorithm, cost, data, keyLength, keyPrefix, nonce, salt } = challenge.parameters;
  const fits = algorithm === "PBKDF2/SHA-256" && keyLength === KEY_BYTES && cost > 0 && data.most > 0;
  if (!fits || ![keyPrefix, nonce, salt].every((hex) => /^[0-9a-f]{32}$/.test(hex)))
    throw error("work-unfinished", "another kind of work");
  if (cost * data.most > ROUNDS_MAX) throw error("work-unfinished", "too much work");
  return challenge;
}
