/** The KEK out of one of the ways to it. */
import { error } from "../../protocol/errors.ts";
import { type Kek, type Wrapped, wrapping } from "../store/index.ts";

const AES = { name: "AES-GCM", length: 256 } as const;

/** The KEK under the key of a way. Throws `wrong-passphrase` where it is another's. */
export async function openKek(key: CryptoKey, name: string, { iv, ct }: Wrapped, extractable: boolean): Promise<Kek> {
  try {
    return await crypto.subtle.unwrapKey("raw", new Uint8Array(ct), key, wrapping(iv, name), AES, extractable, [
      "encrypt",
      "decrypt",
      "wrapKey",
      "unwrapKey",
    ]);
  } catch {
    throw error("wrong-passphrase");
  }
}
