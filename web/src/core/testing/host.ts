/** The verbs of a person in a test world, as a tab calls them; what they ask the server themselves, a test answers. */
import { error } from "../../protocol/errors.ts";
import { EPHEMERAL } from "../../protocol/frames.ts";
import type { CoreEvent } from "../api.ts";
import { Calls } from "../shell/calls.ts";
import { Tokens } from "../shell/login.ts";
import type { Caller } from "../transports/base.ts";
import { eventsOf } from "../events.ts";
import { groupVerbs } from "../verbs/groups.ts";
import type { Handlers, Host } from "../verbs/handlers.ts";
import { peopleVerbs } from "../verbs/people.ts";
import { reportVerbs } from "../verbs/reports.ts";
import { settingsVerbs } from "../verbs/settings.ts";
import { searchVerbs } from "../search/searching.ts";
import { talkVerbs } from "../verbs/talk.ts";
import type { Person } from "./people.ts";

type Local = ReturnType<typeof verbsOf>;

const NOBODY: Caller = { call: () => Promise.reject(error("unreachable")) };

/** The verbs of `person`, and the events its tabs heard, oldest first. caller: the server, as control calls see it. */
export function tabOf(
  person: Person,
  caller = NOBODY,
): { readonly call: Local; readonly events: CoreEvent[]; readonly host: Host } {
  const events: CoreEvent[] = [];
  const calls = new Calls(caller);
  const host: Host = {
    store: person.store,
    server: "http://test",
    calls,
    get way(): never {
      throw error("unreachable");
    },
    now: () => person.world.time,
    core: () => person.core,
    tokens: () => new Tokens(person.core, calls),
    files: () => Promise.reject(error("unreachable")),
    wake: () => undefined,
    sendOnce: (request) => {
      const { service } = person.world;
      if (request.flags & EPHEMERAL) service.whisper(request);
      else service.take(request);
    },
    emit: (event) => events.push(event),
  };
  person.core.onTold((told) => {
    void person.core.look((look) => eventsOf(look, told)).then((more) => events.push(...more));
  });
  return { call: verbsOf(host), events, host };
}

function verbsOf(host: Host) {
  return {
    ...talkVerbs(host),
    ...searchVerbs(host),
    ...reportVerbs(host),
    ...groupVerbs(host),
    ...settingsVerbs(host),
    ...peopleVerbs(host),
  } satisfies Partial<Handlers>;
}
