/**
 * Personas: the keys of a public identity, derived from the account's seed so that every full device has them.
 *
 * Mirrors zajil.protocol.public.persona, which says what is derived and signed; vectors/persona.json binds both.
 */
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii, concat } from "../bytes.ts";
import { encode } from "../cbor.ts";

/** Most personas of one account. */
export const PERSONAS = 3;
const INFO = ascii("zajil persona v1");
const LOGIN = ascii("zajil/persona-login/1\0");

/** The Ed25519 seed (32 bytes) of an account's persona. accountSeed: 32 bytes. number: 0..2. */
export const deriveSeed = (accountSeed: Uint8Array, number: number): Uint8Array =>
  hkdf(sha256, accountSeed, undefined, concat(INFO, Uint8Array.of(number)), 32);

/** The id of the persona with this public key (32 bytes). */
export const personaIdOf = (key: Uint8Array): Uint8Array => sha256(key).slice(0, 16);

/** What a persona signs to log in. origin: the server's `server_name`. nonce: 32 bytes, the server's. */
export const loginBytes = (origin: string, nonce: Uint8Array, personaId: Uint8Array): Uint8Array =>
  concat(LOGIN, encode([origin, nonce, personaId]));

/** The nonce that a new persona signs: the server has not seen its pass before, and will take it once. */
export const nonceOfPass = (pass: Uint8Array): Uint8Array => sha256(pass);
