/** Makes an account: what an account lives by loads with it, while the server is asked (`../newcomer.ts`). */
import type { Me } from "../../api.ts";
import type * as control from "../../../protocol/control.ts";
import { ZajilError } from "../../../protocol/errors.ts";
import type { ContactLink } from "../../../protocol/identity/links.ts";
import { once } from "../../lazy.ts";
import * as chats from "../../rules/chats.ts";
import { register } from "../../shell/enrol.ts";
import { meOf, type Opening } from "../account.ts";
import type { Host } from "../handlers.ts";
import { addLinked } from "../people.ts";

/** What is known of an account that is to be made. */
export interface Wanted {
  readonly name: string;
  /** The invite by which it is made. */
  readonly link: ContactLink | undefined;
  /** What the server says of itself now. */
  readonly config: control.Config;
  /** Gives up the work. */
  readonly stop: AbortSignal;
}

const solving = once(
  () => import("../../gate/solving.ts"),
  ({ solve }) => solve,
);

/** Who we are then. Rejects as `register` does, and with `work-unfinished`. */
export async function signUp(host: Host, opening: Opening, { name, link, config, stop }: Wanted): Promise<Me> {
  chats.checkName(name);
  await register(host.store, host.calls, {
    server: host.server,
    name: name.trim(),
    invite: link?.code ?? null,
    config,
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
