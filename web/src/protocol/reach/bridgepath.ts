/** The secret path of a bridge: proof of a token in one URL, without which the edge shows its decoy. */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii, concat, encodeUint } from "../bytes.ts";
import { error } from "../errors.ts";
import { encodeB64 } from "../ids.ts";

const BUCKET_S = 600;

/**
 * The path of one carrier; zajil.protocol.reach.bridgepath has the format.
 *
 * host: the bridge's name, without port. nowS: Unix seconds by the server's clock. nonce: 8 fresh random bytes.
 */
export function bridgePath(
  token: Uint8Array,
  host: string,
  dir: string,
  { nowS, nonce }: { readonly nowS: number; readonly nonce: Uint8Array },
): string {
  if (nonce.length !== 8) throw error("wrong-call", "nonce of 8 bytes");
  const bucket = encodeUint(Math.floor(nowS / BUCKET_S), 8);
  const said = (label: string, ...more: Uint8Array[]): Uint8Array =>
    hmac(sha256, token, concat(ascii(`zajil/${label}/1${host.toLowerCase()}\0`), bucket, ...more));
  const segment = concat(nonce, said("path-id").slice(0, 4), said("path", nonce).slice(0, 16));
  return `/${dir}/${encodeB64(segment)}`;
}
