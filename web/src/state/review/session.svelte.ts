/** Who is logged in here, and how they come in and go. */
import { Press } from "../ask.svelte.ts";
import { call, onEnd, Refused, useToken } from "./calls.ts";
import { askPasskey, createPasskey } from "./passkey.ts";
import { type Me, readMe, readNothing, readOptions, readSession } from "./shapes.ts";

class Session {
  me = $state.raw<Me | undefined>();
  /** The session ended by itself: half an hour without a call, or eight hours. */
  over = $state(false);
  readonly press = new Press();

  constructor() {
    onEnd(() => {
      this.me = undefined;
      this.over = true;
    });
  }

  /** By a passkey that the server knows. */
  logIn(): Promise<boolean> {
    return this.press.done(async () => {
      const credential = await askPasskey(await call("POST", "/auth/login/options", readOptions));
      await this.#open("/auth/login/verify", { credential });
    });
  }

  /** By an invite: a new passkey. name: of a new member. label: of the key. */
  join(invite: string, name: string, label: string): Promise<boolean> {
    return this.press.done(async () => {
      const options = await call("POST", "/auth/register/options", readOptions, { body: { invite, name } });
      const credential = await createPasskey(options);
      await this.#open("/auth/register/verify", { invite, name, label, credential });
    });
  }

  async #open(path: string, body: unknown): Promise<void> {
    useToken(undefined);
    useToken((await call("POST", path, readSession, { body })).token);
    this.me = await call("GET", "/me", readMe);
    this.over = false;
  }

  /** The key is asked once more; what is severe stays open for five minutes. */
  async stepUp(): Promise<void> {
    const credential = await askPasskey(await call("POST", "/auth/step-up/options", readOptions));
    this.me = await call("POST", "/auth/step-up/verify", readMe, { body: { credential } });
  }

  /** Work that may need the key again: it is asked for then, and the work is tried once more. */
  async withKey<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "step-up-needed") throw error;
      await this.stepUp();
      return work();
    }
  }

  /** The token is forgotten here whether or not the server hears of it. */
  async logOut(): Promise<void> {
    await call("DELETE", "/auth/token", readNothing).catch(() => undefined);
    useToken(undefined);
    this.me = undefined;
    this.over = false;
    this.press.error = undefined;
  }

  /** Nobody was here for half an hour. */
  async leave(): Promise<void> {
    await this.logOut();
    this.over = true;
  }
}

export const session = new Session();
