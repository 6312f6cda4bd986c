/** Strangers who ask to write and people who are blocked, as the screens are tried with. */
import type { Answer, Arguments, CoreEvent } from "../../src/core/api.ts";
import type { StrangerCalls, UsernameCalls } from "../../src/core/strangers/view.ts";
import { Refused } from "./answers.ts";
import { person, type World } from "./world.ts";

type Names = Exclude<keyof StrangerCalls, "request_contact"> | keyof UsernameCalls | "request_count";
type Table = { [N in Names]: (args: Arguments<N>) => Answer<N> };

/** As much of the rules as the screens need. */
function checkName(text: string): string {
  const name = text.replace(/^@/, "").toLowerCase();
  if (name.length < 3 || name.includes(" ")) throw new Refused("bad-handle");
  if (name.startsWith("taken")) throw new Refused("handle-taken");
  return name;
}

export function strangerCalls(world: World, emit: (event: CoreEvent) => void): Table {
  const tell = (): void => {
    for (const { id } of world.chats) emit({ event: "chat", chat: id });
    for (const event of ["chats", "contacts"] as const) emit({ event });
  };
  let own = world.scene === "busy" ? "layla.h" : "";
  return {
    username: () => own,
    set_username: ({ name }) => {
      own = checkName(name);
      tell();
      return own;
    },
    release_username: () => {
      own = "";
      tell();
    },
    find_username: ({ name }) => {
      const username = checkName(name);
      if (username.startsWith("nobody")) throw new Refused("gone");
      return { account: person(username).account, username, known: username === own ? "self" : "no" };
    },
    request_count: () => world.requests.length,
    requests: () => structuredClone(world.requests),
    answer_request: ({ id, answer }) => {
      const found = world.requests.find((one) => one.id === id);
      if (found === undefined) throw new Refused("gone");
      world.requests = world.requests.filter((one) => one !== found);
      if (answer === "block") world.blocked.add(found.account);
      tell();
      return world.chats[0]?.id ?? "";
    },
    set_blocked: ({ account, blocked }) => {
      if (blocked) world.blocked.add(account);
      else world.blocked.delete(account);
      tell();
    },
    blocked_people: () =>
      [...world.blocked].map((account) => {
        const known = world.contacts.find((one) => one.account === account) ?? person(account);
        return { account, name: known.name };
      }),
  };
}
