/** Usernames: how a name becomes the key by which a server keeps it. Mirrors zajil.protocol.contacts.usernames. */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeText } from "../bytes.ts";
import { parseHandle, skeleton } from "../public/handles.ts";

/** Argon2id: KiB, passes, lanes, and bytes of a key. */
export const COST = { memory_kib: 19 * 1024, passes: 2, lanes: 1, bytes: 32 } as const;
const SALT_BYTES = 16;

/** The name as it is shown, without a leading `@`. Throws Malformed `bad-handle`. */
export const parseUsername = (text: string): string => parseHandle(text.replace(/^@/, ""));

/** What Argon2id takes. name: as `parseUsername` gives it. Names that look alike have one key. */
export function keySource(
  name: string,
  serverName: string,
): { readonly secret: Uint8Array; readonly salt: Uint8Array } {
  const salt = sha256(encodeText(`zajil username v1${serverName}`)).slice(0, SALT_BYTES);
  return { secret: encodeText(skeleton(name)), salt };
}
