/**
 * The session token of this device: taken by signing a challenge, kept until shortly before it expires.
 * Twin of zajil.client.shell.login.
 */
import * as control from "../../protocol/control.ts";
import { AuthError, error, ZajilError } from "../../protocol/errors.ts";
import type { Sign } from "../../protocol/identity/objects.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import type { Core } from "../rules/core.ts";
import * as rows from "../state/rows.ts";
import { type Calls, deviceAuth } from "./calls.ts";
import { makeLogin, type Token } from "./proof.ts";

export const MARGIN_S = 60;

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

  /**
   * The server does not take this token any more; without one, whichever there is. One that was taken since stays: of
   * several calls that are refused together, one logs in for all.
   */
  async forget(token?: string): Promise<void> {
    await this.#core.step("token", async (step) => {
      if (token === undefined || token === (await step.session()).token)
        await step.changeSession({ token: "", token_expires: 0 });
    });
  }

  async #find(): Promise<string> {
    const session = await this.#core.look((look) => look.session());
    if (session.revoked) throw error("device-revoked");
    if (session.token && session.token_expires - MARGIN_S > this.#core.now() / 1000) return session.token;
    try {
      const { secrets } = this.#core.store;
      const profile = await this.#core.look((look) => Promise.resolve(look.profile));
      const taken = await logIn(this.#calls, profile, (data) => secrets.sign(data)).catch(async (problem: unknown) => {
        // A server that came back from an older backup does not know a device that was linked since; where there are
        // many behind one address, it tells most of them to slow down. The account key is no failed login.
        const isUnknown = problem instanceof ZajilError && ["bad-challenge", "slow-down"].includes(problem.code);
        const brought = isUnknown && (await (await import("./lostlists.ts")).bringOurselves(this.#core, this.#calls));
        if (!brought) throw problem;
        return brought;
      });
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
