/**
 * What the protocol needs of WebCrypto: Ed25519 and the roster's seal.
 *
 * Everything here runs in the worker. Verification answers false, opening throws; neither says why.
 */
import { concat } from "../protocol/bytes.ts";
import { error, ZajilError } from "../protocol/errors.ts";
import type { Sign, Verify } from "../protocol/identity/objects.ts";
import { type GroupId, parseB64 } from "../protocol/ids.ts";
import { encodeRoster, KEY_BYTES, NONCE_BYTES, parseRoster, rosterAad, type RosterEntry } from "../protocol/roster.ts";

/** WebCrypto's types want bytes that are not shared between threads; ours never are. */
const owned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>;

/** n random bytes of the browser's generator. */
export const randomBytes = (n: number): Uint8Array => crypto.getRandomValues(new Uint8Array(n));

/** Whether `sig` is the Ed25519 signature of `data` by this key. */
export const verify: Verify = async (publicKey, sig, data) => {
  try {
    const key = await crypto.subtle.importKey("raw", owned(publicKey), "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, owned(sig), owned(data));
  } catch {
    return false;
  }
};

/** DER of a PKCS #8 Ed25519 key (RFC 8410 section 7) before the 32 bytes of its seed. */
const PKCS8 = Uint8Array.of(
  0x30,
  0x2e,
  0x02,
  0x01,
  0x00,
  0x30,
  0x05,
  0x06,
  0x03,
  0x2b,
  0x65,
  0x70,
  0x04,
  0x22,
  0x04,
  0x20,
);

async function importSeed(seed: Uint8Array, extractable: boolean): Promise<CryptoKey> {
  const encoded = concat(PKCS8, seed);
  try {
    return await crypto.subtle.importKey("pkcs8", owned(encoded), "Ed25519", extractable, ["sign"]);
  } catch {
    throw error("wrong-call", "Ed25519 seed of 32 bytes");
  } finally {
    encoded.fill(0);
  }
}

/** Signs with the Ed25519 key of a 32-byte seed. The seed may be zeroed once this is awaited. */
export async function signerOf(seed: Uint8Array): Promise<Sign> {
  const key = await importSeed(seed, false);
  return async (data) => new Uint8Array(await crypto.subtle.sign("Ed25519", key, owned(data)));
}

/** The 32-byte Ed25519 public key of a seed. */
export async function publicKeyOf(seed: Uint8Array): Promise<Uint8Array> {
  const { x = "" } = await crypto.subtle.exportKey("jwk", await importSeed(seed, true));
  return parseB64(x, KEY_BYTES);
}

const rosterCipher = (key: Uint8Array, use: "encrypt" | "decrypt"): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", owned(key), "AES-GCM", false, [use]);

/**
 * The roster as it rests: entries are put in leaf order.
 *
 * nonce: 12 bytes, never used before with this key. Throws LocalProtocolError for wrong sizes or entries.
 */
export async function sealRoster(
  key: Uint8Array,
  at: { gid: GroupId; epoch: number },
  entries: readonly RosterEntry[],
  nonce: Uint8Array,
): Promise<Uint8Array> {
  if (key.length !== KEY_BYTES || nonce.length !== NONCE_BYTES) throw error("wrong-call", "roster key or nonce");
  const plain = encodeRoster(entries);
  const parameters = { name: "AES-GCM", iv: owned(nonce), additionalData: owned(rosterAad(at.gid, at.epoch)) };
  return concat(
    nonce,
    new Uint8Array(await crypto.subtle.encrypt(parameters, await rosterCipher(key, "encrypt"), owned(plain))),
  );
}

/** Entries in leaf order. Throws Refused `bad-roster-key` whatever is wrong: key, group, epoch or bytes. */
export async function openRoster(
  key: Uint8Array,
  at: { gid: GroupId; epoch: number },
  sealed: Uint8Array,
): Promise<RosterEntry[]> {
  try {
    const iv = owned(sealed.slice(0, NONCE_BYTES));
    const parameters = { name: "AES-GCM", iv, additionalData: owned(rosterAad(at.gid, at.epoch)) };
    const cipher = await rosterCipher(key, "decrypt");
    return parseRoster(
      new Uint8Array(await crypto.subtle.decrypt(parameters, cipher, owned(sealed.slice(NONCE_BYTES)))),
    );
  } catch (problem) {
    if (!(problem instanceof ZajilError) && !(problem instanceof DOMException)) throw problem;
    throw error("bad-roster-key");
  }
}
