/** HPKE of MLS suite 0x0053 outside MLS: the seal of a link answer. Loads with what uses it. Opening throws and says not why. */
import { Aes256Gcm, CipherSuite, HkdfSha512 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import { concat } from "../protocol/bytes.ts";
import { error } from "../protocol/errors.ts";

/** WebCrypto's types want bytes that are not shared between threads; ours never are. */
const owned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>;

/** Length of the encapsulation before the ciphertext: ML-KEM-768 1,088 and X25519 32. */
export const ENC_BYTES = 1120;
let suite: CipherSuite | undefined;
/** X-Wing, HKDF-SHA-512, AES-256-GCM: the HPKE of MLS suite 0x0053 (RFC 9180). */
const hpke = (): CipherSuite =>
  (suite ??= new CipherSuite({ kem: new XWing(), kdf: new HkdfSha512(), aead: new Aes256Gcm() }));

/** A key pair for one link answer. The private key never leaves this object. */
export interface SealKeys {
  /** 1,216 bytes. */
  readonly publicKey: Uint8Array;
  /** The plaintext of `enc || ciphertext`. Throws HomeError `link-mismatch` for whatever does not open. */
  open(sealed: Uint8Array, info: Uint8Array): Promise<Uint8Array>;
}

/** A fresh X-Wing key pair. */
export async function makeSealKeys(): Promise<SealKeys> {
  const { publicKey, privateKey } = await hpke().kem.generateKeyPair();
  const encoded = new Uint8Array(await hpke().kem.serializePublicKey(publicKey));
  return {
    publicKey: encoded,
    async open(sealed, info) {
      try {
        const recipient = { recipientKey: privateKey, enc: owned(sealed.slice(0, ENC_BYTES)), info: owned(info) };
        return new Uint8Array(await hpke().open(recipient, owned(sealed.slice(ENC_BYTES))));
      } catch {
        throw error("link-mismatch");
      }
    },
  };
}

/** `enc || ciphertext` of a plaintext for a public key of 1,216 bytes. Throws HomeError `link-mismatch` for another key. */
export async function sealTo(publicKey: Uint8Array, info: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array> {
  try {
    const recipientPublicKey = await hpke().kem.deserializePublicKey(owned(publicKey.slice()).buffer);
    const { enc, ct } = await hpke().seal({ recipientPublicKey, info: owned(info) }, owned(plaintext));
    return concat(new Uint8Array(enc), new Uint8Array(ct));
  } catch {
    throw error("link-mismatch");
  }
}
