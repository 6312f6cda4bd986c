/** How a device proves to the server which one it is. Twin of a part of zajil.client.shell.chains. */
import { encodeLogin, type Sign, signObject } from "../../protocol/identity/objects.ts";
import * as rows from "../state/rows.ts";

/** A token in its text form. expires: Unix seconds by the server's clock. */
export interface Token {
  readonly token: string;
  readonly expires: number;
}

/** The signed login object of a device. nonce: 32 bytes, of the challenge, or the hash of a first device list. */
export function makeLogin(profile: rows.Profile, nonce: Uint8Array, sign: Sign): Promise<Uint8Array> {
  const { server_name, device_id } = profile;
  const login = { server_name, nonce, account_id: rows.bytesOf(profile.account_id), device_id };
  return signObject("login", encodeLogin(login), sign);
}
