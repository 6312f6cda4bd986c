/** Keys and secrets under the wrapping key of the vault: AES-256-GCM, AAD = the name of what is wrapped. */
import { error } from "../../protocol/errors.ts";
import { owned } from "./sealing.ts";
import type { Kek, Wrapped } from "./types.ts";

interface Shape {
  readonly format: "raw" | "pkcs8";
  readonly algorithm: AesKeyAlgorithm | HmacImportParams | "Ed25519";
  readonly uses: readonly KeyUsage[];
}

export function wrapping(iv: Uint8Array, name: string): AesGcmParams {
  return { name: "AES-GCM", iv: owned(iv), additionalData: new TextEncoder().encode(`zajil vault v1 ${name}`) };
}

/** An extractable key under the KEK. */
export async function wrapKey(kek: Kek, name: string, format: "raw" | "pkcs8", key: CryptoKey): Promise<Wrapped> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  return { iv, ct: new Uint8Array(await crypto.subtle.wrapKey(format, key, kek, wrapping(iv, name))) };
}

/** The inverse; the key cannot be exported. Throws `home-damaged` where the KEK or the name is another, or a byte. */
export async function openWrapped(
  kek: Kek,
  name: string,
  { iv, ct }: Wrapped,
  { format, algorithm, uses }: Shape,
): Promise<CryptoKey> {
  try {
    return await crypto.subtle.unwrapKey(format, owned(ct), kek, wrapping(iv, name), algorithm, false, [...uses]);
  } catch {
    throw error("home-damaged", "", { detail: { table: "vault" } });
  }
}
