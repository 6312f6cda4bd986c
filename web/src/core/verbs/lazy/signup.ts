/** The call that makes an account: its code loads with it. */
import type { Arguments, Me } from "../../api.ts";
import { error, ZajilError } from "../../../protocol/errors.ts";
import { type ContactLink, parseContactLink } from "../../../protocol/identity/links.ts";
import { once } from "../../lazy.ts";
import * as chats from "../../rules/chats.ts";
import { register } from "../../shell/enrol.ts";
import { meOf, type Opening } from "../account.ts";
import type { Handlers, Host } from "../handlers.ts";
import { addLinked } from "../people.ts";
import { keepFirstBridges, learnServer } from "../reach.ts";

/** Signing up. */
export function signupVerbs(host: Host, opening: Opening): Handlers<"create_account" | "stop_work"> {
  let creating: Promise<Me> | undefined;
  let stop = new AbortController();
  return {
    create_account(args) {
      // Two presses make one account.
      creating ??= createAccount(host, opening, args, (stop = new AbortController()).signal).finally(
        () => (creating = undefined),
      );
      return creating;
    },
    stop_work: () => Promise.resolve(stop.abort()),
  };
}

const solving = once(
  () => import("../../gate/solving.ts"),
  ({ solve }) => solve,
);

async function createAccount(
  host: Host,
  opening: Opening,
  { name, invite = "" }: Arguments<"create_account">,
  stop: AbortSignal,
): Promise<Me> {
  chats.checkName(name);
  const link = invite.trim() === "" ? undefined : readInvite(host, invite);
  if (link?.bridges) await keepFirstBridges(host, link.bridges);
  await learnServer(host, link?.bridges ?? null);
  await register(host.store, host.calls, {
    server: host.server,
    name: name.trim(),
    invite: link?.code ?? null,
    now: () => host.now(),
    work: async (challenge) => (await solving())(challenge, (share) => host.emit({ event: "work", share }), stop),
  });
  await opening.opened();
  // The account stands whatever becomes of the first chat: a link that is spent or expired hurts nobody else.
  if (link !== undefined && link.account_id !== null) await addLinked(host, link).catch(keepGoing);
  host.wake();
  return host.core().look((look) => Promise.resolve(meOf(look.profile)));
}

/** Refusals of ours and of the server; anything else is a bug and goes on. */
function keepGoing(problem: unknown): void {
  if (!(problem instanceof ZajilError)) throw problem;
}

/** A pasted or opened invite, with or without an account behind it. Throws `bad-link`, `link-expired`. */
function readInvite(host: Host, text: string): ContactLink {
  const link = parseContactLink(text);
  if (link.expires <= host.now() / 1000) throw error("link-expired");
  return link;
}
