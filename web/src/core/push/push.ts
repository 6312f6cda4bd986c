/** The calls about push; loaded with the first one. It shares no code with what loads first, which would have to grow. */
import type { Empty, Route } from "../../protocol/control.ts";
import type { Handlers, Host } from "../verbs/handlers.ts";
import type { PushCalls } from "./view.ts";

const CONFIG: Route<string> = {
  method: "GET",
  path: "/config",
  auth: ["none"],
  /** Servers of before know no pushes. */
  answer: (value) => {
    const key = (value as { push_key?: unknown } | null)?.push_key;
    return typeof key === "string" && /^[\w-]{87}$/.test(key) ? key : "";
  },
};
const PUT_PUSH: Route<Empty> = { method: "PUT", path: "/push", auth: ["device"], answer: () => ({}) };
const DROP_PUSH: Route<Empty> = { ...PUT_PUSH, method: "DELETE" };

export function pushCalls(host: Host): Handlers<keyof PushCalls> {
  return {
    push_key: () => host.calls.call(CONFIG),
    async set_push({ endpoint, p256dh, auth }) {
      const request = { endpoint, p256dh, auth };
      await host.calls.call(PUT_PUSH, { auth: await host.tokens().auth(), request });
    },
    async drop_push() {
      await host.calls.call(DROP_PUSH, { auth: await host.tokens().auth() });
    },
  };
}
