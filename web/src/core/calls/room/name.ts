/** The room of a call: members derive it, and the server cannot tell which call it is of. */
import { ascii } from "../../../protocol/bytes.ts";

const INFO = "zajil media room 1";
const ROOM_BITS = 128;

/** 16 bytes. call: 16, secret: 32. Source: docs/protocol/calls.md, "Tickets". */
export async function deriveRoom(call: Uint8Array, secret: Uint8Array): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("raw", secret.slice(), "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: call.slice(), info: ascii(INFO).slice() };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, ROOM_BITS));
}
