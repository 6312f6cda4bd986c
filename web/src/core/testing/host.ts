/** The verbs of a person in a test world, as a tab calls them; those that ask the server themselves are not here. */
import { error } from "../../protocol/errors.ts";
import type { CoreEvent } from "../api.ts";
import { eventsOf } from "../events.ts";
import { groupVerbs } from "../verbs/groups.ts";
import type { Handlers, Host } from "../verbs/handlers.ts";
import { peopleVerbs } from "../verbs/people.ts";
import { settingsVerbs } from "../verbs/settings.ts";
import { talkVerbs } from "../verbs/talk.ts";
import type { Person } from "./people.ts";

type Local = ReturnType<typeof verbsOf>;

/** The verbs of `person`, and the events its tabs heard, oldest first. */
export function tabOf(person: Person): { readonly call: Local; readonly events: CoreEvent[] } {
  const events: CoreEvent[] = [];
  const host: Host = {
    store: person.store,
    server: "http://test",
    get calls(): never {
      throw error("unreachable");
    },
    get way(): never {
      throw error("unreachable");
    },
    now: () => person.world.time,
    core: () => person.core,
    tokens: () => {
      throw error("unreachable");
    },
    wake: () => undefined,
    sendOnce: (request) => void person.world.service.whisper(request),
    emit: (event) => events.push(event),
  };
  person.core.onTold((told) => {
    void person.core.look((look) => eventsOf(look, told)).then((more) => events.push(...more));
  });
  return { call: verbsOf(host), events };
}

function verbsOf(host: Host) {
  return {
    ...talkVerbs(host),
    ...groupVerbs(host),
    ...settingsVerbs(host),
    ...peopleVerbs(host),
  } satisfies Partial<Handlers>;
}
