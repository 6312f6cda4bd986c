/** What the calls of view.ts do: a chunk of its own. */
import { error } from "../../protocol/errors.ts";
import type { Answer, Person } from "../api.ts";
import * as contact from "../rules/contact/contact.ts";
import { mergeDms } from "../rules/joining.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";
import type { Handlers, Host } from "../verbs/handlers.ts";
import { personOf } from "../verbs/views.ts";
import * as asking from "./asking.ts";
import * as blocking from "./blocking.ts";
import type { ContactRequest, StrangerCalls } from "./view.ts";

type Reply = Parameters<StrangerCalls["answer_request"]>[0]["answer"];

/** Calls about people this account does not know yet, or no more. */
export function strangerVerbs(host: Host): Handlers<keyof StrangerCalls> {
  const change = async <T>(name: string, work: (step: Step) => Promise<T>): Promise<T> => {
    const done = await host.core().step(name, work);
    host.wake();
    return done;
  };
  return {
    requests: () => host.core().look(requestsOf),
    answer_request: ({ id, answer }) => change(answer, (step) => reply(step, id, answer)),
    async request_contact(a) {
      const { gid, message } = await change("request", (step) => asking.ask(step, a));
      await asking.outcome(host.core(), message);
      return gid;
    },
    set_blocked: ({ account, blocked }) =>
      change("block", (step) => (blocked ? blocking.block : blocking.unblock)(step, account)),
    blocked_people: () =>
      host.core().look(async (look): Promise<Answer<"blocked_people">> => {
        const found: Person[] = [];
        for (const account of await blocking.blockedOf(look)) found.push(await personOf(look, account));
        return found;
      }),
  };
}

/** Requests that wait for a decision, the newest first; also one whose first message waits for it. */
async function requestsOf(look: Look): Promise<ContactRequest[]> {
  const all = await rows.allAccounts(look.tx);
  const found: ContactRequest[] = [];
  for (const chat of await contact.incoming(look)) {
    const first = (await look.tx.rows("message", rows.bytesOf(chat.gid), { limit: 1 }))[0];
    const { text, sent } = first ? rows.parseMessage(first[1]) : { text: "", sent: chat.activity };
    const person = await personOf(look, chat.peer);
    const alike = all.find((one) => one.contact && outline(one.name) === outline(person.name));
    found.push({ id: chat.gid, ...person, text, at: sent, ...(alike && { resembles: alike.name }) });
  }
  return found;
}

/** What names have in common that differ in case, marks, width, blanks or what nobody sees. */
function outline(name: string): string {
  return name
    .normalize("NFKD")
    .replace(/[\p{M}\p{C}\s]/gu, "")
    .toLowerCase();
}

/** The request of this chat. Throws `gone`. */
async function load(look: Look, gid: Id): Promise<Chat> {
  const chat = await rows.findChat(look.tx, gid);
  if (chat?.request !== "incoming" || chat.status !== "active") throw error("gone", "request");
  return chat;
}

async function reply(step: Step, gid: Id, answer: Reply): Promise<Id> {
  const chat = await load(step, gid);
  if (answer === "block") await blocking.block(step, chat.peer);
  else if (answer === "decline") await blocking.decline(step, gid);
  else {
    await contact.accept(step, gid);
    await mergeDms(step, chat.peer);
  }
  return (await step.chat(gid)).merged || gid;
}
