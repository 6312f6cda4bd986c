/**
 * What a recovery key makes, and the sealing and signing under it: the half of zajil.protocol.identity.recovery that
 * needs WebCrypto. Everything here runs in the worker.
 */
import { concat } from "../../protocol/bytes.ts";
import * as cbor from "../../protocol/cbor.ts";
import type { StoredBackup } from "../../protocol/backups/wire.ts";
import { error } from "../../protocol/errors.ts";
import { openObject, parseObject, signObject } from "../../protocol/identity/objects.ts";
import * as recovery from "../../protocol/identity/recovery.ts";
import { publicKeyOf, signerOf, verify } from "../crypto.ts";

/** locator: 16 bytes, names the row at the server. auth: Ed25519 seed, enc: AES-256 key, 32 bytes each. */
export interface Secrets {
  readonly locator: Uint8Array;
  readonly auth: Uint8Array;
  readonly enc: Uint8Array;
  /** The public half of `auth`, which the first write pins. */
  readonly authPub: Uint8Array;
}

const owned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>;

/** The secrets of a key of 20 bytes. */
export async function deriveSecrets(key: Uint8Array): Promise<Secrets> {
  if (key.length !== recovery.KEY_BYTES) throw error("wrong-call", "recovery key of 20 bytes");
  const base = await crypto.subtle.importKey("raw", owned(key), "HKDF", false, ["deriveBits"]);
  const secret = async (name: string, size: number): Promise<Uint8Array> => {
    const info = new TextEncoder().encode(name);
    const how = { name: "HKDF", hash: "SHA-256", salt: owned(recovery.SALT), info };
    return new Uint8Array(await crypto.subtle.deriveBits(how, base, 8 * size));
  };
  const locator = await secret("locator", recovery.LOCATOR_BYTES);
  const auth = await secret("auth", 32);
  return { locator, auth, enc: await secret("enc", 32), authPub: await publicKeyOf(auth) };
}

function cipher({ enc }: Secrets, use: "encrypt" | "decrypt"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", owned(enc), "AES-GCM", false, [use]);
}

const parameters = (secrets: Secrets, version: number, nonce: Uint8Array): AesGcmParams => ({
  name: "AES-GCM",
  iv: owned(nonce),
  additionalData: owned(recovery.backupAad(secrets.locator, version)),
});

/** The blob of a version. nonce: 12 random bytes. Throws Malformed `too-big` where the server would not take it. */
export async function sealBackup(
  secrets: Secrets,
  plain: Uint8Array,
  { version, nonce }: { version: number; nonce: Uint8Array },
): Promise<Uint8Array> {
  const padded = owned(recovery.padBackup(plain));
  if (nonce.length !== recovery.NONCE_BYTES) throw error("wrong-call", "nonce of 12 bytes");
  const key = await cipher(secrets, "encrypt");
  return concat(nonce, new Uint8Array(await crypto.subtle.encrypt(parameters(secrets, version, nonce), key, padded)));
}

/** What `sealBackup` sealed. Throws HomeError `bad-backup` for anything else, also under another version. */
export async function openBackup(secrets: Secrets, blob: Uint8Array, version: number): Promise<Uint8Array> {
  const nonce = blob.slice(0, recovery.NONCE_BYTES);
  const sealed = owned(blob.slice(recovery.NONCE_BYTES));
  const key = await cipher(secrets, "decrypt");
  let padded: Uint8Array;
  try {
    padded = new Uint8Array(await crypto.subtle.decrypt(parameters(secrets, version, nonce), key, sealed));
  } catch (problem) {
    if (!(problem instanceof DOMException)) throw problem;
    throw error("bad-backup");
  }
  return recovery.unpadBackup(padded);
}

/** 64 bytes that let the server write this blob as this version. */
export async function signBackup(secrets: Secrets, blob: Uint8Array, version: number): Promise<Uint8Array> {
  const payload = recovery.backupPayload(secrets.locator, version, blob);
  return parseObject(await signObject("backup", payload, await signerOf(secrets.auth))).sig;
}

/** 64 bytes that let the server delete what stands there up to this version. */
export const signDeletion = (secrets: Secrets, version: number): Promise<Uint8Array> =>
  signBackup(secrets, recovery.DELETED, version);

/** The holder of `auth_pub` wrote this. Throws Malformed `bad-signature`. */
export async function checkBackup(locator: Uint8Array, stored: StoredBackup): Promise<void> {
  const payload = recovery.backupPayload(locator, stored.version, stored.blob);
  await openObject("backup", cbor.encode([payload, stored.sig]), stored.auth_pub, verify);
}
