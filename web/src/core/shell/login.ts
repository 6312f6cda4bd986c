/**
 * The session token of this device: taken by signing a challenge, kept until shortly before it expires.
 * Twin of zajil.client.shell.login.
 */
import * as control from "../../protocol/control.ts";
import { AuthError, error } from "../../protocol/errors.ts";
import { encodeLogin, type Sign, signObject } from "../../protocol/identity/objects.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import type { Core } from "../rules/core.ts";
import * as rows from "../state/rows.ts";
import { type Calls, deviceAuth } from "./calls.ts";

export const MARGIN_S = 60;

/** A token in its text form. expires: Unix seconds by the server's clock. */
export interface Token {
  readonly token: string;
  readonly expires: number;
}

/** Hands out the token; one login at a time. */
export class Tokens {
  readonly #core: Core;
  readonly #calls: Calls;
  #running: Promise<string> | undefined;

  constructor(core: Core, calls: Calls) {
    this.#core = core;
    this.#calls = calls;
  }

  /** A token that is valid for another minute. Rejects with AuthError `device-revoked`, Unreachable. */
  token(): Promise<string> {
    this.#running ??= this.#find().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** The Authorization header of this device. */
  async auth(): Promise<string> {
    return deviceAuth(await this.token());
  }

  /** The server does not take the token any more. */
  async forget(): Promise<void> {
    await this.#keep({ token: "", expires: 0 });
  }

  async #find(): Promise<string> {
    const session = await this.#core.look((look) => look.session());
    if (session.revoked) throw error("device-revoked");
    if (session.token && session.token_expires - MARGIN_S > this.#core.now() / 1000) return session.token;
    try {
      const { secrets } = this.#core.store;
      const profile = await this.#core.look((look) => Promise.resolve(look.profile));
      const taken = await logIn(this.#calls, profile, (data) => secrets.sign(data));
      await this.#keep(taken);
      return taken.token;
    } catch (problem) {
      if (problem instanceof AuthError && problem.code === "device-revoked") await this.#core.takeRevoked();
      throw problem;
    }
  }

  #keep({ token, expires }: Token): Promise<void> {
    return this.#core.step("token", async (step) => {
      await step.changeSession({ token, token_expires: expires });
    });
  }
}

/** A fresh token by challenge. sign: by the device key. */
export async function logIn(calls: Calls, profile: rows.Profile, sign: Sign): Promise<Token> {
  const request = { account_id: rows.bytesOf(profile.account_id), device_id: profile.device_id };
  const { nonce } = await calls.call(control.CHALLENGE, { request });
  const login = await makeLogin(profile, nonce, sign);
  const session = await calls.call(control.TAKE_TOKEN, { request: { login } });
  return { token: encodeB64(session.token), expires: session.expires };
}

/** The signed login object of a device. nonce: 32 bytes, of the challenge, or the hash of a first device list. */
export function makeLogin(profile: rows.Profile, nonce: Uint8Array, sign: Sign): Promise<Uint8Array> {
  const { server_name, device_id } = profile;
  const login = { server_name, nonce, account_id: rows.bytesOf(profile.account_id), device_id };
  return signObject("login", encodeLogin(login), sign);
}
