/** Calls of the public space, and the one thing that the private side gives it: a pass. */
import * as control from "../../protocol/control.ts";
import { error } from "../../protocol/errors.ts";
import { PublicSide } from "../public/public.ts";
import type { Handlers, Host } from "./handlers.ts";

type Names = "personas" | "create_persona" | "public_call";

/** Calls of the public space. */
export function publicVerbs(host: Host): Handlers<Names> {
  const side = new PublicSide({
    store: host.store,
    caller: host.way.sessions,
    now: () => host.now(),
    serverName: () => host.core().look((look) => Promise.resolve(look.profile.server_name)),
    takePass: (once) => takePass(host, once),
  });
  return {
    personas: ({ again }) => side.personas(again),
    create_persona: ({ handle, display_name }) => side.create(handle, display_name),
    public_call: (request) => side.call(request),
  };
}

async function takePass(host: Host, idempotency: Uint8Array): Promise<Uint8Array> {
  const auth = await host.tokens().auth();
  const { passes } = await host.calls.call(control.TAKE_PASSES, {
    auth,
    idempotency,
    request: { kind: "persona", n: 1 },
  });
  if (!passes[0]) throw error("malformed", "no pass");
  return passes[0];
}
