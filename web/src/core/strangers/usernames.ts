/** The calls about usernames: a chunk of its own, with the tables of letters. Twin of the same of zajil.client.contacting. */
import { DROP_USERNAME, PUT_USERNAME, USERNAME } from "../../protocol/contacts/calls.ts";
import { COST, keySource, parseUsername } from "../../protocol/contacts/usernames.ts";
import { error } from "../../protocol/errors.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { argon2id } from "../argon2.ts";
import * as usernames from "../rules/contact/usernames.ts";
import { loadUsername } from "../state/usernames.ts";
import type { Handlers, Host } from "../verbs/handlers.ts";
import { relationTo } from "../verbs/people.ts";
import type { UsernameCalls } from "./view.ts";

/** Calls about usernames. */
export function usernameVerbs(host: Host): Handlers<keyof UsernameCalls> {
  const own = () => host.core().look(async (look) => (await loadUsername(look.tx)).name ?? "");
  const note = async (name: string | null): Promise<void> => {
    await host.core().step("username", (step) => usernames.note(step, name));
    host.wake();
  };
  return {
    username: own,
    async set_username({ name: text }) {
      const name = parseUsername(text);
      await callAbout(host, PUT_USERNAME, name);
      await note(name);
      return name;
    },
    async release_username() {
      const name = await own();
      if (name === "") throw error("gone", "username");
      await callAbout(host, DROP_USERNAME, name);
      await note(null);
    },
    async find_username({ name: text }) {
      const username = parseUsername(text);
      const account = encodeB64((await callAbout(host, USERNAME, username)).account_id);
      return { account, username, known: await relationTo(host, account) };
    },
  };
}

/** A call that names a username by its key alone. */
async function callAbout<T>(host: Host, route: Parameters<typeof host.calls.call<T>>[0], name: string): Promise<T> {
  const { server_name } = await host.core().look((look) => Promise.resolve(look.profile));
  const { secret, salt } = keySource(name, server_name);
  const username = encodeB64(await argon2id(secret, salt, COST));
  return host.calls.call(route, { auth: await host.tokens().auth(), parameters: { username } });
}
